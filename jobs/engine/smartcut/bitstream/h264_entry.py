"""An H.264 picture that decoding can begin with, as the IDR picture that it is not, and those after it counted anew.

An open GOP begins with pictures of I slices that are no IDR pictures: a recovery point SEI message (D.2.8) says that
all that is shown from there on is right. A decoder that comes from other pictures needs an IDR picture, which counts
frame_num and pic_order_cnt_lsb from 0. Whoever refers to others tells them by differences of either, so the numbers of
all pictures can be moved by the same; and what a slice codes stays as it is, bit for bit.

Syntax elements have their names in ITU-T H.264, whose clauses are given.
"""

import dataclasses
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from jobs.engine.smartcut.bitstream import nal
from jobs.engine.smartcut.bitstream.bits import BitReader
from jobs.engine.smartcut.bitstream.h264 import IDR_SLICE, NON_IDR_SLICE, Sps, nal_unit_type
from jobs.engine.smartcut.bitstream.h264_slice import HEADER_BYTES, MAXIMUM_REFERENCES, Pps, read_references
from jobs.engine.smartcut.bitstream.nal import Unit

RECOVERY_POINT = 6
"""payloadType of a recovery point SEI message."""
I_SLICES = (2, 7)
"""slice_type (table 7-6)."""
RELEASE = 1
"""memory_management_control_operation (table 7-9) that ends the use of a short-term reference."""


class Numbers(NamedTuple):
    """How a picture is counted."""

    frame_num: int
    pic_order_cnt_lsb: int


class PictureHeader(NamedTuple):
    """What all slices of a picture say alike of how it is counted, and of the references that it releases (as in
    Slice)."""

    is_idr: bool
    numbers: Numbers
    releases: tuple[int, ...] | None


class Span(NamedTuple):
    """Bits of a slice, from one up to another."""

    begin: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.begin


