"""A mark over a recording's picture, as a whole: from two paths to a third, with all else as it was.

Where the mark shows only for a time, and the recording is stored so that it can be entered in the middle, the pictures
before and after are copied and only those around the mark are encoded: the pieces of the smart cut, with nothing cut.
"""

import dataclasses
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from jobs.engine.container.muxers import MOV
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.model.progress import Progress
from jobs.engine.model.report import Report, UndecodedFrames, first_of_each
from jobs.engine.model.segment import Segment
from jobs.engine.model.told import Told
from jobs.engine.render import render, replace_video
from jobs.engine.render.checked_render import require
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.engine.runtime.threads import CancellationToken, run_concurrently
from jobs.engine.smartcut import copy_plan, patch_quality, strategy
from jobs.engine.smartcut.codec import CannotCopy
from jobs.engine.smartcut.copy_plan import Decoding, Run
from jobs.engine.smartcut.packet_reader import Unsound
from jobs.engine.smartcut.splicer import Splice, splice_track
from jobs.engine.smartcut.strategy import Strategy
from jobs.engine.verify import verify
from jobs.engine.verify.frame_check import Viewing
from jobs.engine.video import chunked_encoder, frame_index, frame_schedule, text_raster
from jobs.engine.video.chunked_encoder import Paint
from jobs.engine.video.frame_index import FrameIndex
from jobs.engine.video.frame_schedule import Schedule
from jobs.engine.video.overlay import PIXEL_FORMATS, OverlayOptions, OverlayPainter, upright_rectangle
from jobs.engine.video.source import Source
from jobs.errors import InputError

INDEX_SHARE, JOIN_SHARE, CHECK_SHARE = 0.02, 0.05, 0.05
"""Of the time that the whole takes."""
PATCH_SECONDS = 4
"""The encoded stretch is handed out to threads in pieces this long."""


@dataclasses.dataclass(frozen=True)
class Mark:
    """What is laid over: an image file (one that we wrote, see `image_sanitizer`), or a text."""

    image: Path | None = None
    text: str = ""

    def drawn(self, width: int) -> Image.Image:
        """As RGBA; a text about as wide as asked for. Raises InputError."""
        if self.image is None:
            return text_raster.drawn(self.text, width)
        with Image.open(self.image, formats=["PNG"]) as image:
            return image.convert("RGBA")


@dataclasses.dataclass(frozen=True)
class Marked:
    """What was done, and what checking it has found. `packets` of sound are the source's own."""

    strategy: Strategy
    report: Report
    packets: int

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
            "sound_packets_copied": self.packets,
        }


def check(info: MediaInfo, look: OverlayOptions) -> None:
    """Raise InputError when a mark cannot be laid over this recording like that."""
    if info.video is None:
        raise InputError(
            "This recording has no picture to lay a mark over. Choose one with a picture.", code="no_picture"
        )
    if look.start >= info.duration:
        raise InputError(
            f"The recording ends after {float(info.duration):.6g} s, before the mark would show. Choose an earlier "
            "start.",
            code="beyond_end",
        )
    if look.end is not None and look.end <= look.start:
        raise InputError("The mark would end before it begins. Choose a later end.", code="bad_range")
    upright_rectangle(look, info.video.display_size, (1, 1))


def watermark(
    source: Path,
    output: Path,
    info: MediaInfo,
    mark: Mark,
    look: OverlayOptions,
    *,
    scratch: Path,
    cache: Path | None = None,
    progress: Progress | None = None,
    log: CommandLog | None = None,
) -> Marked:
    """Write `source` with the mark to `output`, whose ending is that of `replace_video.suffix_for`.

    Every picture keeps its time, and sound, texts, chapters and names are the source's. `output` appears when it is
    whole and has been checked. `scratch` is an existing folder for temporary files, `cache` one that belongs to the
    bytes of the source. `progress` gets a fraction from 0 to 1 and a stage in plain words; whatever it raises ends the
    work and leaves nothing behind. Raises InputError, ToolError, ResourceError.
    """
    check(info, look)
    painter = OverlayPainter(mark.drawn, look, info.require_video(), info.duration)
    return painted(
        source,
        output,
        info,
        painter,
        look,
        stage="Drawing the mark",
        scratch=scratch,
        cache=cache,
        progress=progress,
        log=log,
    )


