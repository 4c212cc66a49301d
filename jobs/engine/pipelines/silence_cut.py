"""The silence cut as a whole: from a recording to one without its silences, or to the plan for it."""

import contextlib
import dataclasses
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from jobs.engine.analysis import peak_levels, vad
from jobs.engine.analysis.peak_levels import Levels
from jobs.engine.analysis.vad import Voice
from jobs.engine.audio.decoder import output_rate
from jobs.engine.captions.transcript import Transcript
from jobs.engine.captions.word_joins import WordJoins, word_joins
from jobs.engine.container import muxers
from jobs.engine.edit import cut_plan
from jobs.engine.edit.cut_plan import CutParams, CutPlan
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.model.progress import Advance, Progress
from jobs.engine.model.report import Report
from jobs.engine.model.told import Told
from jobs.engine.pipelines.timeline_render import render_timeline
from jobs.engine.render import checked_render
from jobs.engine.render.passthrough import Captions
from jobs.engine.runtime import malloc
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.engine.runtime.threads import WorkerThread, worker_thread
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.smartcut import strategy as strategies
from jobs.engine.smartcut.packet_survey import CodedPictures
from jobs.engine.smartcut.strategy import Render, Strategy
from jobs.engine.video import frame_index
from jobs.engine.video.frame_index import FrameIndex
from jobs.engine.video.source import Source

# Of the time a cut takes: measuring the sound against encoding the result.
ANALYSIS_SHARE = 0.1


@dataclasses.dataclass(frozen=True)
class CutResult:
    """What was done, and what checking it before it was published has found."""

    plan: CutPlan
    strategy: Strategy
    report: Report
    seconds: dict[str, float]
    """Time on the clock for "analysis", "render" and "verify"."""
    captions: Captions = ()
    """The text tracks inside the result."""
    notes: tuple[str, ...] = ()
    """What there is to say about what was left out, in sentences."""
    words: WordJoins | None = None
    """The words at the joins, where there is a transcript."""

    @property
    def frames(self) -> int:
        return self.report.frames

    @property
    def frames_copied(self) -> int:
        """How many are the source's own, bit for bit."""
        return self.strategy.copied

    @property
    def render(self) -> Render:
        return self.strategy.render

    @property
    def reason(self) -> str:
        """Why it was rendered like that, in a sentence; empty when there is no picture."""
        return self.strategy.reason

    @property
    def told(self) -> Told:
        facts = [self.report.summary, *([self.words.summary] if self.words else [])]
        moments = tuple((float(join.at), join.told) for join in self.words.tightest) if self.words else None
        return dataclasses.replace(
            lengths(self.plan),
            reason=self.reason,
            checked=", ".join(facts),
            notes=tuple(self.notes),
            moments=moments or None,
            everywhere_seconds=self.strategy.everywhere_seconds(self.seconds["render"]),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            **plan_json(self.plan),
            **self.told.to_json(),
            "frames": self.frames,
            "frames_copied": self.frames_copied,
            "render": self.render,
            "report": self.report.to_json(),
            **({"words": self.words.to_json()} if self.words else {}),
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }


def lengths(plan: CutPlan) -> Told:
    return Told(source_seconds=round(float(plan.duration), 6), output_seconds=round(float(plan.output_duration), 6))


def plan_json(plan: CutPlan) -> dict[str, Any]:
    """The plan in seconds after the recording's start, rounded to microseconds.

    `keep` has what is kept at its own speed, `fast` what runs `speed` times as fast.
    Kept ranges are rounded inwards: given back as ranges to keep, they then move outwards to the very same frames.
    """

    def rounded(time: Fraction) -> float:
        return round(float(time), 6)

    return {
        "keep": [[math.ceil(start * 10**6) / 10**6, math.floor(end * 10**6) / 10**6] for start, end in plan.keep],
        **lengths(plan).to_json(),
        "saved": rounded(plan.saved),
        "threshold_db": plan.threshold_db,
        "detector": plan.detector,
        "muted": [[rounded(start), rounded(end)] for start, end in plan.muted],
        "fast": [[rounded(start), rounded(end)] for start, end in plan.fast],
        "speed": float(plan.speed) if plan.speed else None,
    }


def plan_only(
    source: Path,
    info: MediaInfo,
    params: CutParams,
    *,
    track: int | str = "all",
    cache: Path | None = None,
) -> CutPlan:
    """The plan that `cut` would render, boundaries on the picture's frames. Raises InputError, ToolError.

    With a `cache` folder (one that belongs to the bytes of `source`) only the first call has to read the recording.
    """
    return _analyse(source, info, params, track, cache, lambda fraction: None).plan


