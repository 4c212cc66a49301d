"""Audio copied as it is compressed, packet by packet, where a timeline only joins ranges of it.

A packet of these codecs decodes by itself but for its overlap with the one before (an MDCT's: AAC, AC-3), or with a
state that it soon finds anew (Opus, MP2). MP3's also need bits that lie in packets before, and are joined by
`mp3_reservoir`. So where two ranges meet, that overlap fades one into the other, over at most
one packet. Packets follow each other on the result's own clock: each range lies within half a packet of where it is
planned, whatever came before it, so that nothing adds up.
"""

import collections
import contextlib
import dataclasses
import functools
import itertools
import math
import os
import zlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from numpy.typing import NDArray

from jobs.engine.audio import decoder
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.mp3_reservoir import MAXIMUM_PACKETS_BACK
from jobs.engine.audio.packet_table import CannotCopy, PacketTable
from jobs.engine.container import demuxing
from jobs.engine.model.segment import Segment
from jobs.engine.model.timeline import Timeline
from jobs.engine.runtime import libav_errors
from jobs.engine.runtime.threads import WorkerThread
from jobs.errors import ToolError

LATE_START = "it begins later than what is kept"
OPUS_PRE_SKIP = slice(10, 12)
READ_ON_PACKETS = 1000
"""Reading on costs less than seeking for so few packets."""


@dataclasses.dataclass(frozen=True, eq=False)
class AudioCopy:
    """What a result copies of a track: `runs` are numbers of first packets and of those behind the last, in order.

    `duration` is how long the result's track is, in seconds, less than the result where the track ends before what is
    kept; of its last packet less may be left than it holds, and of its first one `lead` samples are left out.
    """

    table: PacketTable
    runs: tuple[tuple[int, int], ...]
    duration: Fraction
    lead: int = 0
    reach_seconds: float = 0.0
    """How far a range may be from where it is planned: half a packet, unless there is only one."""

    @property
    def packets(self) -> Iterator[int]:
        return itertools.chain.from_iterable(itertools.starmap(range, self.runs))

    @property
    def length(self) -> int:
        """How many samples the result's track has."""
        return round(self.duration * self.table.rate)

    @property
    def sums(self) -> NDArray[np.uint32]:
        """Checksums of the result's packets, as the source has them (`PacketTable.result_sums`)."""
        return np.insert(self.table.result_sums[[*self.numbers]], 0, [0] * (self.lead_in - len(self.priming)))

    @property
    def numbers(self) -> Iterator[int]:
        """The packets with their priming."""
        return itertools.chain(self.priming, self.packets)

    @property
    def priming(self) -> range:
        """The packets before the first that it needs to sound right, as far as there are any."""
        first = self.runs[0][0]
        return range(max(0, first - self.table.memory_packets), first)

    @property
    def lead_in(self) -> int:
        """How many packets go before the first that is heard: its priming, of MP3 after one for the reservoir."""
        return len(self.priming) + (self.table.mp3 is not None and self.priming.start > 0)

    @property
    def left_out(self) -> int:
        """How many samples of the result's packets go before the first that is heard."""
        return self.lead_in * self.table.samples + self.lead

    def timeline(self, planned: Timeline) -> Timeline:
        """What is heard: each range as its packets hold it."""
        segments = [Segment(self.table.time(first), self.table.time(last)) for first, last in self.runs]
        lead = Fraction(self.lead, self.table.rate)
        segments[0] = dataclasses.replace(segments[0], start=segments[0].start + lead)
        ends = self.duration - sum((segment.output_duration for segment in segments[:-1]), Fraction(0))
        segments[-1] = dataclasses.replace(segments[-1], end=segments[-1].start + ends)
        return Timeline(tuple(segments), planned.source_durations)


def is_joined(timeline: Timeline) -> bool:
    """Whether a timeline leaves what it keeps as it is: no other speed, nothing muted."""
    return not timeline.muted and all(segment.speed == 1 for segment in timeline.segments)


def planned(table: PacketTable, timeline: Timeline, *, exact_start: bool = False) -> AudioCopy:
    """Which packets make up a timeline of one source.

    With `exact_start` the result begins at the very sample, for files that can leave out a part of a packet (MP4's edit
    lists). A track that ends before what is kept does so in the result. Raises CannotCopy where audio has to change
    (another speed, muted), begins later than the result, or would run back, and where MP3 has no room for what a packet
    needs of its reservoir.
    """
    if not is_joined(timeline):
        raise CannotCopy("a part of it is muted, or runs at another speed")
    if timeline.continued and len(timeline.segments) == 1:
        copy = _planned_part(table, timeline, exact_start=exact_start)
    else:
        copy = _planned_joined(table, timeline, exact_start=exact_start)
    if not table.has_room(copy.runs):
        raise CannotCopy("where it is joined its MP3 has no room for the bits that it keeps in other frames")
    return copy


