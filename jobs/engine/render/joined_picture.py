"""The picture of a join written as planned: packets of copied parts, and encoded runs in the first one's shape."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import PictureType, VideoFrame

from jobs.engine.model.progress import Advance
from jobs.engine.model.report import UndecodedFrames
from jobs.engine.probe import display_matrix
from jobs.engine.render.joined_picture_plan import PicturePlan
from jobs.engine.runtime import libav_errors
from jobs.engine.runtime.kept_parts import KeptParts
from jobs.engine.runtime.ordered_pool import OrderedPool
from jobs.engine.runtime.threads import CancellationToken, WorkerThread, worker_thread
from jobs.engine.smartcut import packet_reader
from jobs.engine.smartcut.codec import Coding
from jobs.engine.smartcut.copy_plan import Run
from jobs.engine.smartcut.packet_reader import Copying
from jobs.engine.smartcut.patch_encoder import encoded_packets
from jobs.engine.video.encoded_packets import EncodedPacket, EncodedRun, packets
from jobs.engine.video.encoder_settings import EncoderSettings
from jobs.engine.video.encoding_threads import maximum_threads
from jobs.engine.video.fitting import FrameFitter, FrameShape, black_frame
from jobs.engine.video.frame_cursor import FrameCursor
from jobs.engine.video.kept_runs import KeptRuns
from jobs.engine.video.source import Source
from jobs.engine.video.track_writer import TrackWriter
from jobs.engine.video.video_stream import open_video

AHEAD_RUNS = 2
"""Encoded runs that may wait to be written, for each thread."""
CHECK_EVERY_PACKETS = 256
COPYING = 0.02
"""What a copied picture costs, measured in encoded ones."""


def write(
    plan: PicturePlan, output: Path, scratch: Path, *, progress: Advance, kept: KeptParts | None = None
) -> UndecodedFrames:
    """Write the picture to an MP4 file without audio. Returns which frames of the parts did not decode.

    `progress` gets a fraction; what it raises ends the work. Raises ToolError (Unsound), ResourceError.
    """
    joined = plan.joined
    encoded = [run for run in plan.runs if run.copied_from is None]
    threads = max(1, min(maximum_threads(joined.video), len(encoded)))
    making = _Making(plan, scratch, alone=threads == 1)
    runs = KeptRuns(kept, plan.wanted, *(making.decisive if kept and encoded else ()))
    pool: OrderedPool[EncodedRun] = OrderedPool(len(encoded), maximum_ahead=AHEAD_RUNS * threads)

    def work(task: WorkerThread[None]) -> None:
        with contextlib.closing(_Frames(making)) as frames:
            for number in pool.take(task.token):
                wanted = encoded[number]
                make = functools.partial(frames.encoded, wanted, task)
                pool.put(number, runs.made(wanted.first, wanted.end, make)[0])

    with contextlib.ExitStack() as stack:
        stack.enter_context(libav_errors.errors("pictures"))
        options = {"movie_timescale": str(joined.clock_hz)}
        container = stack.enter_context(av.open(f"file:{output}", "w", format="mp4", options=options))
        track = making.track(container)
        tasks = [stack.enter_context(worker_thread(work)) for _ in range(threads if encoded else 0)]
        costs = np.cumsum([run.count * (1 if run.copied_from is None else COPYING) for run in plan.runs])
        done, number = 0.0, 0
        lost: list[int] = []
        unplanned: list[int] = []

        def check() -> None:
            for task in tasks:
                task.check()
            progress(min(1.0, done))

        for run, cost in zip(plan.runs, costs.tolist(), strict=True):
            if run.copied_from is None:
                made = pool.get(number, check)
                track.mux_run(made.packets)
                lost += made.lost
                unplanned += made.unplanned
                number += 1
            else:
                _copy(plan, run, track, check)
            done = cost / costs[-1]
            check()
    clock = Fraction(1, joined.clock_hz)
    return UndecodedFrames(len(lost), sum(lost) * clock, tuple(sorted(time * clock for time in unplanned)))


def _copy(plan: PicturePlan, run: Run, track: TrackWriter, check: Callable[[], None]) -> None:
    """Add a copy run: the part's own packets."""
    frames = plan.part_at(run.first)
    survey = plan.surveys[frames.number]
    assert survey is not None and run.copied_from is not None
    coded, begin = survey
    shown = coded.frame_numbers[run.copied_from - begin]
    source = plan.joined.parts[frames.number].source
    with packet_reader.opened(source, coded, CancellationToken()) as packets:
        count, copying = 0, Copying(coded)
        for first, end in run.copied_ranges:
            for decode_index, packet in packets.between(first - begin, end - begin):
                track.mux(copying.stored(packet), run.first + int(coded.frame_numbers[decode_index] - shown))
                count += 1
                if count % CHECK_EVERY_PACKETS == 0:
                    check()


