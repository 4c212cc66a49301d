"""The audio of a join, one track at a time: in one stream from the first sample to the last.

Parts of one continuous recording (the chapters of a camera) hold one stream of samples that was cut wherever a packet
or a buffer ended, a few milliseconds off the cut of the picture. Where the samples go on across a join they follow each
other as they are, and the picture's cuts have no say; what that shifts is bounded by MAXIMUM_SHIFT. Elsewhere a part's
audio begins with its picture, and both sides are faded over a few milliseconds, so that nothing clicks.

Packets are copied where that changes nothing that goes on (`joined_packets`).
"""

import dataclasses
from collections.abc import Iterator, Sequence, Set
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from jobs.engine.audio import decoder, track_encoder
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.continuity import MODEL_SAMPLES, continues
from jobs.engine.audio.decoder import BLOCK_SAMPLES, PcmReader
from jobs.engine.audio.sample_clock import Samples
from jobs.engine.audio.sample_ranges import FADE_SECONDS, rising
from jobs.engine.container.muxers import MP4, AudioCoding, Container
from jobs.engine.model.mediainfo import AudioTrack
from jobs.engine.render import joined_packets
from jobs.engine.render.joined_packets import MAXIMUM_SHIFT, JoinedTrack
from jobs.engine.render.joined_parts import Joined, Part, audio_source, told_end
from jobs.engine.runtime.threads import CancellationToken, WorkerThread, prefetched

MAXIMUM_WAITING_BLOCKS = 4


@dataclasses.dataclass(frozen=True)
class SampleFormat:
    """What samples of a track are encoded as: so many a second, in so many channels."""

    track: AudioTrack
    rate: int
    channels: int
    coding: AudioCoding


def write(
    joined: Joined,
    number: int,
    path: Path,
    container: Container,
    task: WorkerThread[Any],
    *,
    coding: AudioCoding,
    copies: bool,
    apart: Set[int] = frozenset(),
) -> JoinedTrack:
    """Write track `number` of the result to an MP4 file. With `copies` packets are copied where they can be.

    Parts with the numbers `apart` are known not to go on from those before them. Raises InputError, ToolError,
    ResourceError.
    """
    codec = joined.audio[number].codec
    is_held = container.audio_file is None and container.holds_audio(codec) and MP4.holds_audio(codec)
    copies = copies and is_held
    packets = joined_packets.planned(joined, number, task.token, apart=apart, only_stream=not copies)
    if packets and copies:
        return joined_packets.copy(packets, path, task)
    if packets is None:
        return _encode(joined, number, path, coding, task)
    # Through one decoder: a packet needs the one before it, which lies in another part.
    copied = joined_packets.copy(packets, path.with_suffix(".stream.mp4"), task)
    made = _encode_stream(joined, number, copied, path, coding, task)
    copied.path.unlink()
    return made


# One stream of packets ------------------------------------------------------------------------------------------------


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
        made = SampleFormat(track, rate, pcm.channels, coding)
        _write(_padded(_blocks(pcm, total), total, pcm.channels), path, made, total, task)
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
    made = SampleFormat(track, rate, channels, coding)
    _write(_padded(samples.blocks(), total, channels), path, made, total, task)
    begins = tuple(None if begin is None else Fraction(begin, rate) for begin in samples.begins)
    return JoinedTrack(path, begins, frozenset(samples.continuous), joined.timeline.duration)


def _write(blocks: Iterator[Samples], path: Path, to: SampleFormat, total: int, task: WorkerThread[Any]) -> None:
    with (
        prefetched(blocks, MAXIMUM_WAITING_BLOCKS) as made,
        track_encoder.encoder(path, to.track, to.rate, to.channels, to.coding) as encoder,
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
                    rest = _Rest(head, pcm)
                else:
                    if tail:
                        yield from self._faded(tail)
                        position = max(tail.position, tail.planned)
                    zero = planned
                    rest = self._beginning(head, begin, pcm) if number else _Rest(head, pcm)
                    # What went on from the part before may end later than that was planned.
                    rest.read(position - planned)
                self.begins.append(zero)
                is_last = number == len(self._joined.parts) - 1
                until = ends if is_last else max(position, ends - MODEL_SAMPLES)
                while position < until and len(block := rest.read(min(BLOCK_SAMPLES, until - position))):
                    yield block
                    position += len(block)
                if not is_last:
                    tail = self._tail(part, rest, position, ends, zero)

    def _beginning(self, head: Samples, begin: int, pcm: PcmReader) -> "_Rest":
        """The samples of a part from its start on, faded in where its audio begins; `head` are those that were read
        from `begin` on, if any."""
        if not len(head):
            # Up to where audio begins later the samples are silent already.
            return _Rest(self._risen(pcm.read(MODEL_SAMPLES)), pcm)
        return _Rest(np.concatenate((np.zeros((begin, self._channels), np.float32), self._risen(head))), pcm)

    def _tail(self, part: Part, rest: "_Rest", position: int, planned: int, zero: int) -> "_Tail":
        """What is left of a part's audio up to where it ends, or to where it cannot go on any more."""
        samples = rest.read(planned + self._shift + 1 - position)
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


class _Rest:
    """The samples of a part that are still to come, the first of which were read ahead."""

    def __init__(self, ahead: Samples, pcm: PcmReader) -> None:
        self._ahead = ahead
        self._pcm = pcm

    def read(self, count: int) -> Samples:
        """The next ones, fewer only at the end. Raises ToolError."""
        count = max(0, count)
        block, self._ahead = self._ahead[:count], self._ahead[count:]
        if len(block) == count:
            return block
        more = self._pcm.read(count - len(block))
        return np.concatenate((block, more)) if len(block) else more


@dataclasses.dataclass(frozen=True, eq=False)
class _Tail:
    """The end of a part, from sample `position` of the result on; `planned` is where the next part is to begin."""

    samples: Samples
    position: int
    planned: int


def silent_parts(joined: Joined) -> Sequence[int]:
    """Numbers of parts that have fewer tracks than the result, and are silent there."""
    return [number for number, part in enumerate(joined.parts) if len(part.info.audio) < len(joined.audio)]
