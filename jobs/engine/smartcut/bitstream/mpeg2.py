"""MPEG-2 video: what the headers before a picture's slices say.

Syntax elements have their names in ITU-T H.262 (ISO/IEC 13818-2), whose sections are given.
"""

import dataclasses
from fractions import Fraction

from jobs.engine.smartcut.bitstream.bits import BitReader
from jobs.engine.smartcut.bitstream.nal import Unit

START = b"\0\0\1"
PICTURE, FIRST_SLICE, LAST_SLICE, SEQUENCE, EXTENSION, SEQUENCE_END, GROUP = 0x00, 0x01, 0xAF, 0xB3, 0xB5, 0xB7, 0xB8
SEQUENCE_EXTENSION, SEQUENCE_DISPLAY, QUANT_MATRIX, SEQUENCE_SCALABLE, PICTURE_CODING = 1, 2, 3, 5, 8
"""extension_start_code_identifier (table 6-2)."""
INTRA, PREDICTED, BIDIRECTIONAL = 1, 2, 3
"""picture_coding_type (table 6-12)."""
FRAME_PICTURE = 3
"""picture_structure (table 6-14)."""
CHROMA_420, CHROMA_422 = 1, 2
FIXED_SEQUENCE_BYTES = 11
"""A sequence header before its matrices, which begin with the last but one bit of these."""
MATRIX_FLAGS = 0b11
CLOSED_GOP, BROKEN_LINK = 0x40, 0x20
"""In the last byte of a group's header."""
GROUP_FLAGS_BYTE = 7
MAXIMUM_HEADERS = 64
FRAME_RATES = {
    1: Fraction(24_000, 1001),
    2: Fraction(24),
    3: Fraction(25),
    4: Fraction(30_000, 1001),
    5: Fraction(30),
    6: Fraction(50),
    7: Fraction(60_000, 1001),
    8: Fraction(60),
}
"""By frame_rate_code (table 6-4)."""
NON_LINEAR_SCALES = (0, *range(1, 9), *range(10, 25, 2), *range(28, 57, 4), *range(64, 113, 8))
"""quantiser_scale by quantiser_scale_code, with q_scale_type 1 (table 7-6)."""


@dataclasses.dataclass(frozen=True)
class Sequence:
    """A sequence header (6.2.2.1) with its extensions, as it stands in `header`."""

    header: bytes
    size: tuple[int, int]
    frame_rate: Fraction
    progressive_sequence: bool
    chroma_format: int
    low_delay: bool

    @property
    def video_full_range_flag(self) -> bool:
        """MPEG-2 knows no other."""
        return False

    @property
    def max_num_reorder(self) -> int:
        """A frame of references is shown when the next one is decoded."""
        return 0 if self.low_delay else 1

    @property
    def with_default_matrices(self) -> bytes:
        """The same for pictures that are coded with the matrices that are used where none are loaded (6.3.11)."""
        extensions = self.header.find(START, 4)
        fixed = self.header[:FIXED_SEQUENCE_BYTES]
        last = self.header[FIXED_SEQUENCE_BYTES] & ~MATRIX_FLAGS
        return fixed + bytes([last]) + self.header[extensions:]


@dataclasses.dataclass(frozen=True)
class Picture:
    """What stands before the slices of a packet. `sequence` and `group_at` are what a picture may be led in by: the
    bytes of a sequence header with its extensions, and where a group's header begins. `picture_at` is where the
    picture's own begins."""

    sequence: bytes
    group_at: int | None
    picture_at: int
    picture_coding_type: int
    picture_structure: int
    repeat_first_field: bool
    intra_dc_precision: int
    quantiser_scale: int
    loads_matrices: bool


def parse_sequence(header: bytes) -> Sequence:
    """Read a sequence header with its extensions. Raises ValueError."""
    bits = BitReader(header[4:12], has_emulation_prevention=False)
    width, height = bits.u(12), bits.u(12)
    bits.u(4)  # aspect_ratio_information
    rate = FRAME_RATES.get(bits.u(4))
    extension = next((at for kind, at in _extensions(header) if kind == SEQUENCE_EXTENSION), None)
    if header[3] != SEQUENCE or rate is None or extension is None:
        raise ValueError("no sequence of MPEG-2 begins like this")
    if any(kind == SEQUENCE_SCALABLE for kind, _ in _extensions(header)):
        raise ValueError("scalable")
    bits = BitReader(header[extension + 4 : extension + 10], has_emulation_prevention=False)
    bits.u(4 + 8)  # extension_start_code_identifier, profile_and_level_indication
    progressive, chroma_format = bits.flag(), bits.u(2)
    size = (width | bits.u(2) << 12, height | bits.u(2) << 12)
    bits.u(12 + 1 + 8)  # bit_rate_extension, marker_bit, vbv_buffer_size_extension
    low_delay = bits.flag()
    rate *= Fraction(bits.u(2) + 1, bits.u(5) + 1)
    return Sequence(header, size, rate, progressive, chroma_format, low_delay)