def _planned_joined(table: PacketTable, timeline: Timeline, *, exact_start: bool) -> AudioCopy:
    """Each segment's packets, near where it is planned. Raises CannotCopy."""
    length = Fraction(table.samples, table.rate)
    begin = timeline.segments[0].start - table.time(0)
    # A track that begins a little later than the result begins with it: there is nothing to leave out.
    lead = begin % length if exact_start and begin >= 0 else Fraction(0)
    wanted = max(1, math.ceil((timeline.duration + lead) / length))
    runs: list[tuple[int, int]] = []
    taken = 0
    for begins, segment in timeline.placed:
        # Those of the result's packets whose middle lies in the segment.
        until = min(wanted, round((begins + segment.output_duration + lead) / length))
        if segment is timeline.segments[-1]:
            until = wanted
        if until <= taken:
            continue
        first = round((segment.start + taken * length - lead - begins - table.time(0)) / length)
        if first < 0:
            raise CannotCopy(LATE_START)
        if runs and first < runs[-1][1] - 1:
            raise CannotCopy("its parts are not in the order of the recording")
        runs.append((first, first + until - taken))
        taken = until
    runs = [(first, min(until, len(table.sums))) for first, until in runs if first < len(table.sums)]
    held = sum(until - first for first, until in runs) * length - lead
    if held <= 0:
        raise CannotCopy("it ends before what is kept begins")
    merged = tuple(_merged(runs))
    is_exact = exact_start and begin >= 0 and len(merged) == 1
    reach = 0.0 if is_exact else table.reach_seconds
    return AudioCopy(table, merged, min(timeline.duration, held), round(lead * table.rate), reach)


def _planned_part(table: PacketTable, timeline: Timeline, *, exact_start: bool) -> AudioCopy:
    """The packets of a timeline of one range whose neighbours are copied too, so that each sample is in one of them.

    Where the file cannot leave out a part of a packet each packet is in one of them, by its middle. The track may end
    before the range does: there is no more of it. Raises CannotCopy.
    """
    (segment,) = timeline.segments
    length, all_of_it = Fraction(table.samples, table.rate), len(table.sums)
    begin, end = (
        Fraction(round(time * table.rate), table.rate) - table.time(0) for time in (segment.start, segment.end)
    )
    end = min(end, all_of_it * length)
    if begin < -length / 2:
        raise CannotCopy(LATE_START)
    reach, begin = (table.reach_seconds if begin < 0 else 0.0), max(begin, Fraction(0))
    if end <= begin:
        raise CannotCopy("it ends before what is kept begins")
    if exact_start:
        first, until = begin // length, math.ceil(end / length)
        return AudioCopy(table, ((first, until),), end - begin, round((begin - first * length) * table.rate), reach)
    is_last = segment.end == timeline.source_durations[0]
    first, until = round(begin / length), math.ceil(end / length) if is_last else round(end / length)
    if first >= until:
        raise CannotCopy("what is kept is shorter than a packet")
    return AudioCopy(table, ((first, until),), (until - first) * length, 0, table.reach_seconds)


