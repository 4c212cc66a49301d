"""Smart rendering: what can be copied of the source's compressed pictures is copied, the few at the joins are encoded.

Encoded stretches are coded by two threads at once (the coders let go of the interpreter lock), a few stretches ahead
of the one that is written, so that memory stays flat. Everything ends up in one track, in one pass, in order.
"""

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.probe import display_matrix
from jobs.engine.runtime import libav_errors
from jobs.engine.runtime.ordered_pool import THREADS, Bench
from jobs.engine.runtime.threads import Beside, Halt, beside
from jobs.engine.smartcut import packet_reader
from jobs.engine.smartcut.codec import Coding
from jobs.engine.smartcut.copy_plan import Decoding, Stretch
from jobs.engine.smartcut.packet_reader import Decoder, Packets, rewritten
from jobs.engine.smartcut.packet_survey import CodedOrder
from jobs.engine.smartcut.patch_encoder import Coded, encoded
from jobs.engine.video.chunked_encoder import Paint, exact_start_options
from jobs.engine.video.frame_index import FrameIndex, Schedule, open_video
from jobs.engine.video.track_writer import TrackWriter

# Encoded stretches that may wait for their turn to be written, for each thread.
AHEAD = 4


@dataclasses.dataclass(frozen=True)
class Splice:
    """How a result is put together: its pictures, how they are stored, which are copied, how the others are coded."""

    wanted: Schedule
    order: CodedOrder
    stretches: list[Stretch]
    coding: Coding

    @property
    def copied(self) -> int:
        """How many pictures are the source's own, bit for bit."""
        return sum(stretch.count for stretch in self.stretches if stretch.stored is not None)


def splice_pictures(
    source: Path,
    info: MediaInfo,
    index: FrameIndex,
    splice: Splice,
    output: Path,
    *,
    progress: Callable[[float], None],
    paint: Paint | None = None,
) -> None:
    """Write the scheduled pictures as the source's codec in an MP4 file without sound, most of them copied.

    `progress` gets the fraction of the work that is done, 0 to 1; what it raises ends the work. Raises ToolError (as
    Unsound when the recording does not decode as its packets promise) and ResourceError.
    """
    patches = [stretch for stretch in splice.stretches if stretch.stored is None]
    bench: Bench[list[Coded]] = Bench(len(patches), ahead=AHEAD * THREADS)
    decoding = Decoding(splice.order, index, splice.wanted)

    def work(task: Beside[None]) -> None:
        with packet_reader.opened(source, info, splice.order, task.halt) as packets:
            decoder = Decoder(packets, splice.order)
            for number in bench.take(task.halt):
                frames = _frames(decoder, decoding, splice.wanted, patches[number])
                if paint:
                    frames = _painted(frames, paint, index.clock_hz)
                bench.put(number, list(encoded(splice.coding, frames)))

    with contextlib.ExitStack() as stack:
        tasks = [stack.enter_context(beside(work)) for _ in range(min(THREADS, len(patches)))]

        def check() -> None:
            for task in tasks:
                task.check()
            progress(done)

        done = 0.0
        writer = stack.enter_context(_written(source, info, index, splice, output))
        costs = np.cumsum([_cost(decoding, stretch) for stretch in splice.stretches])
        number = 0
        for stretch, cost in zip(splice.stretches, costs.tolist(), strict=True):
            if stretch.stored is None:
                writer.write(bench.get(number, check))
                number += 1
            else:
                writer.copy(stretch, check)
            done = cost / costs[-1]
            check()


def _cost(decoding: Decoding, stretch: Stretch) -> float:
    # Measured in pictures decoded: encoding one takes about as long, copying a fiftieth.
    return decoding.cost(stretch) + stretch.count if stretch.stored is None else stretch.count / 50


def _frames(
    decoder: Decoder, decoding: Decoding, wanted: Schedule, stretch: Stretch
) -> Iterator[tuple[int, VideoFrame]]:
    """The pictures of an encoded stretch with their times in the result."""
    times = iter(wanted.start_ticks[stretch.first : stretch.end].tolist())
    for run in decoding.runs(stretch):
        for frame in decoder.decoded(run):
            yield next(times), frame


def _painted(frames: Iterator[tuple[int, VideoFrame]], paint: Paint, clock_hz: int) -> Iterator[tuple[int, VideoFrame]]:
    for at, frame in frames:
        yield at, paint(frame, Fraction(at, clock_hz))


class Writer:
    """The one track of the result."""

    def __init__(self, container: OutputContainer, stream: VideoStream, packets: Packets, splice: Splice) -> None:
        self._packets = packets
        self._splice = splice
        coding = splice.coding
        self._track = TrackWriter(container, stream, splice.wanted, depth=coding.depth, clock_hz=coding.clock_hz)

    def write(self, packets: list[Coded]) -> None:
        """Add an encoded stretch."""
        for time, data, is_key in packets:
            packet = Packet(data)
            packet.is_keyframe = is_key
            self._track.mux_at(packet, time)

    def copy(self, stretch: Stretch, check: Callable[[], None]) -> None:
        """Add a stretch of the source's own packets."""
        assert stretch.stored is not None
        order = self._splice.order
        shown = order.places[stretch.stored]
        runs = [self._packets.between(begin, end) for begin, end in stretch.copied]
        for count, (place, packet) in enumerate(itertools.chain.from_iterable(runs)):
            begins = count == 0
            if begins or not order.bare:
                is_key = packet.is_keyframe
                packet = Packet(rewritten(packet, order, begins=begins))
                packet.is_keyframe = is_key
            self._track.mux(packet, stretch.first + int(order.places[place] - shown))
            if count % 256 == 255:
                check()


@contextlib.contextmanager
def _written(source: Path, info: MediaInfo, index: FrameIndex, splice: Splice, output: Path) -> Iterator[Writer]:
    """The result's file, with a header that holds the parameter sets of copied and encoded pictures."""
    assert info.video is not None
    with (
        libav_errors.errors("pictures"),
        packet_reader.opened(source, info, splice.order, Halt()) as packets,
        av.open(f"file:{output}", "w", format="mp4", options=exact_start_options(index)) as container,
    ):
        stream = _like(source, info, container)
        stream.codec_context.extradata = splice.coding.codec.header(splice.coding)
        stream.codec_context.codec_tag = splice.coding.codec.tag
        stream.codec_context.sample_aspect_ratio = info.video.sample_aspect
        clock = Fraction(1, index.clock_hz)
        stream.time_base, stream.codec_context.time_base = clock, clock
        display_matrix.tell(stream, info.video)
        yield Writer(container, stream, packets, splice)


def _like(source: Path, info: MediaInfo, container: OutputContainer) -> VideoStream:
    """A new stream that says of its pictures what the source's does."""
    original, stream = open_video(source, info)
    with original:
        return container.add_stream_from_template(stream)
