"""The packets of an audio track, as far as they can be copied one by one."""

import dataclasses
import os
import zlib
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import BinaryIO

import numpy as np
from av.audio.stream import AudioStream
from av.packet import Packet
from numpy.typing import NDArray

from jobs.engine.audio import decoder
from jobs.engine.audio.adts import PayloadSurvey
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.mp3_reservoir import FrameSurvey, FrameTable
from jobs.engine.container import demuxing
from jobs.engine.model.audio_layout import HOLE_SECONDS
from jobs.engine.model.mediainfo import AudioTrack
from jobs.engine.runtime.threads import CancellationToken

MP3 = frozenset({"mp3", "mp3float"})
CODECS = frozenset({"aac", "ac3", "eac3", "mp2", "opus"}) | MP3
"""By libavcodec's names."""
PROBED_PACKETS, SKIPPED_PACKETS = 8, 2
"""Decoded to see how many samples a packet holds: what an AAC decoder makes of SBR is told nowhere else."""
COMPARED_EVERY_PACKETS = 100
"""Of so many packets one is compared with what stands at its offset in the file."""
AAC_SAMPLES, FILTER_BANK_SAMPLES = 1024, 512


class CannotCopy(Exception):
    """Says why the packets of an audio track cannot be copied, in words that follow "because"."""


@dataclasses.dataclass(frozen=True, eq=False)
class PacketTable:
    """The packets of a track, all of the same length.

    The first one's samples come `first` samples after the recording's start (before it where negative), and each packet
    holds `samples` of them, `rate` a second. `sums` has a checksum (CRC-32) of each packet, `sizes` its bytes, and
    `file_offsets` where in the file it stands, where it does as it is. `mp3` tells more of packets of MP3,
    and `payload_sums` has checksums of what a result stores of ADTS.
    """

    first: int
    samples: int
    rate: int
    sums: NDArray[np.uint32]
    sizes: NDArray[np.uint32]
    file_offsets: NDArray[np.int64] | None = None
    mp3: FrameTable | None = None
    payload_sums: NDArray[np.uint32] | None = None

    @property
    def is_stored_alike(self) -> bool:
        """Whether a result stores these packets as they are, wherever they come to lie."""
        return self.mp3 is None and self.payload_sums is None

    @property
    def result_sums(self) -> NDArray[np.uint32]:
        """What is compared of a result: checksums of each packet, of MP3 those of `FrameDigests`."""
        if self.mp3 is not None:
            return self.mp3.digests
        return self.sums if self.payload_sums is None else self.payload_sums

    @property
    def memory_packets(self) -> int:
        """On so many packets before it depends what one sounds like: by their overlap, and by the filter bank of MP3,
        which remembers nearly all of a packet of 576 samples (MPEG-2)."""
        return 2 if self.mp3 is not None and self.samples < 2 * FILTER_BANK_SAMPLES else 1

    @property
    def reach_seconds(self) -> float:
        """Half a packet: how far a copied range may be from where it is planned, unless it begins the result."""
        return self.samples / self.rate / 2

    def has_room(self, runs: Sequence[tuple[int, int]]) -> bool:
        """Whether packets of these runs can be joined: those of MP3 need room for what they have in others before."""
        return self.mp3 is None or self.mp3.has_room(runs)

    def time(self, number: int) -> Fraction:
        """When a packet's samples begin, in seconds after the recording's start."""
        return Fraction(self.first + number * self.samples, self.rate)


def survey(audio: AudioSource, token: CancellationToken) -> PacketTable:
    """The packets of a track. Raises CannotCopy (other codecs, holes, packets of several lengths), InputError."""
    if audio.track.codec not in CODECS:
        raise CannotCopy(f"packets of {audio.track.codec} cannot be joined")
    with decoder.opened(audio) as (container, stream), audio.path.open("rb") as file:
        if not stream.codec_context.extradata and audio.track.codec == "opus":
            raise CannotCopy("its file does not tell how its Opus is to be decoded")
        found = _Survey(audio, stream, file)
        for packet in demuxing.packets(container, stream):
            token.check()
            if packet.size:
                found.add(packet)
        return found.table()