class _Making:
    """What encoding the frames of a plan needs."""

    def __init__(self, plan: PicturePlan, scratch: Path, *, alone: bool) -> None:
        self.plan = plan
        self.scratch = scratch
        self.alone = alone
        self._coding: Coding | None = plan.splice.coding if plan.splice else None
        joined = plan.joined
        assert joined.lead is not None
        self._lead: Source = joined.parts[joined.lead].source
        first = _first_frame(self._lead)
        self._settings = EncoderSettings.of(first, joined.video, joined.clock_hz)
        self.shape = FrameShape.of(first, joined.video)
        if not self._coding:
            settings = self._settings
            self.shape = dataclasses.replace(
                self.shape,
                width=settings.width,
                height=settings.height,
                pixel_format=settings.pixel_format,
                full_range=settings.full_range,
                matrix=int(settings.matrix),
            )

    @property
    def decisive(self) -> tuple[object, ...]:
        """All that decides what the frames are encoded as."""
        sources = [part.source.info for part in self.plan.joined.parts]
        how = self._coding.decisive if self._coding else (self._settings, self._settings.header(alone=self.alone))
        return ("join", sources, self.plan.joined.start_ticks, self.shape, *how)

    def track(self, container: OutputContainer) -> TrackWriter:
        """The track in a file, with the header for all that it is to hold."""
        plan, clock_hz = self.plan, self.plan.joined.clock_hz
        if not self._coding:
            stream = self._settings.add_stream(container, alone=self.alone)
            depth = self._settings.spec.reorder_frames
            return TrackWriter(container, stream, plan.wanted, reorder_frames=depth, clock_hz=clock_hz)
        coding, video = self._coding, plan.joined.video
        original, like = open_video(self._lead.path, self._lead.info)
        with original:
            stream = container.add_stream_from_template(like, opaque=bool(coding.codec.decoder))
        stream.codec_context.extradata = coding.codec.decoder_configuration(coding)
        stream.codec_context.codec_tag = coding.codec.tag
        stream.codec_context.sample_aspect_ratio = video.sample_aspect
        stream.time_base = Fraction(1, clock_hz)
        display_matrix.set_orientation(stream, video)
        return TrackWriter(container, stream, plan.wanted, reorder_frames=coding.reorder_pictures, clock_hz=clock_hz)

    def encode(self, frames: Iterator[tuple[int, VideoFrame]]) -> Iterator[EncodedPacket]:
        return encoded_packets(self._coding, frames) if self._coding else self._whole(frames)

    def _whole(self, frames: Iterator[tuple[int, VideoFrame]]) -> Iterator[EncodedPacket]:
        clock = Fraction(1, self.plan.joined.clock_hz)

        def placed() -> Iterator[VideoFrame]:
            for at, frame in frames:
                fitted = self._settings.converted(frame)
                fitted.pts, fitted.time_base, fitted.pict_type = at, clock, PictureType.NONE
                yield fitted

        for packet in packets(self._settings.open_encoder(alone=self.alone), placed()):
            assert packet.pts is not None
            yield packet.pts, bytes(packet), packet.is_keyframe


def _first_frame(source: Source) -> VideoFrame:
    index = source.require_index()
    with FrameCursor.opened(source, alone=True) as cursor:
        return cursor.at(int(index.pts[0]))[0]


class _Frames:
    """The frames of encode runs in rising order, each in the shape of the join; one part is open at a time.

    What it has found: `lost` are durations in ticks of frames that did not decode, `unplanned` ticks behind which the
    decoder had more frames than the index.
    """

    def __init__(self, making: _Making) -> None:
        self._making = making
        self.lost: list[int] = []
        self.unplanned: list[int] = []
        self._stack = contextlib.ExitStack()
        self._number = -1
        self._cursor: FrameCursor | None = None
        self._fitter: FrameFitter | None = None

    def encoded(self, run: Run, task: WorkerThread[None]) -> EncodedRun:
        lost, unplanned = len(self.lost), len(self.unplanned)
        packets = list(self._making.encode(self.of(run, task)))
        return EncodedRun(packets, tuple(self.lost[lost:]), tuple(self.unplanned[unplanned:]))

    def of(self, run: Run, task: WorkerThread[None]) -> Iterator[tuple[int, VideoFrame]]:
        """Those of a run, with their ticks in the result."""
        making, joined = self._making, self._making.plan.joined
        frames = making.plan.part_at(run.first)
        self._go_to(frames.number)
        first, offset = run.first - frames.first, joined.start_ticks[frames.number]
        times = frames.own.start_ticks + offset
        if self._cursor is None or self._fitter is None:
            for place in range(first, first + run.count):
                task.token.check()
                yield int(times[place]), black_frame(making.shape)
            return
        cursor, seen = self._cursor, len(self._cursor.unplanned)
        for place, (frame, is_whole) in enumerate(cursor.scheduled(frames.own, first, first + run.count), first):
            task.token.check()
            if not is_whole:
                self.lost.append(int(frames.own.duration_ticks[place]))
            yield int(times[place]), self._fitter(frame)
        stamps = cursor.unplanned[seen:]
        self.unplanned += times[np.flatnonzero(np.isin(frames.own.source_pts, stamps))].tolist()

    def _go_to(self, number: int) -> None:
        if number == self._number:
            return
        self.close()
        self._number = number
        making = self._making
        source = making.plan.joined.parts[number].source
        if source.index:
            self._cursor = self._stack.enter_context(FrameCursor.opened(source, alone=making.alone))
            self._fitter = FrameFitter(source.info.require_video(), making.shape, making.scratch)

    def close(self) -> None:
        self._stack.close()
        self._cursor = self._fitter = None
        self._number = -1