def parse_picture(packet: Unit) -> Picture:
    """Read what stands before the first slice of a packet, and its quantiser_scale. Raises ValueError."""
    data = bytes(packet)
    starts = _starts(data)
    slice_at = starts[-1]
    if not FIRST_SLICE <= data[slice_at + 3] <= LAST_SLICE:
        raise ValueError("a packet without a picture")
    picture_at = next((at for at in starts if data[at + 3] == PICTURE), None)
    if picture_at is None:
        raise ValueError("slices without a picture")
    bits = BitReader(data[picture_at + 4 : picture_at + 8], has_emulation_prevention=False)
    bits.u(10)  # temporal_reference
    coding_type = bits.u(3)
    own = [(kind, at) for kind, at in _extensions(data[:slice_at]) if at > picture_at]
    coding = next((at for kind, at in own if kind == PICTURE_CODING), None)
    if coding is None:
        raise ValueError("a picture of MPEG-1")
    bits = BitReader(data[coding + 4 : coding + 9], has_emulation_prevention=False)
    bits.u(4 + 16)  # extension_start_code_identifier, f_code
    precision, structure = bits.u(2), bits.u(2)
    bits.u(3)  # top_field_first, frame_pred_frame_dct, concealment_motion_vectors
    is_non_linear = bits.flag()  # q_scale_type
    bits.u(2)  # intra_vlc_format, alternate_scan
    repeats = bits.flag()
    # quantiser_scale_code comes first in slices but those of pictures of more than 2800 lines.
    code = data[slice_at + 4] >> 3
    return Picture(
        _sequence_of(data, starts),
        next((at for at in starts if data[at + 3] == GROUP), None),
        picture_at,
        coding_type,
        structure,
        repeats,
        precision,
        NON_LINEAR_SCALES[code] if is_non_linear else 2 * code,
        any(kind == QUANT_MATRIX for kind, _ in own),
    )


def _starts(data: bytes) -> list[int]:
    """Where start codes stand, up to the first slice."""
    found: list[int] = []
    at = data.find(START)
    while 0 <= at < len(data) - 4 and len(found) < MAXIMUM_HEADERS:
        found.append(at)
        if FIRST_SLICE <= data[at + 3] <= LAST_SLICE:
            return found
        at = data.find(START, at + 3)
    raise ValueError("a packet without slices")


def _sequence_of(data: bytes, starts: list[int]) -> bytes:
    """A sequence header with the extensions that follow it; user data belongs to nobody."""
    begin = next((number for number, at in enumerate(starts) if data[at + 3] == SEQUENCE), None)
    if begin is None:
        return b""
    parts = [data[starts[begin] : starts[begin + 1]]]
    for at, until in zip(starts[begin + 1 :], starts[begin + 2 :], strict=False):
        if data[at + 3] in (PICTURE, GROUP):
            break
        if data[at + 3] == EXTENSION:
            parts.append(data[at:until])
    return b"".join(parts)


def _extensions(data: bytes) -> list[tuple[int, int]]:
    """extension_start_code_identifier and place of each extension."""
    found: list[tuple[int, int]] = []
    at = data.find(START + bytes([EXTENSION]))
    while 0 <= at < len(data) - 4 and len(found) < MAXIMUM_HEADERS:
        found.append((data[at + 4] >> 4, at))
        at = data.find(START + bytes([EXTENSION]), at + 4)
    return found


def without_end(packet: Unit) -> Unit:
    """A packet without the sequence_end_code that may follow its picture."""
    view = memoryview(packet)
    tail = bytes(view[-64:])
    end = tail.rfind(START + bytes([SEQUENCE_END]))
    return view if end < 0 else view[: len(view) - len(tail) + end]


def broken_link(headers: bytes, group_at: int | None) -> bytes:
    """What stands before a picture, with broken_link set in its group's header where that is open (6.3.8)."""
    if group_at is None or headers[group_at + GROUP_FLAGS_BYTE] & CLOSED_GOP:
        return headers
    changed = bytearray(headers)
    changed[group_at + GROUP_FLAGS_BYTE] |= BROKEN_LINK
    return bytes(changed)
