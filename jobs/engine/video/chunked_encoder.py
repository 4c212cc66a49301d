"""Encoding the frames of a schedule: each at its exact time, as the source shows it.

They are cut into chunks that several threads decode and encode at once, with equal encoders, so that one track with one
header holds them all. Each begins with a keyframe, and is written when those before it are. Those that are kept are not
encoded again.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import av.error
import numpy as np
from av.packet import Packet
from av.video.frame import PictureType, VideoFrame

from jobs.engine.model.gop import KEYFRAME_SECONDS
from jobs.engine.model.progress import Advance
from jobs.engine.model.report import UndecodedFrames
from jobs.engine.runtime import libav_errors
from jobs.engine.runtime.kept_parts import KeptParts
from jobs.engine.runtime.ordered_pool import OrderedPool
from jobs.engine.runtime.threads import WorkerThread, worker_thread
from jobs.engine.video.encoded_packets import EncodedPacket, EncodedRun, packets
from jobs.engine.video.encoder_settings import Codec, EncoderSettings
from jobs.engine.video.encoding_threads import maximum_threads
from jobs.engine.video.frame_cursor import FrameCursor, can_jump
from jobs.engine.video.frame_index import FrameIndex
from jobs.engine.video.frame_schedule import Schedule
from jobs.engine.video.kept_runs import KeptRuns
from jobs.engine.video.source import Source
from jobs.engine.video.track_writer import TrackWriter
from jobs.engine.video.upright import Turner

# Long enough for the encoders to find their stride, short enough to hold a few and to share out evenly.
CHUNK_SECONDS = 10
Paint = Callable[[VideoFrame, Fraction], VideoFrame]
"""What is done to a frame that comes on show at a time (seconds of the result) before it is encoded. Gets 4:2:0 of 8
or of the source's bits and gives back the same kind; called by several threads. A `key` of it tells what is drawn;
frames painted by one without are not kept."""
Chunk = tuple[int, int]
"""The first frame of a schedule and the one after the last."""


def encode_frames(
    source: Source,
    wanted: Schedule,
    output: Path,
    *,
    progress: Advance,
    paint: Paint | None = None,
    codec: Codec = "h264",
    kept: KeptParts | None = None,
) -> UndecodedFrames:
    """Write the scheduled frames as `EncoderSettings` say in an MP4 file without audio. Returns which did not decode.

    `progress` gets the fraction of the frames that are encoded, 0 to 1; what it raises ends the work. Raises
    ToolError, ResourceError.
    """
    index = source.require_index()
    threads = maximum_threads(source.info.require_video())
    parts = chunks(wanted, index, threads)
    threads = min(threads, len(parts)) if can_jump(source.info) else 1
    alone = threads == 1
    with FrameCursor.opened(source, alone=True) as playhead:
        first, _ = next(playhead.scheduled(wanted, 0, 1))
    target = EncoderSettings.of(first, source.info.require_video(), index.clock_hz, codec)
    keeping = kept if paint is None or paint_key(paint) else None
    how = (source.info, target, target.header(alone=alone), paint and paint_key(paint)) if keeping else ()
    runs = KeptRuns(keeping, wanted, *how)
    parts = runs.planned(parts)
    pool: OrderedPool[EncodedRun] = OrderedPool(len(parts), maximum_ahead=2 * threads)
    lost: list[int] = []
    unplanned: list[int] = []

    def work(task: WorkerThread[None]) -> None:
        with FrameCursor.opened(source, alone=alone) as playhead:
            for number in pool.take(task.token):
                first, end = parts[number]

                def encoded(chunk: Chunk = parts[number]) -> EncodedRun:
                    return ChunkEncoding(target, wanted, paint, task, alone=alone).run(playhead, chunk)

                run, was_there = runs.made(first, end, encoded)
                if was_there:
                    task.fraction += (end - first) / len(wanted.start_ticks)
                lost.extend(run.lost)
                unplanned.extend(run.unplanned)
                pool.put(number, run)

    with contextlib.ExitStack() as stack:
        stack.enter_context(libav_errors.errors("pictures"))
        container = stack.enter_context(
            av.open(f"file:{output}", "w", format="mp4", options=exact_start_options(index))
        )
        stream = target.add_stream(container, alone=alone)
        track = TrackWriter(
            container, stream, wanted, reorder_frames=target.spec.reorder_frames, clock_hz=index.clock_hz
        )
        tasks = [stack.enter_context(worker_thread(work)) for _ in range(threads)]

        def check() -> None:
            for task in tasks:
                task.check()
            progress(min(1.0, sum(task.fraction for task in tasks)))

        for number in range(len(parts)):
            track.mux_run(pool.get(number, check).packets)
            check()
    return UndecodedFrames(len(lost), Fraction(sum(lost), index.clock_hz), tuple(times_of(wanted, unplanned, index)))


def paint_key(paint: Paint) -> str:
    """Tells what it draws; "" where nothing does."""
    return str(getattr(paint, "key", ""))


def times_of(wanted: Schedule, stamps: Sequence[int], index: FrameIndex) -> Iterator[Fraction]:
    """When in the result the frames with these time stamps first come on show."""
    for place in np.flatnonzero(np.isin(wanted.source_pts, stamps)).tolist():
        yield Fraction(int(wanted.start_ticks[place]), index.clock_hz)


def chunks(wanted: Schedule, index: FrameIndex, threads: int) -> list[Chunk]:
    """Equal shares of a schedule for so many encoders, those of a short one no shorter than between two keyframes.

    A share begins where decoding can begin, when that is near: else what lies before is decoded for nothing.
    """
    count = len(wanted.source_pts)
    seconds = (wanted.start_ticks[-1] + wanted.duration_ticks[-1] - wanted.start_ticks[0]) / index.clock_hz
    # As many for each thread; fewer when they would be too short.
    number = threads * max(1, round(seconds / (CHUNK_SECONDS * threads)))
    number = max(1, min(number, int(seconds // KEYFRAME_SECONDS), count))
    free = np.union1d(wanted.segment_firsts, np.flatnonzero(np.isin(wanted.source_pts, index.keyframe_pts)))
    edges = [0, *(_near(free, count * part // number, count // number // 4) for part in range(1, number)), count]
    return list(pairwise(edges))


def _near(places: np.ndarray, wanted_position: int, reach: int) -> int:
    """The position nearest to the wanted one, or that one when none is within reach."""
    nearest = int(places[np.abs(places - wanted_position).argmin()])
    return nearest if abs(nearest - wanted_position) <= reach else wanted_position


class ChunkEncoding:
    """One chunk on its way through an encoder of its own. `lost` are durations, in ticks, of what did not decode."""

    def __init__(
        self, target: EncoderSettings, wanted: Schedule, paint: Paint | None, task: WorkerThread[None], *, alone: bool
    ) -> None:
        self.lost: list[int] = []
        self._target = target
        self._wanted = wanted
        self._paint = paint
        self._task = task
        self._encoder = target.open_encoder(alone=alone)
        self._turn = Turner(target.track) if target.upright else None

    def run(self, playhead: FrameCursor, chunk: Chunk) -> EncodedRun:
        seen = len(playhead.unplanned)
        made = [_without_track(packet) for packet in packets(self._encoder, self._frames(playhead, chunk))]
        return EncodedRun(made, tuple(self.lost), tuple(playhead.unplanned[seen:]))

    def _frames(self, playhead: FrameCursor, chunk: Chunk) -> Iterator[VideoFrame]:
        """With the times at which they are shown."""
        wanted = self._wanted
        for place, (frame, is_whole) in enumerate(playhead.scheduled(wanted, *chunk), chunk[0]):
            self._task.token.check()
            if not is_whole:
                self.lost.append(int(wanted.duration_ticks[place]))
            yield self._placed(frame, int(wanted.start_ticks[place]))
            self._task.fraction += 1 / len(wanted.start_ticks)

    def _placed(self, frame: VideoFrame, at: int) -> VideoFrame:
        clock = Fraction(1, self._target.clock_hz)
        fitted = self._target.converted(frame)
        if self._paint:
            fitted = self._paint(fitted, at * clock)
        fitted.pts, fitted.time_base = at, clock
        if self._turn:
            fitted = self._turn(fitted)
        # The source's frame types must not be forced on the encoder.
        fitted.pict_type = PictureType.NONE
        return fitted


def _without_track(packet: Packet) -> EncodedPacket:
    assert packet.pts is not None
    return packet.pts, bytes(packet), packet.is_keyframe


def exact_start_options(index: FrameIndex) -> dict[str, str]:
    """Options of an MP4 file: without them a late start is rounded to milliseconds."""
    return {"movie_timescale": str(index.clock_hz)}
