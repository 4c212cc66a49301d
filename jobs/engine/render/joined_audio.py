"""The audio of a join, one track at a time: in one stream from the first sample to the last.

Parts of one continuous recording (the chapters of a camera) hold one stream of samples that was cut wherever a packet
or a buffer ended, a few milliseconds off the cut of the picture. Where the samples go on across a join they follow each
other as they are, and the picture's cuts have no say; what that shifts is bounded by MAXIMUM_SHIFT. Elsewhere a part's
audio begins with its picture, and both sides are faded over a few milliseconds, so that nothing clicks.

Compressed packets without priming between them are such a stream too, and are copied.
"""

import contextlib
import dataclasses
import zlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.packet import Packet

from jobs.engine.audio import decoder, packet_table, track_encoder
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.continuity import MODEL_SAMPLES, continues
from jobs.engine.audio.decoder import BLOCK_SAMPLES, PcmReader
from jobs.engine.audio.packet_table import PacketTable
from jobs.engine.audio.sample_clock import Samples
from jobs.engine.audio.sample_ranges import FADE_SECONDS, rising
from jobs.engine.container import demuxing
from jobs.engine.container.muxers import MP4, AudioCoding, Container
from jobs.engine.model.mediainfo import AudioTrack
from jobs.engine.render.joined_parts import Joined, Part, audio_source, told_end
from jobs.engine.runtime import libav_errors
from jobs.engine.runtime.threads import CancellationToken, WorkerThread, prefetched
from jobs.engine.verify.packet_checksums import Sums
from jobs.errors import ToolError

MAXIMUM_SHIFT = Fraction(25, 1000)
"""Seconds by which audio that goes on may lie off its picture: a packet and a little, and less than anybody sees (40 ms
in EBU R37)."""
MAXIMUM_WAITING_BLOCKS = 4


@dataclasses.dataclass(frozen=True, eq=False)
class JoinedTrack:
    """One track of the result. `begins` has for each part when its audio's time zero lies in the result, in seconds,
    None for a part without such a track; `continuous` at which joins, by the number of the part behind, samples go on.

    `sums` are checksums of the packets where they are copied. `end` is when the track ends, in seconds.
    """

    path: Path
    begins: tuple[Fraction | None, ...]
    continuous: frozenset[int]
    end: Fraction
    sums: Sums | None = None


def write(
    joined: Joined,
    number: int,
    path: Path,
    container: Container,
    task: WorkerThread[Any],
    *,
    coding: AudioCoding,
    copies: bool,
) -> JoinedTrack:
    """Write track `number` of the result to an MP4 file. With `copies` packets are copied where they are one stream.

    Raises InputError, ToolError, ResourceError.
    """
    stream = surveyed(joined, number, task.token)
    if stream is None:
        return _encode(joined, number, path, coding, task)
    codec = joined.audio[number].codec
    is_held = container.audio_file is None and container.holds_audio(codec) and MP4.holds_audio(codec)
    if copies and is_held:
        return _copy(stream, path, task)
    # Through one decoder: a packet needs the one before it, which lies in another part.
    copied = _copy(stream, path.with_suffix(".stream.mp4"), task)
    made = _encode_stream(joined, number, copied, path, coding, task)
    copied.path.unlink()
    return made