def _merged(runs: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Runs that go on with each other as one."""
    first, last = runs[0]
    for run in runs[1:]:
        if run[0] == last:
            last = run[1]
            continue
        yield first, last
        first, last = run
    yield first, last


def copy(audio: AudioSource, plan: AudioCopy, output: Path, task: WorkerThread[Any]) -> None:
    """Write the packets of a plan to an MP4 file that begins with the first sample kept. Raises ToolError."""
    table, count = plan.table, sum(1 for _ in plan.packets)
    with (
        decoder.opened(audio) as (container, stream),
        libav_errors.errors("sound"),
        file_of(output, table) as made,
    ):
        target = made.add_stream_from_template(stream)
        if audio.track.codec == "opus" and stream.codec_context.extradata:
            target.codec_context.extradata = _opus_head(stream.codec_context.extradata, plan.left_out)
        taken = functools.partial(read, audio, container, stream, table)
        chosen = taken(plan.numbers) if table.mp3 is None else table.mp3.joined(list(plan.numbers), taken)
        for place, data in enumerate(chosen, -plan.lead_in):
            task.token.check()
            until = plan.length if place == count - 1 else None
            made.mux_one(stored(data, target, table, place * table.samples - plan.lead, until))
            task.fraction = (place + 1) / count


def file_of(output: Path, table: PacketTable) -> OutputContainer:
    """An MP4 file for packets of a table."""
    # By itself the clock of MP4 counts milliseconds, and the last samples would be left out with the edit list.
    return av.open(f"file:{output}", "w", format="mp4", options={"movie_timescale": str(table.rate)})


def stored(data: bytes, target: AudioStream, table: PacketTable, at: int, until: int | None) -> Packet:
    """A packet of a table for another file: `at` which sample of that it begins, and where the track ends within."""
    packet = Packet(data)
    packet.stream, packet.time_base, packet.is_keyframe = target, Fraction(1, table.rate), True
    packet.pts = packet.dts = at
    packet.duration = table.samples if until is None else max(1, until - at)
    return packet


def _opus_head(source: bytes, left_out: int) -> bytes:
    """The head of an Opus track (RFC 7845, 5.1) that begins elsewhere: with so many samples at 48 kHz to leave out."""
    return source[: OPUS_PRE_SKIP.start] + left_out.to_bytes(2, "little") + source[OPUS_PRE_SKIP.stop :]


def read(
    audio: AudioSource, container: InputContainer, stream: AudioStream, table: PacketTable, numbers: Iterator[int]
) -> Iterator[bytes]:
    """Packets out of all of a track. Raises ToolError where they are not what the survey found."""
    found = _in_place if table.file_offsets is not None else _demuxed
    for number, data in found(audio, container, stream, table, numbers):
        if zlib.crc32(data) != table.sums[number]:
            raise _changed(number)
        yield data


def _in_place(
    audio: AudioSource, container: InputContainer, stream: AudioStream, table: PacketTable, numbers: Iterator[int]
) -> Iterator[tuple[int, bytes]]:
    """Packets by their offsets: no demuxer reads all that is before them."""
    assert table.file_offsets is not None
    with audio.path.open("rb") as file:
        for number in numbers:
            yield number, os.pread(file.fileno(), int(table.sizes[number]), int(table.file_offsets[number]))


def _demuxed(
    audio: AudioSource, container: InputContainer, stream: AudioStream, table: PacketTable, numbers: Iterator[int]
) -> Iterator[tuple[int, bytes]]:
    """Packets as a demuxer finds them. A run may begin before the run before it ends."""
    held: collections.deque[bytes] = collections.deque(maxlen=MAXIMUM_PACKETS_BACK)
    count, there = 0, _stored(container, stream)
    for number in numbers:
        if number - count > READ_ON_PACKETS:
            count, there = _sought(audio, container, stream, table, number)
            held.clear()
        while count <= number:
            data = next(there, None)
            if data is None:
                raise _changed(count)
            held.append(data)
            count += 1
        yield number, held[number - count]


def _stored(container: InputContainer, stream: AudioStream) -> Iterator[bytes]:
    return (bytes(packet) for packet in demuxing.packets(container, stream) if packet.size)


def _sought(
    audio: AudioSource, container: InputContainer, stream: AudioStream, table: PacketTable, number: int
) -> tuple[int, Iterator[bytes]]:
    """Where reading goes on to come to a packet: the number of one at or before it, and the bytes from that one on."""
    clock = stream.time_base or Fraction(1)
    for aim in (table.time(number) + audio.start, audio.start + table.time(0)):
        with contextlib.suppress(av.error.FFmpegError):
            container.seek(math.floor(aim / clock), stream=stream, backward=True)
        packets = (packet for packet in demuxing.packets(container, stream) if packet.size)
        packet = next(packets, None)
        if packet is None or packet.pts is None:
            continue
        found = round(((packet.pts * clock - audio.start) * table.rate - table.first) / table.samples)
        # Demuxers that seek by guessing may have the wrong times.
        if 0 <= found <= number and zlib.crc32(packet) == table.sums[found]:
            return found, map(bytes, itertools.chain([packet], packets))
    raise _changed(number)


def _changed(number: int) -> ToolError:
    return ToolError(
        "The recording could not be read as it could before. Tell the operator.", detail=f"packet {number} of audio"
    )
