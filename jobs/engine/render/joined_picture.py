"""The picture of a join: parts whose coded pictures fit those of the first are copied, the others encoded to its shape.

What is encoded stands in the same track as what is copied, as in a smart cut (`smartcut`): with parameter sets of its
own under ids that are free. Where nothing can be copied, all of it is encoded as a whole recording would be.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from jobs.engine.container.muxers import Container
from jobs.engine.model.progress import Advance
from jobs.engine.model.report import UndecodedFrames
from jobs.engine.probe import display_matrix
from jobs.engine.render.joined_parts import Joined, PartFrames, frames_of, is_resampled, whole
from jobs.engine.runtime import libav_errors
from jobs.engine.runtime.ordered_pool import OrderedPool
from jobs.engine.runtime.threads import CancellationToken, WorkerThread, worker_thread
from jobs.engine.smartcut import copy_plan, packet_reader
from jobs.engine.smartcut import strategy as strategies
from jobs.engine.smartcut.codec import CannotCopy, Coding
from jobs.engine.smartcut.copy_plan import Run
from jobs.engine.smartcut.nal_codec import NalCodec
from jobs.engine.smartcut.packet_reader import Copying
from jobs.engine.smartcut.packet_survey import CodedPictures
from jobs.engine.smartcut.patch_encoder import EncodedPacket, encoded_packets, fitting_coding
from jobs.engine.smartcut.splicer import Splice
from jobs.engine.video.chunked_encoder import CHUNK_SECONDS
from jobs.engine.video.encoder_settings import EncoderSettings
from jobs.engine.video.encoding_threads import maximum_threads
from jobs.engine.video.fitting import FrameFitter, FrameShape, black_frame
from jobs.engine.video.frame_cursor import FrameCursor
from jobs.engine.video.frame_schedule import Schedule
from jobs.engine.video.source import Source
from jobs.engine.video.track_writer import TrackWriter
from jobs.engine.video.video_stream import open_video

AHEAD_RUNS = 2
"""Encoded runs that may wait to be written, for each thread."""
CHECK_EVERY_PACKETS = 256
COPYING = 0.02
"""What a copied picture costs, measured in encoded ones."""


@dataclasses.dataclass(frozen=True, eq=False)
class PicturePlan:
    """How the picture of a join is made: `wanted` are its frames, `runs` the copied and encoded ones in order.

    `splice` has the same for all parts as if they were one recording, None when nothing is copied; `surveys` how the
    pictures of each part are coded and at which number its decode indexes begin in `splice`, None for those that are
    encoded. `refusals` say of these why, "because" of it.
    """

    joined: Joined
    parts: tuple[PartFrames, ...]
    wanted: Schedule
    runs: tuple[Run, ...]
    surveys: tuple[tuple[CodedPictures, int] | None, ...]
    refusals: tuple[str | None, ...]
    splice: Splice | None = None

    @property
    def copied(self) -> int:
        """How many pictures are copied."""
        return self.splice.copied if self.splice else 0

    @property
    def copied_parts(self) -> int:
        return sum(survey is not None for survey in self.surveys)

    def part_at(self, frame_number: int) -> PartFrames:
        firsts = [frames.first for frames in self.parts]
        return self.parts[int(np.searchsorted(firsts, frame_number, "right")) - 1]


# What can be copied ---------------------------------------------------------------------------------------------------


def encoding_all(joined: Joined, reason: str) -> PicturePlan:
    """The plan that copies nothing."""
    parts = _placed(joined, set())
    wanted = whole(joined, parts)
    nothing = (None,) * len(parts)
    return PicturePlan(joined, parts, wanted, tuple(_encoded(joined, parts)), nothing, (reason,) * len(parts))


def planned(joined: Joined, container: Container, token: CancellationToken) -> PicturePlan:
    """Copy the parts that fit the lead, encode the others. Raises InputError."""
    assert joined.lead is not None
    surveys: list[CodedPictures | None] = [None] * len(joined.parts)
    refusals: list[str | None] = ["it has no picture"] * len(joined.parts)
    sets: tuple[bytes, ...] = ()
    lead: CodedPictures | None = None
    for number, part in enumerate(joined.parts):
        if part.source.index is None:
            continue
        try:
            if not container.can_copy(part.info):
                raise CannotCopy(f"{container.name} needs another kind")
            _require_same_look(joined, number)
            coded = strategies.survey_seekable(part.source, token, open_groups=False)
            # The first one with a picture.
            if lead is None:
                lead, sets = coded, coded.parameter_sets
            sets = _together(lead, sets, coded)
            _require_all_copied(joined, number, coded)
            surveys[number], refusals[number] = coded, None
        except CannotCopy as why:
            refusals[number] = str(why)
            if number == joined.lead:
                return encoding_all(joined, str(why))
    assert lead is not None
    try:
        return _spliced(joined, surveys, refusals, dataclasses.replace(lead, parameter_sets=sets))
    except CannotCopy as why:
        return encoding_all(joined, str(why))


def _require_same_look(joined: Joined, number: int) -> None:
    """Raise CannotCopy unless what the container says of a part's picture is what it says of the lead's."""
    lead, own = joined.video, joined.parts[number].info.require_video()
    for name, words in {
        "codec": "it is coded in another way",
        "width": "its size is another",
        "height": "its size is another",
        "rotation": "it is turned another way",
        "mirrored": "it is mirrored",
        "sample_aspect": "its pixels have another shape",
        "pixel_format": "its pixels are stored in another way",
    }.items():
        if getattr(lead, name) != getattr(own, name):
            raise CannotCopy(words)


def _together(lead: CodedPictures, sets: tuple[bytes, ...], coded: CodedPictures) -> tuple[bytes, ...]:
    """The parameter sets of a track that has both. Raises CannotCopy when one header cannot hold them."""
    if set(coded.parameter_sets) <= set(sets):
        return sets
    codec = lead.codec
    if not isinstance(codec, NalCodec):
        raise CannotCopy("its coding is described in another way")
    merged = {codec.parameter_set_key(unit): unit for unit in sets}
    for unit in coded.parameter_sets:
        if merged.setdefault(codec.parameter_set_key(unit), unit) != unit:
            raise CannotCopy("its coding is described in another way")
    try:
        reader = codec.reader(b"")
        reader.length_bytes = 0
        for unit in merged.values():
            reader.add_parameter_set(unit)
    except ValueError as error:
        raise CannotCopy("its coding is described in another way") from error
    return tuple(merged.values())


def _require_all_copied(joined: Joined, number: int, coded: CodedPictures) -> None:
    frames = frames_of(joined, number, 0, resampled=False)
    runs = _copy_runs(joined, frames, coded)
    if any(run.copied_from is None for run in runs):
        raise CannotCopy("it begins or ends within a group of pictures")


def _copy_runs(joined: Joined, frames: PartFrames, coded: CodedPictures) -> list[Run]:
    index = joined.parts[frames.number].source.require_index()
    return copy_plan.plan_runs(coded, index, frames.own)


def _placed(joined: Joined, copied: set[int]) -> tuple[PartFrames, ...]:
    """The frames of all parts, those of copied ones at their own times."""
    parts: list[PartFrames] = []
    first = 0
    for number in range(len(joined.parts)):
        resampled = number not in copied and is_resampled(joined, number)
        parts.append(frames_of(joined, number, first, resampled=resampled))
        first += parts[-1].count
    return tuple(parts)


def _encoded(joined: Joined, parts: Sequence[PartFrames]) -> Iterator[Run]:
    """Runs of no more than CHUNK_SECONDS each, which threads can share."""
    for frames in parts:
        yield from _runs_of(joined, frames)


def _runs_of(joined: Joined, frames: PartFrames) -> Iterator[Run]:
    seconds = Fraction(joined.lengths[frames.number], joined.clock_hz)
    count = max(1, round(seconds / CHUNK_SECONDS))
    for numbers in np.array_split(np.arange(frames.count), min(count, frames.count)):
        yield Run(frames.first + int(numbers[0]), len(numbers))


def _spliced(
    joined: Joined, surveys: Sequence[CodedPictures | None], refusals: Sequence[str | None], lead: CodedPictures
) -> PicturePlan:
    """All parts as if they were one recording. Raises CannotCopy."""
    parts = _placed(joined, {number for number, coded in enumerate(surveys) if coded})
    wanted = whole(joined, parts)
    runs: list[Run] = []
    offsets: list[tuple[CodedPictures, int] | None] = []
    begin = 0
    for frames, coded in zip(parts, surveys, strict=True):
        if coded is None:
            offsets.append(None)
            runs += _runs_of(joined, frames)
            continue
        offsets.append((coded, begin))
        for run in _copy_runs(joined, frames, coded):
            assert run.copied_from is not None
            runs.append(Run(frames.first + run.first, run.count, begin + run.copied_from, run.leading_skipped))
        begin += len(coded.pts)
    together = _concatenated([coded for coded in surveys if coded], lead)
    step = lead.codec.steps(lead.quantizer, joined.video)[-1]
    coding = fitting_coding(together, joined.video, joined.clock_hz, step.at(step.finest))
    splice = Splice(wanted, together, runs, coding)
    return PicturePlan(joined, parts, wanted, tuple(runs), tuple(offsets), tuple(refusals), splice)


ARRAYS = ("pts", "frame_numbers", "random_access", "leading", "reference", "keyframes", "file_offsets", "sizes")


def _concatenated(copied: Sequence[CodedPictures], lead: CodedPictures) -> CodedPictures:
    """The coded pictures of several recordings, one behind the other; time stamps rise from part to part."""
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(coded, name) for coded in copied]) for name in (*ARRAYS, "checksums")
    }
    shifts, begin = [], 0
    for coded in copied:
        shifts.append(coded.pts - int(coded.pts.min()) + begin)
        begin = int(shifts[-1].max()) + 1
    return dataclasses.replace(lead, **{**arrays, "pts": np.concatenate(shifts)})


# Writing --------------------------------------------------------------------------------------------------------------


Encode = Callable[[Iterator[tuple[int, VideoFrame]]], Iterator[EncodedPacket]]


def write(plan: PicturePlan, output: Path, scratch: Path, *, progress: Advance) -> UndecodedFrames:
    """Write the picture to an MP4 file without audio. Returns which frames of the parts did not decode.

    `progress` gets a fraction; what it raises ends the work. Raises ToolError (Unsound), ResourceError.
    """
    joined = plan.joined
    encoded = [run for run in plan.runs if run.copied_from is None]
    threads = max(1, min(maximum_threads(joined.video), len(encoded)))
    making = _Making(plan, scratch, alone=threads == 1)
    pool: OrderedPool[list[EncodedPacket]] = OrderedPool(len(encoded), maximum_ahead=AHEAD_RUNS * threads)

    def work(task: WorkerThread[None]) -> None:
        with contextlib.closing(_Frames(making)) as frames:
            for number in pool.take(task.token):
                pool.put(number, list(making.encode(frames.of(encoded[number], task))))

    with contextlib.ExitStack() as stack:
        stack.enter_context(libav_errors.errors("pictures"))
        options = {"movie_timescale": str(joined.clock_hz)}
        container = stack.enter_context(av.open(f"file:{output}", "w", format="mp4", options=options))
        track = making.track(container)
        tasks = [stack.enter_context(worker_thread(work)) for _ in range(threads if encoded else 0)]
        costs = np.cumsum([run.count * (1 if run.copied_from is None else COPYING) for run in plan.runs])
        done, number = 0.0, 0

        def check() -> None:
            for task in tasks:
                task.check()
            progress(min(1.0, done))

        for run, cost in zip(plan.runs, costs.tolist(), strict=True):
            if run.copied_from is None:
                for at, data, is_key in pool.get(number, check):
                    packet = Packet(data)
                    packet.is_keyframe = is_key
                    track.mux_at(packet, at)
                number += 1
            else:
                _copy(plan, run, track, check)
            done = cost / costs[-1]
            check()
    clock = Fraction(1, joined.clock_hz)
    unplanned = tuple(sorted(time * clock for time in making.unplanned))
    return UndecodedFrames(len(making.lost), sum(making.lost) * clock, unplanned)


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
    """What encoding the frames of a plan needs, and what it has found: `lost` are durations in ticks of frames that did
    not decode, `unplanned` ticks behind which the decoder had more frames than the index."""

    def __init__(self, plan: PicturePlan, scratch: Path, *, alone: bool) -> None:
        self.plan = plan
        self.scratch = scratch
        self.alone = alone
        self.lost: list[int] = []
        self.unplanned: list[int] = []
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
        context = self._settings.open_encoder(alone=self.alone)
        clock = Fraction(1, self.plan.joined.clock_hz)

        def stored(packets: "Sequence[Packet[VideoStream]]") -> Iterator[EncodedPacket]:
            for packet in packets:
                assert packet.pts is not None
                yield packet.pts, bytes(packet), packet.is_keyframe

        for at, frame in frames:
            fitted = self._settings.converted(frame)
            fitted.pts, fitted.time_base, fitted.pict_type = at, clock, PictureType.NONE
            yield from stored(context.encode(fitted))
        yield from stored(context.encode(None))


def _first_frame(source: Source) -> VideoFrame:
    index = source.require_index()
    with FrameCursor.opened(source, alone=True) as cursor:
        return cursor.at(int(index.pts[0]))[0]


class _Frames:
    """The frames of encode runs in rising order, each in the shape of the join; one part is open at a time."""

    def __init__(self, making: _Making) -> None:
        self._making = making
        self._stack = contextlib.ExitStack()
        self._number = -1
        self._cursor: FrameCursor | None = None
        self._fitter: FrameFitter | None = None

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
                making.lost.append(int(frames.own.duration_ticks[place]))
            yield int(times[place]), self._fitter(frame)
        stamps = cursor.unplanned[seen:]
        making.unplanned += times[np.flatnonzero(np.isin(frames.own.source_pts, stamps))].tolist()

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
