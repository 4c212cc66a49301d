"""The packets of a track of all parts of a join, in one row: which of them can be copied, and copying them.

Where no part's first packets are priming, and each part's audio ends where the next one's begins, the packets are one
stream that was cut into files, as by a camera. They are copied from first to last, and nothing is lost. Two takes of
which that is true by chance fade into each other over a packet; they are told as such, and where most joins are such
each is decoded by itself.

Elsewhere each part's packets are put on the clock of the result's, whose packets follow each other: its audio lies
within half a packet of its picture. A packet overlaps with the one before it. So at a join the last packet of the one
part makes room for the one before the first that is heard of the other (its priming): over its length the one fades
into the silence from which the encoder of the other began. Where a part's audio ends early, packets of silence follow
it. That is for parts that have nothing to do with each other; where samples go on it would be a dip, and they have to
be encoded.
"""

import contextlib
import dataclasses
import itertools
import math
import zlib
from collections.abc import Iterator, Sequence, Set
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.codec.context import Flags
from av.packet import Packet

from jobs.engine.audio import decoder, packet_copy, packet_table
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.continuity import MODEL_SAMPLES, continues, passes
from jobs.engine.audio.packet_table import CannotCopy, PacketTable
from jobs.engine.audio.sample_clock import samples_of
from jobs.engine.audio.window_reader import PREROLL_SECONDS, WindowReader
from jobs.engine.container import demuxing
from jobs.engine.model.audio_layout import LAYOUTS
from jobs.engine.model.mediainfo import AudioTrack
from jobs.engine.render.joined_parts import Joined, Part, audio_source, told_end
from jobs.engine.runtime import libav_errors
from jobs.engine.runtime.threads import CancellationToken, WorkerThread
from jobs.engine.verify.packet_checksums import Sums

MAXIMUM_SHIFT = Fraction(25, 1000)
"""Seconds by which audio that goes on may lie off its picture: a packet and a little, and less than anybody sees (40 ms
in EBU R37)."""
MAXIMUM_REACH = Fraction(12, 1000)
"""The same for what is put on the clock of packets: half a packet of AAC."""


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


@dataclasses.dataclass(frozen=True, eq=False)
class PacketRun:
    """The packets of a part from `first` up to `end`, and so many of silence behind them; `begins` is when the part's
    time zero comes in the result."""

    source: AudioSource
    table: PacketTable
    first: int
    end: int
    begins: Fraction
    silent: int = 0

    @property
    def count(self) -> int:
        return self.end - self.first + self.silent