class _Survey:
    """What is known so far of a track."""

    def __init__(self, audio: AudioSource, stream: AudioStream, file: BinaryIO) -> None:
        self._audio, self._stream, self._file = audio, stream, file
        self._sums: list[int] = []
        self._times: list[int] = []
        self._sizes: list[int] = []
        self._file_offsets: list[int] = []
        self._stand_in_place = True
        self._lengths: set[tuple[int, int]] = set()
        self._mp3 = FrameSurvey() if audio.track.codec in MP3 else None
        self._adts = PayloadSurvey() if _is_adts(audio.track, stream) else None

    def add(self, packet: Packet) -> None:
        """Raises CannotCopy where the packet cannot be copied, and so the track."""
        if packet.pts is None or packet.is_corrupt:
            raise CannotCopy("its file is damaged, or does not tell when its packets are heard")
        if packet.has_sidedata("new_extradata"):
            raise CannotCopy("it changes within the recording how it is coded")
        inside = self._mp3 or self._adts
        if inside is not None and not inside.add(bytes(packet)):
            raise CannotCopy("its packets have checksums, several blocks, or damage")
        count = len(self._sums)
        if count < PROBED_PACKETS:
            frames = demuxing.frames(self._stream.codec_context, packet) or []
            # Of the first ones decoders skip samples, as the container says.
            if count >= SKIPPED_PACKETS:
                self._lengths |= {(frame.samples, frame.sample_rate) for frame in frames}
        if self._stand_in_place and count % COMPARED_EVERY_PACKETS == 0:
            self._stand_in_place = _stands_in_place(packet, self._file)
        self._times.append(packet.pts)
        self._sums.append(zlib.crc32(packet))
        self._sizes.append(packet.size)
        self._file_offsets.append(-1 if packet.pos is None else packet.pos)

    def table(self) -> PacketTable:
        """Raises CannotCopy."""
        clock = self._stream.time_base
        if len(self._lengths) != 1 or clock is None:
            raise CannotCopy("its packets are too few, or of several lengths")
        ((samples, rate),) = self._lengths
        # ADTS tells nothing of SBR.
        if rate != self._audio.track.sample_rate or (self._adts and samples != AAC_SAMPLES):
            raise CannotCopy("half of its spectrum is only described (HE-AAC)")
        hole = _first_hole(self._times, clock, Fraction(samples, rate))
        if hole is not None:
            at = float(self._times[hole] * clock - self._audio.start)
            raise CannotCopy(f"it has a gap, or time stamps that jump, at {at:.1f} s")
        is_in_place = self._stand_in_place and min(self._file_offsets) >= 0
        return PacketTable(
            round((self._times[0] * clock - self._audio.start) * rate),
            samples,
            rate,
            np.array(self._sums, np.uint32),
            np.array(self._sizes, np.uint32),
            np.array(self._file_offsets, np.int64) if is_in_place else None,
            self._mp3.table if self._mp3 else None,
            self._adts.sums if self._adts else None,
        )


def _is_adts(track: AudioTrack, stream: AudioStream) -> bool:
    # What decoders need to know is in each packet alone (ADTS, LATM), or nowhere.
    return track.codec == "aac" and not stream.codec_context.extradata


def _stands_in_place(packet: Packet, file: BinaryIO) -> bool:
    if packet.pos is None or packet.pos < 0:
        return False
    return os.pread(file.fileno(), packet.size, packet.pos) == bytes(packet)


PacketSurvey = Callable[[AudioSource, CancellationToken], PacketTable]
"""Tells of a track what `survey` does."""


def _first_hole(times: list[int], clock: Fraction, length: Fraction) -> int | None:
    """The first packet that is not where those before it end; times in ticks of `clock`, the length in seconds."""
    ticks = np.array(times, np.int64) - times[0]
    is_off = np.abs(ticks * float(clock) - np.arange(len(ticks)) * float(length)) > HOLE_SECONDS
    return int(np.argmax(is_off)) if is_off.any() else None
