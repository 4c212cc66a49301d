"""The silence cut as a whole: from a recording to one without its silences, or to the plan for it."""

import contextlib
import dataclasses
import math
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

from jobs.engine.analysis import peak_levels, vad
from jobs.engine.analysis.feature_curve import Feature
from jobs.engine.analysis.peak_levels import Levels
from jobs.engine.analysis.vad import Voice
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.decoder import output_rate
from jobs.engine.captions.word_joins import WordJoins, word_joins
from jobs.engine.container import muxers
from jobs.engine.edit import cut_plan
from jobs.engine.edit.cut_plan import CutParams, CutPlan
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.model.progress import Advance
from jobs.engine.model.told import Told
from jobs.engine.pipelines import clean_audio
from jobs.engine.pipelines.clean_audio import CleanedTrack, CleanOptions
from jobs.engine.pipelines.timeline_render import (
    USUAL,
    Readings,
    RenderOptions,
    Survey,
    TimelineResult,
    lengths,
    render_timeline,
)
from jobs.engine.render import checked_render
from jobs.engine.runtime import malloc
from jobs.engine.runtime.threads import WorkerThread, worker_thread
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.smartcut import strategy as strategies
from jobs.engine.smartcut.packet_survey import CodedPictures
from jobs.engine.video import frame_index
from jobs.engine.video.frame_index import FrameIndex
from jobs.engine.video.source import Source
from jobs.errors import InputError

# Of the time a cut takes: measuring the sound against encoding the result.
ANALYSIS_SHARE = 0.1
# Of the whole, where audio is cleaned first.
CLEANING_SHARE = 0.3
CLEANING_ENCODES = "Sound that is copied stays as it is. Leave the noise in it, or have the sound encoded."


@dataclasses.dataclass(frozen=True, kw_only=True)
class CutResult(TimelineResult):
    """What was done, and what checking it before it was published has found."""

    plan: CutPlan
    words: WordJoins | None = None
    """The words at the joins, where there is a transcript."""
    cleaned: tuple[CleanedTrack, ...] = ()

    @property
    def told(self) -> Told:
        told = super().told
        facts = (*(fact for track in self.cleaned for fact in track.facts), *self.audio.facts)
        told = dataclasses.replace(told, facts=facts or None)
        if self.words is None:
            return told
        checked = f"{self.report.summary}, {self.words.summary}"
        moments = tuple((float(join.at), join.told) for join in self.words.tightest)
        return dataclasses.replace(told, checked=checked, moments=moments or None)

    def to_json(self) -> dict[str, Any]:
        words = {"words": self.words.to_json()} if self.words else {}
        cleaned = {"cleaned": [track.to_json() for track in self.cleaned]} if self.cleaned else {}
        return {**plan_json(self.plan), **super().to_json(), **words, **cleaned}


def plan_json(plan: CutPlan) -> dict[str, Any]:
    """The plan in seconds after the recording's start, rounded to microseconds.

    `keep` has what is kept at its own speed, `fast` what runs `speed` times as fast.
    Kept ranges are rounded inwards: given back as ranges to keep, they then move outwards to the very same frames.
    """

    def rounded(time: Fraction) -> float:
        return round(float(time), 6)

    return {
        "keep": [[math.ceil(start * 10**6) / 10**6, math.floor(end * 10**6) / 10**6] for start, end in plan.keep],
        **lengths(plan.timeline).to_json(),
        "saved": rounded(plan.saved),
        "threshold_db": plan.threshold_db,
        "detector": plan.detector,
        "muted": [[rounded(start), rounded(end)] for start, end in plan.muted],
        "fast": [[rounded(start), rounded(end)] for start, end in plan.fast],
        "speed": float(plan.speed) if plan.speed else None,
    }


def plan_only(
    source: Source,
    params: CutParams,
    *,
    track: int | str = "all",
    cache: Path | None = None,
    clean: CleanOptions | None = None,
    scratch: Path | None = None,
) -> CutPlan:
    """The plan that `cut` would render, boundaries on the picture's frames. Raises InputError, ToolError.

    With a `cache` folder (one that belongs to the bytes of `source`) only the first call has to read the recording.
    With `clean` what is cleaned takes room for a while, in `scratch` or where temporary files are.
    """
    with tempfile.TemporaryDirectory(prefix=".plan-", dir=scratch) as folder:
        if clean and not params.keep:
            source, _ = _cleaned(source, track, clean, Workspace(Path(folder)))
        return _analyse(source, params, track, cache, lambda fraction: None).plan