# One stream of packets ------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class PacketStream:
    """The packets of all parts, which follow each other. The first one's samples begin `first` samples into the result,
    before it where negative; `begins` has when each part's time zero comes."""

    sources: tuple[AudioSource, ...]
    tables: tuple[PacketTable, ...]
    begins: tuple[Fraction, ...]
    duration: Fraction

    @property
    def first(self) -> int:
        return self.tables[0].first

    @property
    def count(self) -> int:
        """How many packets begin before the result ends."""
        table = self.tables[0]
        there = sum(len(table.sums) for table in self.tables)
        wanted = -(-(round(self.duration * table.rate) - self.first) // table.samples)
        return min(there, wanted)

    @property
    def length(self) -> int:
        """Samples from the result's start to the end of the last packet, or of the result."""
        table = self.tables[0]
        return min(round(self.duration * table.rate), self.first + self.count * table.samples)


def surveyed(joined: Joined, number: int, token: CancellationToken) -> PacketStream | None:
    """The track's packets where those of all parts are one stream; None elsewhere. Raises InputError."""
    tracks = [part.info.audio[number] if len(part.info.audio) > number else None for part in joined.parts]
    if len(tracks) < 2 or not all(track and _is_like(track, joined.audio[number]) for track in tracks):
        return None
    sources = tuple(audio_source(part, number) for part in joined.parts)
    if len({_extradata(audio) for audio in sources}) != 1:
        return None
    tables: list[PacketTable] = []
    begins: list[Fraction] = []
    position = Fraction(0)
    for audio, start in zip(sources, joined.starts, strict=True):
        table = packet_table.survey(audio, token)
        # Packets of MP3 hold bits of those behind them, which another file's would be taken for; ADTS has headers.
        if (
            table is None
            or not table.is_stored_alike
            or (tables and (table.samples, table.rate) != (tables[0].samples, tables[0].rate))
        ):
            return None
        own = Fraction(table.first, table.rate)
        # What is to be left out of the first packets (priming), or lies within them, is no stream that goes on.
        # And what runs away from its picture is none either.
        if tables and (table.first < 0 or abs(position - own - start) > MAXIMUM_SHIFT):
            return None
        begins.append(position - own if tables else start)
        position = begins[-1] + own + Fraction(len(table.sums) * table.samples, table.rate)
        tables.append(table)
    if abs(joined.timeline.duration - position) > MAXIMUM_SHIFT and position < joined.timeline.duration:
        return None
    return PacketStream(sources, tuple(tables), tuple(begins), joined.timeline.duration)


def _is_like(track: AudioTrack, lead: AudioTrack) -> bool:
    return (track.codec, track.sample_rate, track.channels) == (lead.codec, lead.sample_rate, lead.channels)


def _extradata(audio: AudioSource) -> bytes:
    with decoder.opened(audio) as (_, stream):
        return stream.codec_context.extradata or b""


def _copy(stream: PacketStream, path: Path, task: WorkerThread[Any]) -> JoinedTrack:
    """Write the packets as they are, each behind the one before it."""
    table, total, done = stream.tables[0], stream.count, 0
    sums: list[int] = []
    with contextlib.ExitStack() as stack:
        stack.enter_context(libav_errors.errors("sound"))
        with decoder.opened(stream.sources[0]) as (_, like):
            made = stack.enter_context(av.open(f"file:{path}", "w", format="mp4"))
            target = made.add_stream_from_template(like)
        for audio, expected in zip(stream.sources, stream.tables, strict=True):
            left = len(expected.sums)
            with decoder.opened(audio) as (container, source):
                for stored in demuxing.packets(container, source):
                    if not stored.size or done == total:
                        continue
                    task.token.check()
                    packet = Packet(bytes(stored))
                    packet.stream, packet.time_base, packet.is_keyframe = target, Fraction(1, table.rate), True
                    packet.pts = packet.dts = stream.first + done * table.samples
                    is_last = done == total - 1
                    packet.duration = max(1, stream.length - packet.pts) if is_last else table.samples
                    sums.append(zlib.crc32(packet))
                    made.mux_one(packet)
                    left, done = left - 1, done + 1
                    task.fraction = done / total
            if left and done < total:
                raise ToolError(
                    "The recording could not be read as it could before. Tell the operator.",
                    detail=f"{left} packets of audio are missing",
                )
    wanted = np.concatenate([table.sums for table in stream.tables])[:total]
    joins = frozenset(range(1, len(stream.sources)))
    end = Fraction(stream.length, table.rate)
    return JoinedTrack(path, stream.begins, joins, end, wanted)


def _encode_stream(
    joined: Joined, number: int, stream: JoinedTrack, path: Path, coding: AudioCoding, task: WorkerThread[Any]
) -> JoinedTrack:
    """Decode what was copied, from first to last, and encode it."""
    track = joined.audio[number]
    there = dataclasses.replace(joined.info, format="mov", start=Fraction(0))
    audio = AudioSource(stream.path, there, dataclasses.replace(track, index=0))
    rate = track_encoder.rate_of(track, coding)
    total = round(joined.timeline.duration * rate)
    with decoder.decoded(audio, rate=rate, token=task.token) as pcm:
        _write(_padded(_blocks(pcm, total), total, pcm.channels), path, track, rate, pcm.channels, coding, total, task)
    return JoinedTrack(path, stream.begins, stream.continuous, joined.timeline.duration)


def _blocks(pcm: PcmReader, total: int) -> Iterator[Samples]:
    while pcm.position < total and len(block := pcm.read(min(BLOCK_SAMPLES, total - pcm.position))):
        yield block


# One stream of samples ------------------------------------------------------------------------------------------------


def _encode(joined: Joined, number: int, path: Path, coding: AudioCoding, task: WorkerThread[Any]) -> JoinedTrack:
    track = joined.audio[number]
    rate, channels = track_encoder.rate_of(track, coding), decoder.output_channels(track)
    total = round(joined.timeline.duration * rate)
    samples = JoinedSamples(joined, number, rate, channels, task.token)
    _write(_padded(samples.blocks(), total, channels), path, track, rate, channels, coding, total, task)
    begins = tuple(None if begin is None else Fraction(begin, rate) for begin in samples.begins)
    return JoinedTrack(path, begins, frozenset(samples.continuous), joined.timeline.duration)


def _write(
    blocks: Iterator[Samples],
    path: Path,
    track: AudioTrack,
    rate: int,
    channels: int,
    coding: AudioCoding,
    total: int,
    task: WorkerThread[Any],
) -> None:
    with (
        prefetched(blocks, MAXIMUM_WAITING_BLOCKS) as made,
        track_encoder.encoder(path, track, rate, channels, coding) as encoder,
    ):
        for block in made:
            task.token.check()
            encoder.write(block)
            task.fraction = encoder.written / total


def _padded(blocks: Iterator[Samples], total: int, channels: int) -> Iterator[Samples]:
    """The blocks, up to `total` samples and silent where there are none."""
    position = 0
    for block in blocks:
        part = block[: total - position]
        position += len(part)
        yield part
    while position < total:
        count = min(BLOCK_SAMPLES, total - position)
        position += count
        yield np.zeros((count, channels), np.float32)


class JoinedSamples:
    """The samples of a track of all parts, at one rate and with so many channels.

    When all were read, `begins` has for each part at which sample of the result its time zero lies, None without such a
    track, and `continuous` the numbers of the parts whose samples go on with those before them.
    """

    def __init__(self, joined: Joined, number: int, rate: int, channels: int, token: CancellationToken) -> None:
        self.begins: list[int | None] = []
        self.continuous: set[int] = set()
        self._joined = joined
        self._number = number
        self._rate = rate
        self._channels = channels
        self._token = token
        self._fade = int(FADE_SECONDS * rate)
        self._shift = int(MAXIMUM_SHIFT * rate)

    def blocks(self) -> Iterator[Samples]:
        """All of them in order, in blocks. Raises ToolError."""
        position = 0
        tail: _Tail | None = None
        edges = [round(start * self._rate) for start in (*self._joined.starts, self._joined.timeline.duration)]
        for number, part in enumerate(self._joined.parts):
            planned, ends = edges[number], edges[number + 1]
            if len(part.info.audio) <= self._number:
                self.begins.append(None)
                if tail:
                    yield from self._faded(tail)
                    position, tail = tail.planned, None
                yield from self._silence(ends - position)
                position = ends
                continue
            with decoder.decoded(
                audio_source(part, self._number), rate=self._rate, channels=self._channels, token=self._token
            ) as pcm:
                begin = pcm.next_begins or 0
                head = np.zeros((0, self._channels), np.float32)
                if tail and begin <= self._shift:
                    pcm.skip(begin)
                    head = pcm.read(MODEL_SAMPLES)
                if tail and self._goes_on(tail, head, begin, planned):
                    self.continuous.add(number)
                    yield tail.samples
                    position = tail.position + len(tail.samples)
                    zero = position - begin
                    yield head
                    position += len(head)
                else:
                    if tail:
                        yield from self._faded(tail)
                        position = tail.planned
                    zero = planned
                    if len(head):
                        yield from self._silence(begin)
                        position += begin
                    else:
                        head = pcm.read(MODEL_SAMPLES)
                    # Of a part whose audio begins later the samples up to there are silent already.
                    yield self._risen(head) if number else head
                    position += len(head)
                self.begins.append(zero)
                is_last = number == len(self._joined.parts) - 1
                until = ends if is_last else max(position, ends - MODEL_SAMPLES)
                while position < until and len(block := pcm.read(min(BLOCK_SAMPLES, until - position))):
                    yield block
                    position += len(block)
                if not is_last:
                    tail = self._tail(part, pcm, position, ends, zero)

    def _tail(self, part: Part, pcm: PcmReader, position: int, planned: int, zero: int) -> "_Tail":
        """What is left of a part's audio up to where it ends, or to where it cannot go on any more."""
        samples = pcm.read(max(0, planned + self._shift + 1 - position))
        end = told_end(part, self._number)
        if end is not None:
            # The last packet is filled up with samples that are not to be heard.
            samples = samples[: max(0, zero + round(end * self._rate) - position)]
        return _Tail(samples, position, planned)

    def _goes_on(self, tail: "_Tail", head: Samples, begin: int, planned: int) -> bool:
        end = tail.position + len(tail.samples)
        return abs(end - begin - planned) <= self._shift and continues(tail.samples, head)

    def _faded(self, tail: "_Tail") -> Iterator[Samples]:
        """The end of a part up to where it is planned, faded out."""
        kept = tail.samples[: max(0, tail.planned - tail.position)].copy()
        count = min(self._fade, len(kept))
        if count:
            kept[-count:] *= rising(count)[::-1]
        yield kept
        yield from self._silence(tail.planned - tail.position - len(kept))

    def _risen(self, head: Samples) -> Samples:
        """The beginning of a part, faded in."""
        count = min(self._fade, len(head))
        risen = head.copy()
        risen[:count] *= rising(count)
        return risen

    def _silence(self, count: int) -> Iterator[Samples]:
        while count > 0:
            yield np.zeros((min(count, BLOCK_SAMPLES), self._channels), np.float32)
            count -= BLOCK_SAMPLES


@dataclasses.dataclass(frozen=True, eq=False)
class _Tail:
    """The end of a part, from sample `position` of the result on; `planned` is where the next part is to begin."""

    samples: Samples
    position: int
    planned: int


def silent_parts(joined: Joined) -> Sequence[int]:
    """Numbers of parts that have fewer tracks than the result, and are silent there."""
    return [number for number, part in enumerate(joined.parts) if len(part.info.audio) < len(joined.audio)]
