"""AV1 in the smart cut, encoded by SVT-AV1.

A packet holds a temporal unit: one frame that is shown, and any number of hidden ones before it. A shown key frame
refreshes all references, so that nothing before it is needed, and its sequence header stands before it. Ours may be
another one than the source's: MP4 and Matroska allow that as long as what they say of the whole track holds for all,
which is profile, level, size and colours. Ours says the source's level; the others are equal, or nothing is copied.
"""

import os
import zlib

from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange

from jobs.engine.smartcut.bitstream import av1, av1_frame
from jobs.engine.smartcut.bitstream.av1 import Obu, Sequence
from jobs.engine.smartcut.bitstream.nal import Unit
from jobs.engine.smartcut.codec import (
    RANDOM_ACCESS,
    REFERENCE,
    CannotCopy,
    Codec,
    CodedPicture,
    Coding,
    PatchSettings,
    SequenceParameterSet,
)

NOT_STORED = (av1.TEMPORAL_DELIMITER, av1.REDUNDANT_FRAME_HEADER, av1.TILE_LIST, av1.PADDING)
"""What MP4 and Matroska leave out of a temporal unit."""
MAXIMUM_SEQUENCES = 30
"""Each smart cut may add one."""
QUANTIZER_STEP = 4
"""SVT-AV1 counts quantizers from 0 to 63 where base_q_idx counts to 255."""
# By itself SVT-AV1 writes to standard error what it was asked for; errors are enough.
os.environ.setdefault("SVT_LOG", "1")


class Av1(Codec):
    name, label, tag = "av1", "AV1", "av01"
    decoder = "libdav1d"
    # At the source's quantizer about its rate (28 KB a frame of noisy 720p where the source has 26). From preset 10 on
    # whole blocks of slides may stay as they were when the slide changes.
    bulk = PatchSettings("8", "", bframes=0, cost=5.8)

    def reader(self, extradata: bytes) -> "Av1Reader":
        return Av1Reader(extradata)

    def parse_all_sps(self, parameter_sets: tuple[bytes, ...]) -> list[SequenceParameterSet]:
        return [
            av1.parse_sequence(unit.payload)
            for header in parameter_sets
            for unit in av1.obus(header)
            if unit.obu_type == av1.SEQUENCE_HEADER
        ]

    def stored_copy(self, packet: Unit, parameter_sets: tuple[bytes, ...], length_bytes: int, *, begins: bool) -> bytes:
        return b"".join(unit.whole for unit in av1.obus(packet) if unit.obu_type not in NOT_STORED)

    def stored_checksum(self, packet: Unit) -> int:
        return checksum(list(av1.obus(packet)))

    def stored_packet(self, coding: Coding, packet: Unit, *, is_key: bool) -> bytes:
        level = _sequence(coding).level
        return b"".join(
            av1.with_level(unit.whole, level) if unit.obu_type == av1.SEQUENCE_HEADER else bytes(unit.whole)
            for unit in av1.obus(packet)
            if unit.obu_type not in NOT_STORED
        )

    def open_encoder(self, coding: Coding) -> VideoCodecContext:
        sequence = _sequence(coding)
        color = sequence.color_config
        if sequence.seq_profile != 0 or color.mono_chrome:
            raise CannotCopy("its colours are stored in a rare way")
        context = coding.context("libsvtav1", "yuv420p10le" if color.bit_depth == 10 else "yuv420p", {})
        context.color_range = ColorRange.JPEG if color.color_range else ColorRange.MPEG
        context.color_primaries, context.color_trc, context.colorspace = color.description
        # One thread; no frames that are mixed of several; no quantizer but the one that is asked for, and those that
        # hang on it.
        params = ["lp=1", "rc=0", "aq-mode=0", "scd=0", "enable-tf=0"]
        params += [f"chroma-sample-position={color.chroma_sample_position}"]
        context.options = {
            "preset": coding.settings.preset,
            "qp": str(max(1, (coding.quantizer or QUANTIZER_STEP) // QUANTIZER_STEP)),
            "svtav1-params": ":".join(params),
        }
        context.open()
        return context

    def decoder_configuration(self, coding: Coding) -> bytes:
        """The units that `av1C` is made of: the source's sequence header, and metadata that hold for all of it."""
        theirs = _sequence(coding)
        header = av1.config_obus(self.open_encoder(coding).extradata or b"")
        (ours,) = av1.obus(self.stored_packet(coding, header, is_key=True))
        if not theirs.fits(av1.parse_sequence(ours.payload)):
            raise CannotCopy("no encoder fits its coding")
        return coding.parameter_sets[0]


def _sequence(coding: Coding) -> Sequence:
    sequence = coding.codec.parse_all_sps(coding.parameter_sets)[0]
    assert isinstance(sequence, Sequence)
    return sequence


def checksum(units: list[Obu]) -> int:
    """Of a temporal unit: the same in every container, and with or without a sequence header."""
    value = 0
    for unit in units:
        if unit.obu_type not in (av1.SEQUENCE_HEADER, *NOT_STORED):
            value = zlib.crc32(unit.payload, zlib.crc32(bytes([unit.obu_type]), value))
    return value


def headers(units: list[Obu], sequence: Sequence) -> list[av1_frame.FrameHeader]:
    frames = [unit.payload for unit in units if unit.obu_type in (av1.FRAME_HEADER, av1.FRAME)]
    return [av1_frame.parse_frame(frame, sequence) for frame in frames]


class Av1Reader:
    """Keeps the sequence headers: the track's own, and others in packets that fit it."""

    length_bytes = 0

    def __init__(self, extradata: bytes) -> None:
        self.copies_verbatim = True
        self._sequences: dict[bytes, Sequence] = {}
        self._current: Sequence | None = None
        for unit in av1.obus(av1.config_obus(extradata)):
            if unit.obu_type == av1.SEQUENCE_HEADER:
                self._add(unit)

    @property
    def stored_parameter_sets(self) -> tuple[bytes, ...]:
        return tuple(self._sequences)

    def read(self, packet: Unit) -> CodedPicture:
        try:
            return self._read(list(av1.obus(packet)))
        except av1.RareCoding as why:
            raise CannotCopy(str(why)) from why

    def _read(self, units: list[Obu]) -> CodedPicture:
        own = [unit for unit in units if unit.obu_type == av1.SEQUENCE_HEADER]
        for unit in own:
            self._add(unit)
        if self._current is None:
            raise CannotCopy("its coding is not described")
        frames = headers(units, self._current)
        if sum(frame.is_shown for frame in frames) != 1:
            raise CannotCopy("some of its packets show no picture, or several")
        is_entry = frames[0].frame_type == av1_frame.KEY_FRAME and frames[0].is_shown
        if is_entry and not own:
            # A random access point has one (7.6.1); without, decoders would have to know which one came last.
            raise CannotCopy("not every keyframe of it says how it is coded")
        if any(unit.obu_type in NOT_STORED for unit in units):
            self.copies_verbatim = False
        flags = RANDOM_ACCESS * is_entry | REFERENCE * any(frame.refreshes for frame in frames)
        return CodedPicture(flags, checksum(units), frames[-1].base_q_idx)

    def _add(self, unit: Obu) -> None:
        key = bytes(unit.whole)
        if key not in self._sequences:
            found = av1.parse_sequence(unit.payload)
            if not all(found.fits(other) for other in self._sequences.values()):
                raise CannotCopy("its coding changes on the way")
            if len(self._sequences) == MAXIMUM_SEQUENCES:
                raise CannotCopy("its coding is described in too many ways")
            self._sequences[key] = found
        self._current = self._sequences[key]
