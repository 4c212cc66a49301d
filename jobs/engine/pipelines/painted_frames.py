"""Something drawn over a recording's frames for a time, with all else as it was: a mark, or captions.

Where it shows only for a time, and the recording is stored so that it can be entered in the middle, the pictures before
and after are copied and only those around it are encoded: the runs of the smart cut, with nothing cut.
"""

import dataclasses
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from jobs.engine.container.muxers import MOV
from jobs.engine.model.report import Report, UndecodedFrames, first_of_each
from jobs.engine.model.segment import Segment
from jobs.engine.model.share import percent
from jobs.engine.model.told import Told
from jobs.engine.render import render, replace_video
from jobs.engine.render.checked_render import require
from jobs.engine.runtime.threads import CancellationToken, run_concurrently
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.smartcut import copy_plan, patch_quality, strategy
from jobs.engine.smartcut.codec import CannotCopy
from jobs.engine.smartcut.copy_plan import Decoding, Run
from jobs.engine.smartcut.packet_reader import Unsound
from jobs.engine.smartcut.splicer import Splice, splice_track
from jobs.engine.smartcut.strategy import Strategy
from jobs.engine.verify import verify
from jobs.engine.verify.frame_check import Viewing
from jobs.engine.video import chunked_encoder, frame_index, frame_schedule
from jobs.engine.video.chunked_encoder import Paint
from jobs.engine.video.frame_schedule import Schedule
from jobs.engine.video.overlay import PIXEL_FORMATS
from jobs.engine.video.source import Source
from jobs.errors import InputError

INDEX_SHARE, JOIN_SHARE, CHECK_SHARE = 0.02, 0.05, 0.05
"""Of the time that the whole takes."""
PATCH_SECONDS = 4
"""What is encoded is handed out to threads in runs this long."""


@dataclasses.dataclass(frozen=True)
class Painting:
    """What `paint` draws from `start` to `end` (None: to the end), seconds of the recording; `stage` says it."""

    paint: Paint
    start: Fraction
    end: Fraction | None
    stage: str


@dataclasses.dataclass(frozen=True)
class PaintedResult:
    """What was done, and what checking it has found. `audio_packets` are the source's own."""

    strategy: Strategy
    report: Report
    audio_packets: int

    @property
    def told(self) -> Told:
        spliced = self.strategy.reason.rstrip(".") if self.strategy.splice else ""
        return Told(summary=spliced, reason=self.strategy.reason, checked=self.report.summary)

    def to_json(self) -> dict[str, Any]:
        return {
            **self.told.to_json(),
            "frames": self.report.frames,
            "frames_copied": self.strategy.copied,
            "render": self.strategy.render,
            "sound_packets_copied": self.audio_packets,
        }


def paint_frames(source: Source, painting: Painting, output: Path, work: Workspace) -> PaintedResult:
    """Write `source` with the painting to `output`, whose ending is that of `replace_video.suffix_for`.

    Every frame keeps its time, and audio, texts, chapters and names are the source's. `output` appears when it is whole
    and has been checked. Raises InputError, ToolError, ResourceError, and what `work.progress` raises.
    """
    reading = "Reading the picture"
    work.progress(0, reading)
    ((indexed, wanted, way),) = run_concurrently(
        [lambda task: planned(source, painting, work.cache, task.token)], lambda done: work.progress(0, reading)
    )
    tries = _Tries(indexed, wanted, painting, work)
    with tempfile.TemporaryDirectory(dir=work.scratch, prefix=".mark-") as folder, render.whole(output) as part:
        picture = Path(folder) / "picture.mp4"
        try:
            report = tries.write_picture(way, picture)
        except Unsound as error:
            was_kept = work.kept is not None and work.kept.found > 0
            if way.splice is None and not was_kept:
                raise
            work.log.line(f"{error.message} {error.detail}")
            if work.kept:
                work.kept.forget()
            way = strategy.SECOND if way.splice else way
            report = tries.write_picture(way, picture)
        # ffmpeg and the check go by the ending.
        joined = Path(folder) / f"joined{output.suffix}"
        packets = tries.join(picture, joined)
        joined.rename(part)
    work.progress(1, "Checking the result")
    return PaintedResult(way, report, packets)


def planned(
    source: Source, painting: Painting, cache: Path | None, token: CancellationToken
) -> tuple[Source, Schedule, Strategy]:
    """The source with its index, all frames at their own times, and which pictures are copied.

    Raises InputError when no frame would show any of it.
    """
    index = frame_index.index_frames(source.path, source.info, cache_dir=cache, token=token)
    everything = frame_schedule.schedule(index, [Segment(Fraction(0), Fraction(index.end_tick, index.clock_hz))])
    begin, end = painted_range(everything, painting, index.clock_hz)
    if begin == end:
        raise InputError(
            "No picture of this recording comes on show while the mark should be seen. Choose a longer time.",
            code="nothing_to_mark",
        )
    # The frames before, with and after it: three segments that follow each other without a gap.
    firsts = tuple(first for first in dict.fromkeys((0, begin, end)) if first < len(everything.start_ticks))
    wanted = dataclasses.replace(everything, segment_firsts=firsts, segment_is_stretched=())
    indexed = Source(source.path, source.info, index)
    return indexed, wanted, _strategy(indexed, wanted, (begin, end), token)