@dataclasses.dataclass(frozen=True, eq=False)
class JoinedPackets:
    """The packets of all parts, one behind the other. `continuous` at which joins, by the number of the part
    behind, samples go on. `silence` is a packet in which nothing is heard."""

    runs: tuple[PacketRun, ...]
    duration: Fraction
    silence: bytes = b""
    continuous: frozenset[int] = frozenset()

    @property
    def table(self) -> PacketTable:
        return self.runs[0].table

    @property
    def first(self) -> int:
        """How many samples into the result the first packet's begin, before it where negative."""
        return self.table.first

    @property
    def count(self) -> int:
        """How many packets begin before the result ends."""
        there = sum(run.count for run in self.runs)
        wanted = -(-(round(self.duration * self.table.rate) - self.first) // self.table.samples)
        return min(there, wanted)

    @property
    def length(self) -> int:
        """Samples from the result's start to the end of the last packet, or of the result."""
        return min(round(self.duration * self.table.rate), self.first + self.count * self.table.samples)


def planned(
    joined: Joined, number: int, token: CancellationToken, *, apart: Set[int] = frozenset(), only_stream: bool = False
) -> JoinedPackets | None:
    """The packets of a track; None where they cannot be copied, and with `only_stream` where they are not one stream,
    whose samples go on at half of the joins or more.

    Parts with the numbers `apart` are known not to go on from those before them. Raises InputError.
    """
    tracks = [part.info.audio[number] if len(part.info.audio) > number else None for part in joined.parts]
    if not all(track and _is_like(track, joined.audio[number]) for track in tracks):
        return None
    sources = [audio_source(part, number) for part in joined.parts]
    headers = {_extradata(audio) for audio in sources}
    if len(headers) != 1:
        return None
    if only_stream and any(map(_is_primed, sources[1:])):
        return None
    # One recording may come several times.
    surveyed: dict[Path, PacketTable] = {}
    try:
        for audio in sources:
            if audio.path not in surveyed:
                surveyed[audio.path] = packet_table.survey(audio, token)
    except CannotCopy:
        return None
    there = [surveyed[audio.path] for audio in sources]
    if len({(table.samples, table.rate) for table in there}) != 1:
        return None
    # Packets of MP3 hold bits of those behind them, which another file's would be taken for; ADTS has headers.
    if not all(table.is_stored_alike for table in there):
        return None
    if stream := _stream(joined, sources, there):
        pairs = enumerate(itertools.pairwise(stream.runs), 1)
        flowing = {place for place, pair in pairs if place not in apart and _flows_on(*pair, token)}
        # A join that seems none, as in a pause, is no reason to play all others through two decoders.
        is_one = 2 * len(flowing) >= len(stream.runs) - 1
        return dataclasses.replace(stream, continuous=frozenset(flowing)) if is_one or not only_stream else None
    if only_stream:
        return None
    return _on_grid(joined, number, sources, there, silent_packet(joined.audio[number], headers.pop()), token)


def _is_like(track: AudioTrack, lead: AudioTrack) -> bool:
    return (track.codec, track.sample_rate, track.channels) == (lead.codec, lead.sample_rate, lead.channels)


def _extradata(audio: AudioSource) -> bytes:
    with decoder.opened(audio) as (_, stream):
        return stream.codec_context.extradata or b""


def _is_primed(audio: AudioSource) -> bool:
    """Whether a track begins with samples that are not to be heard."""
    with decoder.opened(audio) as (container, stream):
        packet = next((packet for packet in demuxing.packets(container, stream) if packet.size), None)
        if packet is None or packet.pts is None:
            return False
        return round((packet.pts * (stream.time_base or 1) - audio.start) * audio.track.sample_rate) < 0


def _stream(joined: Joined, sources: Sequence[AudioSource], tables: Sequence[PacketTable]) -> JoinedPackets | None:
    """All packets, where they are one stream."""
    runs: list[PacketRun] = []
    position = Fraction(0)
    for audio, table, start in zip(sources, tables, joined.starts, strict=True):
        own = Fraction(table.first, table.rate)
        if runs and (table.first < 0 or abs(position - own - start) > MAXIMUM_SHIFT):
            return None
        begins = position - own if runs else start
        runs.append(PacketRun(audio, table, 0, len(table.sums), begins))
        position = begins + own + Fraction(len(table.sums) * table.samples, table.rate)
    packets = JoinedPackets(tuple(runs), joined.timeline.duration)
    return packets if joined.timeline.duration - position <= MAXIMUM_SHIFT else None


def _on_grid(
    joined: Joined,
    number: int,
    sources: Sequence[AudioSource],
    tables: Sequence[PacketTable],
    silence: bytes,
    token: CancellationToken,
) -> JoinedPackets | None:
    """Each part's packets next to its place, where no samples go on across a join. Raises InputError."""
    samples, rate, origin = tables[0].samples, tables[0].rate, tables[0].first
    if Fraction(samples, 2 * rate) > MAXIMUM_REACH:
        return None
    slots: list[int] = []
    runs: list[PacketRun] = []
    for audio, table, start in zip(sources, tables, joined.starts, strict=True):
        # Packet i comes to the result's slot i + shift.
        shift = round((start * rate + table.first - origin) / samples)
        heard = max(0, -table.first // samples)
        first = max(0, heard - 1) if runs else 0
        begins = Fraction(origin + shift * samples - table.first, rate)
        slots.append(first + shift)
        runs.append(PacketRun(audio, table, first, len(table.sums), begins))
    ends = [*joined.starts[1:], joined.timeline.duration]
    last = math.ceil((joined.timeline.duration * rate - origin) / samples)
    for place, (slot, following) in enumerate(itertools.pairwise([*slots, last])):
        run, count = runs[place], following - slot
        # Of audio that goes on behind the part's end no more than what is left of a packet.
        wanted = min(count, math.ceil((ends[place] * rate - origin) / samples) - slot, len(run.table.sums) - run.first)
        if wanted < 1 or (wanted < count and not silence):
            return None
        runs[place] = dataclasses.replace(run, end=run.first + wanted, silent=count - wanted)
    packets = JoinedPackets(tuple(runs), joined.timeline.duration, silence=silence)
    pairs = itertools.pairwise(joined.parts)
    return None if any(_goes_on(before, after, number, token) for before, after in pairs) else packets


def _flows_on(before: PacketRun, after: PacketRun, token: CancellationToken) -> bool:
    """Whether samples go on from one run of packets to another, when one decoder plays both."""
    token.check()
    table = before.table
    model = -(-MODEL_SAMPLES // table.samples)
    lead = model + math.ceil(PREROLL_SECONDS * table.rate / table.samples)
    ending = dataclasses.replace(before, first=max(before.first, before.end - lead))
    beginning = dataclasses.replace(after, end=min(after.end, after.first + 1 + model))
    with decoder.opened(before.source) as (_, stream):
        packed = AudioResampler("flt")
        decoded = [
            [
                samples_of(part)
                for frame in demuxing.frames(stream.codec_context, Packet(data)) or ()
                for part in packed.resample(frame)
            ]
            for data in itertools.chain(_read(ending), _read(beginning))
        ]
    place = ending.count
    if not decoded[place]:
        return False
    tail, head = (list(itertools.chain.from_iterable(part)) for part in (decoded[:place], decoded[place + 1 :]))
    if not tail or not head:
        return False
    return passes(np.concatenate(tail), np.concatenate(decoded[place]), np.concatenate(head))


def _goes_on(before: Part, after: Part, number: int, token: CancellationToken) -> bool:
    """Whether samples go on from the end of one part to the beginning of another."""
    end = told_end(before, number) or before.info.duration
    ending, beginning = audio_source(before, number), audio_source(after, number)
    rate, channels = decoder.output_rate(ending.track), decoder.output_channels(ending.track)
    with WindowReader.opened(ending, rate=rate, channels=channels, token=token) as reader:
        tail = reader.window(end - Fraction(MODEL_SAMPLES, rate), MODEL_SAMPLES)
    with WindowReader.opened(beginning, rate=rate, channels=channels, token=token) as reader:
        head = reader.window(Fraction(0), MODEL_SAMPLES)
    return continues(tail, head)


def silent_packet(track: AudioTrack, header: bytes) -> bytes:
    """A packet of AAC for a track with this header, in which nothing is heard; empty for other tracks."""
    if track.codec != "aac" or track.channels not in LAYOUTS:
        return b""
    context = av.CodecContext.create("aac", "w")
    assert isinstance(context, AudioCodecContext)
    context.sample_rate, context.layout, context.format = track.sample_rate, LAYOUTS[track.channels], "fltp"
    context.time_base = Fraction(1, track.sample_rate)
    # Else the first packet begins with the encoder's name.
    context.flags |= Flags.bitexact | Flags.global_header
    try:
        context.open()
        frame = AudioFrame(format="fltp", layout=LAYOUTS[track.channels], samples=context.frame_size)
        frame.sample_rate = track.sample_rate
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        packets = [*context.encode(frame), *context.encode(None)]
    except (av.error.FFmpegError, ValueError):
        return b""
    # The kind of AAC, the rate and the channels are in the first two bytes (ISO 14496-3, AudioSpecificConfig).
    return bytes(packets[-1]) if packets and (context.extradata or b"")[:2] == header[:2] else b""


def copy(packets: JoinedPackets, path: Path, task: WorkerThread[Any]) -> JoinedTrack:
    """Write the packets as they are to an MP4 file, each behind the one before it. Raises ToolError."""
    table, total, done = packets.table, packets.count, 0
    with contextlib.ExitStack() as stack:
        stack.enter_context(libav_errors.errors("sound"))
        with decoder.opened(packets.runs[0].source) as (_, like):
            made = stack.enter_context(packet_copy.file_of(path, table))
            target = made.add_stream_from_template(like)
        for run in packets.runs:
            for data in itertools.chain(_read(run), itertools.repeat(packets.silence, run.silent)):
                task.token.check()
                if done == total:
                    break
                at = packets.first + done * table.samples
                done += 1
                until = packets.length if done == total else None
                made.mux_one(packet_copy.stored(data, target, table, at, until))
                task.fraction = done / total
    silent = zlib.crc32(packets.silence)
    sums = np.concatenate(
        [np.append(run.table.sums[run.first : run.end], [silent] * run.silent) for run in packets.runs]
    )[:total].astype(np.uint32)
    begins = tuple(run.begins for run in packets.runs)
    return JoinedTrack(path, begins, packets.continuous, Fraction(packets.length, table.rate), sums)


def _read(run: PacketRun) -> Iterator[bytes]:
    """The packets of a run. Raises ToolError where they are not what they were any more."""
    with decoder.opened(run.source) as (container, stream):
        yield from packet_copy.read(run.source, container, stream, run.table, iter(range(run.first, run.end)))