def cut(
    source: Source,
    params: CutParams,
    output: Path,
    work: Workspace,
    options: RenderOptions = USUAL,
    clean: CleanOptions | None = None,
) -> CutResult:
    """Write `source` without its silences to `output`, which appears when it is whole.

    With `clean` the tracks that are listened to are cleaned first, without loss; silence is looked for in what that
    gives. That is as `clean_audio` before the cut would, with audio encoded once.

    Its ending says what kind of file (`muxers`); in one for audio alone a picture is left out. It is checked before
    (`verify`), and nothing appears that does not pass. A transcript tells which words stand at the joins, too. Raises
    InputError, ToolError, ResourceError, and what `work.progress` raises, which leaves nothing behind.
    """
    if clean is None:
        return _cut(source, params, output, work, options)
    if options.audio.way == "copy":
        raise InputError(CLEANING_ENCODES, code="bad_params")
    with tempfile.TemporaryDirectory(dir=work.scratch, prefix=".clean-") as folder:
        cleaning = dataclasses.replace(work.share(0, CLEANING_SHARE), scratch=Path(folder))
        listened, tracks = _cleaned(source, options.track, clean, cleaning)
        made = _cut(listened, params, output, work.share(CLEANING_SHARE, 1), options)
    return dataclasses.replace(made, cleaned=tracks)


def _cleaned(
    source: Source, track: int | str, clean: CleanOptions, work: Workspace
) -> tuple[Source, tuple[CleanedTrack, ...]]:
    """The recording with cleaned tracks, in files in `work.scratch`, in place of those that are listened to."""
    wanted = source.info.require_audio(track)
    made = []
    for number, one in enumerate(wanted):
        scratch = work.scratch / str(number)
        scratch.mkdir()
        part = dataclasses.replace(work.share(number / len(wanted), (number + 1) / len(wanted)), scratch=scratch)
        made.append(clean_audio.cleaned_track(AudioSource(source.path, source.info, one), clean, part))
    files = {one.index: cleaned.file for one, cleaned in zip(wanted, made, strict=True)}
    return dataclasses.replace(source, stand_ins=files), tuple(made)


def _cut(source: Source, params: CutParams, output: Path, work: Workspace, options: RenderOptions) -> CutResult:
    seconds: dict[str, float] = {}
    container = muxers.for_name(output)
    seen = source.audio_only if container.audio_only else source
    measuring = work.share(0, ANALYSIS_SHARE)
    with checked_render.timed(seconds, "analysis"):
        analysis = _analyse(
            seen,
            params,
            options.track,
            work.cache,
            lambda done: measuring.progress(done, "Measuring the sound"),
            survey=options.way == "smart" and seen.info.video is not None and container.can_copy(seen.info),
        )
    indexed = dataclasses.replace(source, index=analysis.index)
    timeline, rest = analysis.plan.timeline, work.share(ANALYSIS_SHARE, 1)
    made = render_timeline(indexed, timeline, output, rest, options, Readings(coded=analysis.survey))
    made.seconds["analysis"] += seconds["analysis"]
    words = word_joins(options.transcript, timeline) if options.transcript else None
    return CutResult(**vars(made), plan=analysis.plan, words=words)


@dataclasses.dataclass(frozen=True)
class _Analysis:
    """The snapped plan, the picture's index, and what tells how its pictures are stored, if that was asked for."""

    plan: CutPlan
    index: FrameIndex | None = None
    survey: Survey | None = None


def _analyse(
    source: Source,
    params: CutParams,
    track: int | str,
    cache: Path | None,
    progress: Advance,
    *,
    survey: bool = False,
) -> _Analysis:
    """Audio and packets are read beside each other."""
    malloc.give_back_large_blocks()
    path, info = source.path, source.info
    if not params.keep:
        info.require_audio(track)

    def read(task: WorkerThread[Any]) -> FrameIndex | None:
        return frame_index.index_frames(path, info, cache_dir=cache, token=task.token) if info.video else None

    def look(task: WorkerThread[Any]) -> CodedPictures:
        # Not by waiting for the result alone: that could not be stopped.
        while not indexing.wait(0.1):
            task.token.check()
        return strategies.survey_seekable(Source(path, info, indexing.result()), task.token)

    with contextlib.ExitStack() as stack:
        indexing = stack.enter_context(worker_thread(read))
        surveying = stack.enter_context(worker_thread(look)) if survey else None
        measured: Levels | Voice | None = None
        if not params.keep:
            measured = _measured(source, params, track, cache, progress)
        index = indexing.result()
        if surveying:
            surveying.join()
    plan = planned(info, params, measured, index)
    return _Analysis(plan, index, surveying.result if surveying else None)


def _measured(
    source: Source, params: CutParams, track: int | str, cache: Path | None, progress: Advance
) -> Levels | Voice:
    feature: Feature[Levels] | Feature[Voice] = vad.VOICE if params.detector == "voice" else peak_levels.LEVELS
    if source.stand_ins:
        heard = [AudioSource(*source.audio(one)) for one in source.info.require_audio(track)]
        return feature.measure_tracks(heard, progress)
    return feature.measure(source.path, source.info, track, cache_dir=cache, progress=progress)


def planned(info: MediaInfo, params: CutParams, measured: Levels | Voice | None, index: FrameIndex | None) -> CutPlan:
    """The plan from what was measured, boundaries on the picture's frames. Raises InputError."""
    ends = [measured.duration if measured else info.duration]
    if index:
        # The sound is not read when ranges are given, and another track may be longer than the measured one.
        ends.append(Fraction(index.end_tick, index.clock_hz))
        return cut_plan.snap(cut_plan.plan(measured, max(ends), params), index)
    return cut_plan.snap_to_samples(cut_plan.plan(measured, max(ends), params), output_rate(info.audio[0]))