def painted(
    source: Path,
    output: Path,
    info: MediaInfo,
    painter: Paint,
    look: OverlayOptions,
    *,
    stage: str,
    scratch: Path,
    cache: Path | None = None,
    progress: Progress | None = None,
    log: CommandLog | None = None,
) -> Marked:
    """Write `source` with what `painter` lays over its pictures while `look` shows; all else is as in `watermark`."""
    tell = progress or (lambda fraction, stage: None)
    log = log or CommandLog()
    tell(0, "Reading the picture")
    ((indexed, wanted, way),) = run_concurrently(
        [lambda task: planned(source, info, look, cache, task.token)], lambda done: tell(0, "Reading the picture")
    )
    work = _Work(indexed, wanted, painter, stage, tell, log)
    with tempfile.TemporaryDirectory(dir=scratch, prefix=".mark-") as folder, render.whole(output) as part:
        pictures = Path(folder) / "picture.mp4"
        try:
            report = work.pictures(way, pictures)
        except Unsound as error:
            if way.splice is None:
                raise
            log.line(f"{error.message} {error.detail}")
            way = strategy.SECOND
            report = work.pictures(way, pictures)
        # ffmpeg and the check go by the ending.
        joined = Path(folder) / f"joined{output.suffix}"
        packets = work.join(pictures, joined)
        joined.rename(part)
    tell(1, "Checking the result")
    return Marked(way, report, packets)


def planned(
    source: Path, info: MediaInfo, look: OverlayOptions, cache: Path | None, token: CancellationToken
) -> tuple[Source, Schedule, Strategy]:
    """All pictures at their own times, and which are copied. Raises InputError when none would bear the mark."""
    index = frame_index.index_frames(source, info, cache_dir=cache, token=token)
    everything = frame_schedule.schedule(index, [Segment(Fraction(0), Fraction(index.end_tick, index.clock_hz))])
    begin, end = bearing(everything, look, index.clock_hz)
    if begin == end:
        raise InputError(
            "No picture of this recording comes on show while the mark should be seen. Choose a longer time.",
            code="nothing_to_mark",
        )
    # The pictures before, with and after the mark: three ranges that follow each other without a gap.
    firsts = tuple(first for first in dict.fromkeys((0, begin, end)) if first < len(everything.start_ticks))
    wanted = dataclasses.replace(everything, segment_firsts=firsts, segment_is_stretched=())
    indexed = Source(source, info, index)
    return indexed, wanted, _strategy(indexed, wanted, (begin, end), token)