@dataclasses.dataclass(frozen=True)
class Slice:
    """A slice without emulation prevention, and where in it those parts of its header are that an IDR picture has
    otherwise; `header_end` is where slice_data begins."""

    payload: bytes
    is_intra: bool
    has_cabac: bool
    frame_num: Span
    idr_pic_id: Span
    pic_order_cnt_lsb: Span
    marking: Span
    releases: tuple[int, ...] | None
    """Which reference pictures are no longer used from this one on, by how many they were before it (None: the oldest
    goes where there is no room)."""
    header_end: int

    @property
    def numbers(self) -> Numbers:
        return Numbers(self._value(self.frame_num), self._value(self.pic_order_cnt_lsb))

    @property
    def header(self) -> PictureHeader:
        return PictureHeader(self.payload[0] & 0x1F == IDR_SLICE, self.numbers, self.releases)

    @property
    def own_idr_pic_id(self) -> int | None:
        """None: it is no slice of an IDR picture."""
        return self._value(self.idr_pic_id) - 1 if self.header.is_idr else None

    @property
    def maximum_frame_num(self) -> int:
        return 1 << self.frame_num.size

    def _value(self, span: Span) -> int:
        bits = int.from_bytes(self.payload[: -(-span.end // 8)], "big") >> -span.end % 8
        return bits & (1 << span.size) - 1


def parse_slice(unit: Unit, sps: Sps, pps: Pps) -> Slice:
    """Read a slice (7.3.3) of a frame in a track with pic_order_cnt_type 0. Raises ValueError."""
    payload = nal.without_emulation_prevention(unit)
    bits = BitReader(payload[:HEADER_BYTES], has_emulation_prevention=False)
    total = bits.bits_left
    if sps.pic_order_cnt_type or not sps.frame_mbs_only_flag:
        raise ValueError("its pictures are counted in a rare way")

    def read(count: int) -> Span:
        begin = total - bits.bits_left
        bits.u(count)
        return Span(begin, begin + count)

    is_idr = nal_unit_type(unit) == IDR_SLICE
    is_reference = bits.u(8) & 0x60 != 0
    bits.ue()  # first_mb_in_slice
    slice_type = bits.ue()
    bits.ue()  # pic_parameter_set_id
    bits.u(2 * sps.chroma_format.separate_colour_plane_flag)  # colour_plane_id
    frame_num = read(sps.log2_max_frame_num)
    begin = total - bits.bits_left
    if is_idr:
        bits.ue()  # idr_pic_id
    idr_pic_id = Span(begin, total - bits.bits_left)
    pic_order_cnt_lsb = read(sps.log2_max_pic_order_cnt_lsb)
    if pps.bottom_field_pic_order_in_frame_present_flag:
        bits.se()  # delta_pic_order_cnt_bottom
    if pps.redundant_pic_cnt_present_flag:
        bits.ue()  # redundant_pic_cnt
    is_intra = slice_type in I_SLICES
    if not is_intra:
        read_references(bits, slice_type % 5, sps, pps)
    begin = total - bits.bits_left
    releases = _releases(bits, is_idr=is_idr) if is_reference else None
    marking = Span(begin, total - bits.bits_left)
    if pps.entropy_coding_mode_flag and not is_intra:
        bits.ue()  # cabac_init_idc
    bits.se()  # slice_qp_delta
    if pps.deblocking_filter_control_present_flag and bits.ue() != 1:  # disable_deblocking_filter_idc
        bits.se()  # slice_alpha_c0_offset_div2
        bits.se()  # slice_beta_offset_div2
    if bits.bits_left < 0:
        raise ValueError("a slice is cut off")
    return Slice(
        payload,
        is_intra,
        pps.entropy_coding_mode_flag,
        frame_num,
        idr_pic_id,
        pic_order_cnt_lsb,
        marking,
        releases,
        total - bits.bits_left,
    )


def header_of(slices: Sequence[Slice]) -> PictureHeader:
    """That of the picture with these slices. Raises ValueError when they do not agree (7.4.3)."""
    header = slices[0].header
    if any(parsed.header != header for parsed in slices[1:]):
        raise ValueError("slices of a picture count it in several ways")
    return header


def _releases(bits: BitReader, *, is_idr: bool) -> tuple[int, ...] | None:
    """dec_ref_pic_marking (7.3.3.3). Raises ValueError for long-term references."""
    if is_idr:
        bits.u(2)  # no_output_of_prior_pics_flag, long_term_reference_flag
        return None
    if not bits.flag():  # adaptive_ref_pic_marking_mode_flag
        return None
    found: list[int] = []
    while operation := bits.ue():  # memory_management_control_operation
        if operation != RELEASE or len(found) > MAXIMUM_REFERENCES:
            raise ValueError("its references are marked in a rare way")
        found.append(bits.ue() + 1)  # difference_of_pic_nums_minus1
    return tuple(found)


def counted_from(parsed: Slice, origin: Numbers, counted: int) -> bytes:
    """A slice whose numbers are less by those of the picture that now comes first, `counted` references before it.

    What it releases of those that came before that picture is left out: they are not there.
    """
    if any(back > counted for back in parsed.releases or ()):
        parsed = _without_releases(parsed, counted)
    end = -(-max(parsed.frame_num.end, parsed.pic_order_cnt_lsb.end) // 8)
    value = int.from_bytes(parsed.payload[:end], "big")
    for span, number, nought in (
        (parsed.frame_num, parsed.numbers.frame_num, origin.frame_num),
        (parsed.pic_order_cnt_lsb, parsed.numbers.pic_order_cnt_lsb, origin.pic_order_cnt_lsb),
    ):
        modulus = 1 << span.size
        value ^= (number ^ (number - nought) % modulus) << 8 * end - span.end
    return nal.with_emulation_prevention(value.to_bytes(end, "big") + parsed.payload[end:])


def _without_releases(parsed: Slice, counted: int) -> Slice:
    head = _Head(parsed)
    head.copy(0, parsed.marking.begin)
    head.put(1, 1)  # adaptive_ref_pic_marking_mode_flag
    for back in parsed.releases or ():
        if back <= counted:
            head.put_ue(RELEASE)
            head.put_ue(back - 1)
    head.put_ue(0)
    head.copy(parsed.marking.end, parsed.header_end)
    return dataclasses.replace(parsed, payload=head.with_data())


def as_idr(parsed: Slice, idr_pic_id: int) -> bytes:
    """A slice of an intra picture as one of an IDR picture, which ends the use of all before it."""
    head = _Head(parsed)
    head.copy(0, 3)  # forbidden_zero_bit, nal_ref_idc
    head.put(IDR_SLICE, 5)
    head.copy(8, parsed.frame_num.begin)
    head.put(0, parsed.frame_num.size)
    head.put_ue(idr_pic_id)
    head.put(0, parsed.pic_order_cnt_lsb.size)
    head.copy(parsed.pic_order_cnt_lsb.end, parsed.marking.begin)
    head.put(0, 2)  # no_output_of_prior_pics_flag, long_term_reference_flag
    head.copy(parsed.marking.end, parsed.header_end)
    return nal.with_emulation_prevention(head.with_data())


def checksum(parsed: Slice, value: int) -> int:
    """Of a slice, added to `value`, the same wherever a copy begins: without what counts pictures, and without which
    of them it releases."""
    head = _Head(parsed)
    head.copy(0, 3)
    head.put(NON_IDR_SLICE, 5)
    head.copy(8, parsed.frame_num.begin)
    head.copy(parsed.pic_order_cnt_lsb.end, parsed.marking.begin)
    head.copy(parsed.marking.end, parsed.header_end)
    return zlib.crc32(head.with_data(), value)


class _Head:
    """The header of a slice, written anew from parts of it."""

    def __init__(self, parsed: Slice) -> None:
        self._parsed = parsed
        self._size = 8 * min(HEADER_BYTES, len(parsed.payload))
        self._bits = int.from_bytes(parsed.payload[:HEADER_BYTES], "big")
        self._value = 0
        self._count = 0

    def put(self, value: int, count: int) -> None:
        self._value = self._value << count | value
        self._count += count

    def put_ue(self, value: int) -> None:
        self.put(value + 1, 2 * (value + 1).bit_length() - 1)

    def copy(self, begin: int, end: int) -> None:
        self.put(self._bits >> self._size - end & (1 << end - begin) - 1, end - begin)

    def with_data(self) -> bytes:
        """And slice_data behind it, with rbsp_trailing_bits."""
        payload, begin = self._parsed.payload, self._parsed.header_end
        if self._parsed.has_cabac:
            padding = -self._count % 8  # cabac_alignment_one_bit
            self.put((1 << padding) - 1, padding)
            return self._value.to_bytes(self._count // 8, "big") + payload[-(-begin // 8) :]
        first = begin // 8
        size = 8 * (len(payload) - first)
        rest = int.from_bytes(payload[first:], "big") & (1 << size - begin % 8) - 1
        zeros = (rest & -rest).bit_length() - 1 if rest else 0
        self.put(rest >> zeros, size - begin % 8 - zeros)
        padding = -self._count % 8
        self.put(0, padding)
        return self._value.to_bytes(self._count // 8, "big")


def is_exact_recovery_point(unit: Unit) -> bool:
    """Whether an SEI message (7.3.2.3.1) says that all is right from the picture with it on, exactly."""
    payload = nal.without_emulation_prevention(unit)
    offset = 1
    while offset + 2 < len(payload):
        kind, offset = _number(payload, offset)
        size, offset = _number(payload, offset)
        if kind == RECOVERY_POINT:
            bits = BitReader(payload[offset : offset + size], has_emulation_prevention=False)
            recovery_frame_cnt, exact_match_flag = bits.ue(), bits.flag()
            return recovery_frame_cnt == 0 and exact_match_flag
        offset += size
    return False


def _number(payload: bytes, offset: int) -> tuple[int, int]:
    """payloadType or payloadSize, in bytes of which only the last is not 255, and where the next begins."""
    value = 0
    while offset < len(payload):
        value += payload[offset]
        offset += 1
        if payload[offset - 1] != 255:
            break
    return value, offset