def painted_range(wanted: Schedule, painting: Painting, clock_hz: int) -> tuple[int, int]:
    """The first frame that comes on show with it, and the first one after."""
    begin = int(np.searchsorted(wanted.start_ticks, -(-painting.start * clock_hz // 1)))
    if painting.end is None:
        return begin, len(wanted.start_ticks)
    return begin, int(np.searchsorted(wanted.start_ticks, -(-painting.end * clock_hz // 1)))


def _strategy(source: Source, wanted: Schedule, painted: tuple[int, int], token: CancellationToken) -> Strategy:
    video, index = source.info.require_video(), source.require_index()
    if painted[1] - painted[0] == len(wanted.start_ticks):
        return Strategy("The whole picture is encoded, because all of it bears the mark.")
    try:
        if video.pixel_format not in PIXEL_FORMATS:
            raise CannotCopy("its colours are stored in a rare way")
        if not MOV.can_copy(source.info):
            raise CannotCopy("not every container that takes its sound holds it")
        coded = strategy.survey_seekable(source, token)
        runs = encoded_where_painted(copy_plan.plan_runs(coded, index, wanted), painted, video.frame_rate)
        copied = sum(run.count for run in runs if run.copied_from is not None)
        if not copied:
            raise CannotCopy("no stretch of it can be copied")
        coding = patch_quality.chosen_coding(source, coded, runs, wanted, token)
        cost = strategy.smart_cost(runs, Decoding(coded, index, wanted), coding.settings)
        if cost >= strategy.whole_cost(source, wanted):
            raise CannotCopy("copying parts of it would take longer")
    except CannotCopy as why:
        return Strategy(f"The whole picture is encoded, because {why}.")
    share = percent(copied / len(wanted.start_ticks))
    return Strategy(f"{share} of the picture is untouched.", Splice(wanted, coded, runs, coding))


def encoded_where_painted(runs: list[Run], painted: tuple[int, int], frame_rate: Fraction) -> list[Run]:
    """The runs with those of painted frames encoded, so short that several encoders can share them."""
    maximum_frames = max(1, round((frame_rate or 30) * PATCH_SECONDS))
    shared: list[Run] = []
    for run in runs:
        if run.copied_from is not None and not painted[0] <= run.first < painted[1]:
            shared.append(run)
            continue
        for first in range(run.first, run.end, maximum_frames):
            shared.append(Run(first, min(maximum_frames, run.end - first)))
    return shared


@dataclasses.dataclass
class _Tries:
    """What all tries share; the source has an index."""

    source: Source
    wanted: Schedule
    painting: Painting
    work: Workspace

    def write_picture(self, way: Strategy, output: Path) -> Report:
        """Write the picture one way and check it. Raises Unsound when it is not as it should be."""
        encoding = self.work.share(INDEX_SHARE, 1 - JOIN_SHARE - CHECK_SHARE)

        def advance(done: float) -> None:
            encoding.progress(done, self.painting.stage)

        lost, paint, index = UndecodedFrames(), self.painting.paint, self.source.require_index()
        if way.splice:
            splice_track(self.source, way.splice, output, progress=advance, paint=paint, kept=self.work.kept)
        else:
            lost = chunked_encoder.encode_frames(
                self.source, self.wanted, output, progress=advance, paint=paint, kept=self.work.kept
            )
        advance(1.0)
        viewing = Viewing(output, self.wanted, index.clock_hz, way.splice)
        run_concurrently([lambda task: viewing.read(task.token)], lambda done: advance(1.0))
        viewing.play(lambda done: advance(1.0))
        report = proved(viewing, index.clock_hz, self.wanted, lost)
        require(report)
        return report

    def join(self, picture: Path, output: Path) -> int:
        """Put the file together and compare its audio. Returns how many packets of audio there are."""
        joining = self.work.share(1 - JOIN_SHARE - CHECK_SHARE, 1 - CHECK_SHARE)
        replace_video.join(
            self.source,
            picture,
            output,
            clock_hz=self.source.require_index().clock_hz,
            progress=lambda done: joining.progress(done, "Putting the file together"),
            log=self.work.log,
        )
        (packets,) = run_concurrently(
            [lambda task: replace_video.require_same_sound(self.source, output, task.token)],
            lambda done: joining.progress(1, "Checking the result"),
        )
        return packets


def proved(viewing: Viewing, clock_hz: int, wanted: Schedule, lost: UndecodedFrames) -> Report:
    """What looking at the pictures has found, and whether too many of the source's did not decode."""
    end = Fraction(int(wanted.start_ticks[-1] + wanted.duration_ticks[-1]), clock_hz)
    return Report(
        frames=viewing.frames,
        joins=len(wanted.segment_firsts) - 1,
        frames_decoded=viewing.decoded,
        frames_lost=lost.frames,
        faults=first_of_each([*viewing.faults, *verify.lost_faults(lost, end)]),
    )
