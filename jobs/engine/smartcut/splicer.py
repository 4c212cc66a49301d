"""Smart rendering: what can be copied of the source's compressed pictures is copied, the few at the joins are encoded.

Encode runs are coded by two threads at once (the encoders let go of the interpreter lock), a few runs ahead of the
one that is written, so that memory stays flat. Everything ends up in one track, in one pass, in order.
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
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from jobs.engine.model.progress import Advance
from jobs.engine.probe import display_matrix
from jobs.engine.runtime import libav_errors
from jobs.engine.runtime.kept_parts import KeptParts
from jobs.engine.runtime.ordered_pool import OrderedPool
from jobs.engine.runtime.threads import CancellationToken, WorkerThread, worker_thread
from jobs.engine.smartcut import packet_reader
from jobs.engine.smartcut.codec import Coding
from jobs.engine.smartcut.copy_plan import Decoding, Run
from jobs.engine.smartcut.packet_reader import Copying, Packets, RangeDecoder
from jobs.engine.smartcut.packet_survey import CodedPictures
from jobs.engine.smartcut.patch_encoder import encoded_packets
from jobs.engine.video.chunked_encoder import Paint, exact_start_options, paint_key
from jobs.engine.video.encoded_packets import EncodedRun
from jobs.engine.video.encoding_threads import maximum_threads
from jobs.engine.video.frame_schedule import Schedule
from jobs.engine.video.kept_runs import KeptRuns
from jobs.engine.video.source import Source
from jobs.engine.video.track_writer import TrackWriter
from jobs.engine.video.video_stream import open_video

# Encode runs that may wait for their turn to be written, for each thread.
AHEAD_RUNS = 4


@dataclasses.dataclass(frozen=True)
class Splice:
    """How a result is made: its frames, how the source's are coded, which are copied, and how others are encoded."""

    wanted: Schedule
    coded: CodedPictures
    runs: list[Run]
    coding: Coding

    @property
    def copied(self) -> int:
        """How many pictures are the source's own, bit for bit."""
        return sum(run.count for run in self.runs if run.copied_from is not None)


def splice_track(
    source: Source,
    splice: Splice,
    output: Path,
    *,
    progress: Advance,
    paint: Paint | None = None,
    kept: KeptParts | None = None,
) -> None:
    """Write the scheduled frames as the source's codec in an MP4 file without sound, most of them copied.

    `progress` gets the fraction of the work that is done, 0 to 1; what it raises ends the work. Raises ToolError (as
    Unsound when the recording does not decode as its packets promise) and ResourceError.
    """
    index = source.require_index()
    patches = [run for run in splice.runs if run.copied_from is None]
    threads = maximum_threads(source.info.require_video())
    pool: OrderedPool[EncodedRun] = OrderedPool(len(patches), maximum_ahead=AHEAD_RUNS * threads)
    decoding = Decoding(splice.coded, index, splice.wanted)
    runs = KeptRuns(
        kept if paint is None or paint_key(paint) else None,
        splice.wanted,
        *(source.info, splice.coding.decisive, paint and paint_key(paint)),
    )

    def work(task: WorkerThread[None]) -> None:
        with packet_reader.opened(source, splice.coded, task.token) as packets:
            decoder = RangeDecoder(packets, splice.coded)
            for number in pool.take(task.token):

                def encoded(patch: Run = patches[number]) -> EncodedRun:
                    frames = decoder.frames(decoding, patch)
                    if paint:
                        frames = _painted(frames, paint, index.clock_hz)
                    return EncodedRun(list(encoded_packets(splice.coding, frames)))

                run, _ = runs.made(patches[number].first, patches[number].end, encoded)
                pool.put(number, run)

    with contextlib.ExitStack() as stack:
        tasks = [stack.enter_context(worker_thread(work)) for _ in range(min(threads, len(patches)))]

        def check() -> None:
            for task in tasks:
                task.check()
            progress(done)

        done = 0.0
        writer = stack.enter_context(_written(source, splice, output))
        costs = np.cumsum([_cost(decoding, run) for run in splice.runs])
        number = 0
        for run, cost in zip(splice.runs, costs.tolist(), strict=True):
            if run.copied_from is None:
                writer.write(pool.get(number, check))
                number += 1
            else:
                writer.copy(run, check)
            done = cost / costs[-1]
            check()


def _cost(decoding: Decoding, run: Run) -> float:
    # Measured in pictures decoded: encoding one takes about as long, copying a fiftieth.
    return decoding.cost(run) + run.count if run.copied_from is None else run.count / 50


def _painted(frames: Iterator[tuple[int, VideoFrame]], paint: Paint, clock_hz: int) -> Iterator[tuple[int, VideoFrame]]:
    for at, frame in frames:
        yield at, paint(frame, Fraction(at, clock_hz))


class SpliceWriter:
    """The one track of the result."""

    def __init__(self, container: OutputContainer, stream: VideoStream, packets: Packets, splice: Splice) -> None:
        self._packets = packets
        self._splice = splice
        coding = splice.coding
        self._track = TrackWriter(
            container, stream, splice.wanted, reorder_frames=coding.reorder_pictures, clock_hz=coding.clock_hz
        )

    def write(self, run: EncodedRun) -> None:
        """Add an encode run."""
        self._track.mux_run(run.packets)

    def copy(self, run: Run, check: Callable[[], None]) -> None:
        """Add a copy run: the source's own packets."""
        assert run.copied_from is not None
        coded = self._splice.coded
        shown = coded.frame_numbers[run.copied_from]
        copying = Copying(coded)
        ranges = [self._packets.between(begin, end) for begin, end in run.copied_ranges]
        for count, (decode_index, packet) in enumerate(itertools.chain.from_iterable(ranges)):
            self._track.mux(copying.stored(packet), run.first + int(coded.frame_numbers[decode_index] - shown))
            if count % 256 == 255:
                check()


@contextlib.contextmanager
def _written(source: Source, splice: Splice, output: Path) -> Iterator[SpliceWriter]:
    """The result's file, with a header that holds the parameter sets of copied and encoded pictures."""
    video, index = source.info.require_video(), source.require_index()
    with (
        libav_errors.errors("pictures"),
        packet_reader.opened(source, splice.coded, CancellationToken()) as packets,
        av.open(f"file:{output}", "w", format="mp4", options=exact_start_options(index)) as container,
    ):
        stream = _like(source, splice, container)
        stream.codec_context.extradata = splice.coding.codec.decoder_configuration(splice.coding)
        stream.codec_context.codec_tag = splice.coding.codec.tag
        stream.codec_context.sample_aspect_ratio = video.sample_aspect
        stream.time_base = Fraction(1, index.clock_hz)
        display_matrix.set_orientation(stream, video)
        yield SpliceWriter(container, stream, packets, splice)


def _like(source: Source, splice: Splice, container: OutputContainer) -> VideoStream:
    """A new stream that says of its pictures what the source's does."""
    original, stream = open_video(source.path, source.info)
    with original:
        # PyAV looks for an encoder by the decoder's name, unless it is told that none is needed.
        is_unknown = bool(splice.coded.codec.decoder)
        return container.add_stream_from_template(stream, opaque=is_unknown)