def bearing(wanted: Schedule, look: OverlayOptions, clock_hz: int) -> tuple[int, int]:
    """The first picture that comes on show with the mark, and the first one after."""
    begin = int(np.searchsorted(wanted.start_ticks, -(-look.start * clock_hz // 1)))
    if look.end is None:
        return begin, len(wanted.start_ticks)
    return begin, int(np.searchsorted(wanted.start_ticks, -(-look.end * clock_hz // 1)))


def _strategy(source: Source, wanted: Schedule, marked: tuple[int, int], token: CancellationToken) -> Strategy:
    video, index = source.info.require_video(), source.require_index()
    if marked[1] - marked[0] == len(wanted.start_ticks):
        return Strategy("The whole picture is encoded, because all of it bears the mark.")
    try:
        if video.pixel_format not in PIXEL_FORMATS:
            raise CannotCopy("its colours are stored in a rare way")
        if not MOV.can_copy(source.info):
            raise CannotCopy("not every container that takes its sound holds it")
        order = strategy.survey_seekable(source, token)
        stretches = around(copy_plan.plan_runs(order, index, wanted), marked, source.info)
        copied = sum(stretch.count for stretch in stretches if stretch.copied_from is not None)
        if not copied:
            raise CannotCopy("no stretch of it can be copied")
        coding = patch_quality.chosen_coding(source, order, stretches, wanted, token)
        cost = strategy.smart_cost(stretches, Decoding(order, index, wanted), coding.settings)
        if cost >= strategy.whole_cost(source, wanted):
            raise CannotCopy("copying parts of it would take longer")
    except CannotCopy as why:
        return Strategy(f"The whole picture is encoded, because {why}.")
    share = copied / len(wanted.start_ticks)
    return Strategy(f"{round(100 * share)} % of the picture is untouched.", Splice(wanted, order, stretches, coding))


def around(stretches: list[Run], marked: tuple[int, int], info: MediaInfo) -> list[Run]:
    """The stretches with those of marked pictures encoded, in pieces that several encoders can share."""
    most = max(1, round((info.require_video().frame_rate or 30) * PATCH_SECONDS))
    found: list[Run] = []
    for stretch in stretches:
        if stretch.copied_from is not None and not marked[0] <= stretch.first < marked[1]:
            found.append(stretch)
            continue
        for first in range(stretch.first, stretch.end, most):
            found.append(Run(first, min(most, stretch.end - first)))
    return found


@dataclasses.dataclass
class _Work:
    """What all tries share."""

    source: Source
    wanted: Schedule
    painter: Paint
    stage: str
    tell: Progress
    log: CommandLog

    def pictures(self, way: Strategy, out: Path) -> Report:
        """Write the pictures one way and check them. Raises Unsound when they are not as they should be."""
        share = 1 - INDEX_SHARE - JOIN_SHARE - CHECK_SHARE

        def advance(fraction: float) -> None:
            self.tell(INDEX_SHARE + share * fraction, self.stage)

        lost = UndecodedFrames()
        if way.splice:
            splice_track(self.source, way.splice, out, progress=advance, paint=self.painter)
        else:
            lost = chunked_encoder.encode_frames(self.source, self.wanted, out, progress=advance, paint=self.painter)
        advance(1.0)
        viewing = Viewing(out, self.wanted, self.source.require_index().clock_hz, way.splice)
        run_concurrently([lambda task: viewing.read(task.token)], lambda done: advance(1.0))
        viewing.play(lambda done: advance(1.0))
        report = proved(viewing, self.source.require_index(), self.wanted, lost)
        require(report)
        return report

    def join(self, pictures: Path, out: Path) -> int:
        """Put the file together and compare its sound. Returns how many packets of sound there are."""
        begin = 1 - JOIN_SHARE - CHECK_SHARE
        replace_video.join(
            self.source,
            pictures,
            out,
            clock_hz=self.source.require_index().clock_hz,
            progress=lambda part: self.tell(begin + JOIN_SHARE * part, "Putting the file together"),
            log=self.log,
        )
        (packets,) = run_concurrently(
            [lambda task: replace_video.require_same_sound(self.source, out, task.token)],
            lambda done: self.tell(1 - CHECK_SHARE, "Checking the result"),
        )
        return packets


def proved(seen: Viewing, index: FrameIndex, wanted: Schedule, lost: UndecodedFrames) -> Report:
    """What looking at the pictures has found, and whether too many of the source's did not decode."""
    faults = list(seen.faults)
    end = Fraction(int(wanted.start_ticks[-1] + wanted.duration_ticks[-1]), index.clock_hz)
    faults += verify.lost_faults(lost, end)
    return Report(
        frames=seen.frames,
        joins=len(wanted.segment_firsts) - 1,
        frames_decoded=seen.decoded,
        frames_lost=lost.frames,
        faults=first_of_each(faults),
    )