def cut(
    source: Path,
    output: Path,
    info: MediaInfo,
    params: CutParams,
    *,
    scratch: Path,
    track: int | str = "all",
    way: Render = "smart",
    cache: Path | None = None,
    transcript: Transcript | None = None,
    progress: Progress | None = None,
    log: CommandLog | None = None,
) -> CutResult:
    """Write `source` without its silences to `output`, which appears when it is whole.

    Its ending says what kind of file (`muxers`); in one for sound alone a picture is left out. It is checked before
    (`verify`), and nothing appears that does not pass. "smart" copies the source's compressed pictures where that is
    quicker, "encode" encodes them all.
    `track` is the audio track to find silence in: "all", or its place among the audio tracks. `scratch` is an
    existing folder for temporary files. A `transcript` of the source becomes captions of the result, and tells which
    words stand at its joins. `progress` gets a fraction from 0 to 1 and a stage in plain words; whatever it raises ends
    the work and leaves nothing behind.
    Raises InputError, ToolError, ResourceError.
    """
    work = Workspace(scratch, cache, progress or (lambda fraction, stage: None), log or CommandLog())
    seconds: dict[str, float] = {}
    container = muxers.for_name(output)
    seen = dataclasses.replace(info, video=None) if container.audio_only else info
    with checked_render.timed(seconds, "analysis"):
        found = _analyse(
            source,
            seen,
            params,
            track,
            cache,
            lambda part: work.progress(ANALYSIS_SHARE * part, "Measuring the sound"),
            survey=way == "smart" and seen.video is not None and container.can_copy(seen),
        )
    made = render_timeline(
        Source(source, info, found.index),
        found.plan.timeline,
        output,
        work.share(ANALYSIS_SHARE, 1),
        way=way,
        track=track,
        transcript=transcript,
        survey=found.order,
    )
    seconds["analysis"] += made.seconds["analysis"]
    words = word_joins(transcript, found.plan.timeline) if transcript else None
    seconds = {**made.seconds, **seconds}
    return CutResult(found.plan, made.strategy, made.report, seconds, made.captions, made.notes, words)


@dataclasses.dataclass(frozen=True)
class _Analysis:
    """The snapped plan, the picture's index, and what tells how its pictures are stored, if that was asked for."""

    plan: CutPlan
    index: FrameIndex | None = None
    order: Callable[[], CodedPictures] | None = None


def _analyse(
    source: Path,
    info: MediaInfo,
    params: CutParams,
    track: int | str,
    cache: Path | None,
    progress: Advance,
    *,
    survey: bool = False,
) -> _Analysis:
    """Sound and packets are read beside each other."""
    malloc.give_back_large_blocks()
    if not params.keep:
        peak_levels.tracks(info, track)

    def read(task: WorkerThread[Any]) -> FrameIndex | None:
        return frame_index.index_frames(source, info, cache_dir=cache, token=task.token) if info.video else None

    def look(task: WorkerThread[Any]) -> CodedPictures:
        # Not by waiting for the result alone: that could not be stopped.
        while not indexing.wait(0.1):
            task.token.check()
        index = indexing.result()
        assert index
        return strategies.survey_seekable(Source(source, info, index), task.token)

    with contextlib.ExitStack() as stack:
        indexing = stack.enter_context(worker_thread(read))
        surveying = stack.enter_context(worker_thread(look)) if survey else None
        measured: Levels | Voice | None = None
        if not params.keep:
            measure = vad.measure if params.detector == "voice" else peak_levels.measure
            measured = measure(source, info, track, cache_dir=cache, progress=progress)
        index = indexing.result()
        if surveying:
            surveying.join()
    plan = planned(info, params, measured, index)
    return _Analysis(plan, index, surveying.result if surveying else None)


def planned(info: MediaInfo, params: CutParams, measured: Levels | Voice | None, index: FrameIndex | None) -> CutPlan:
    """The plan from what was measured, boundaries on the picture's frames. Raises InputError."""
    ends = [measured.duration if measured else info.duration]
    if index:
        # The sound is not read when ranges are given, and another track may be longer than the measured one.
        ends.append(Fraction(index.end_tick, index.clock_hz))
        return cut_plan.snap(cut_plan.plan(measured, max(ends), params), index)
    return cut_plan.snap_to_samples(cut_plan.plan(measured, max(ends), params), output_rate(info.audio[0]))
