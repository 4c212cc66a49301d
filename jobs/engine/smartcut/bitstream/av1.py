"""AV1: open bitstream units (OBUs), and what sequence headers say of how a track is coded.

Syntax elements have their names in the AV1 Bitstream & Decoding Process Specification (version 1.0.0 with errata 1),
whose sections are given; "minus" ones are kept with that added.
"""

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

from jobs.engine.smartcut.bitstream.bits import BitReader, BitWriter, at_most
from jobs.engine.smartcut.bitstream.nal import Unit

# obu_type (6.2.2).
SEQUENCE_HEADER, TEMPORAL_DELIMITER, FRAME_HEADER, METADATA, FRAME = 1, 2, 3, 5, 6
REDUNDANT_FRAME_HEADER, TILE_LIST, PADDING = 7, 8, 15
SELECT = 2
"""Of what a sequence leaves to each frame (SELECT_SCREEN_CONTENT_TOOLS, SELECT_INTEGER_MV)."""
MAXIMUM_LEVEL_WITHOUT_TIER = 7
UNSPECIFIED = 2
"""Of colours by their numbers in ITU-T H.273."""
SRGB = (1, 13, 0)
"""color_primaries, transfer_characteristics and matrix_coefficients that stand for RGB."""
HEADER_BYTES = 256
"""An uncompressed_header up to base_q_idx is shorter."""


class RareCoding(ValueError):
    """What is legal and not read, in words that follow "because"."""


class Obu(NamedTuple):
    obu_type: int
    payload: memoryview
    whole: memoryview
    """With its header."""


def obus(data: Unit) -> Iterator[Obu]:
    """The units of a temporal unit in the low-overhead format (5.2). Raises ValueError."""
    view, offset = memoryview(data), 0
    while offset < len(view):
        header = view[offset]
        begin = offset + 1 + bool(header & 4)  # obu_extension_flag
        size = len(view) - begin
        if header & 2:  # obu_has_size_field
            size, begin = _leb128(view, begin)
        if header & 0x80 or size < 0 or begin + size > len(view):
            raise ValueError("an open bitstream unit reaches beyond its packet")
        yield Obu(header >> 3 & 15, view[begin : begin + size], view[offset : begin + size])
        offset = begin + size


def _leb128(view: memoryview, offset: int) -> tuple[int, int]:
    """leb128() (4.10.5), and where it ends."""
    value = 0
    for place, byte in enumerate(view[offset : offset + 8]):
        value |= (byte & 0x7F) << 7 * place
        if not byte & 0x80:
            return value, offset + place + 1
    raise ValueError("the size of an open bitstream unit has no end")


def config_obus(extradata: bytes) -> bytes:
    """Those of an AV1CodecConfigurationRecord (`av1C`); of anything else, that itself."""
    return extradata[4:] if extradata[:1] == b"\x81" else extradata


@dataclasses.dataclass(frozen=True)
class ColorConfig:
    """color_config (5.5.2)."""

    bit_depth: int
    mono_chrome: bool
    description: tuple[int, int, int]
    """color_primaries, transfer_characteristics, matrix_coefficients."""
    color_range: bool
    subsampling: tuple[bool, bool]
    chroma_sample_position: int


@dataclasses.dataclass(frozen=True)
class FrameTools:
    """What of a sequence header decides which elements a frame header has.

    `order_hint_bits` is 0 without order hints; `frame_id_bits` are those of delta_frame_id and of frame ids, 0 without.
    """

    use_128x128_superblock: bool = False
    enable_ref_frame_mvs: bool = False
    enable_superres: bool = False
    seq_force_screen_content_tools: int = SELECT
    seq_force_integer_mv: int = SELECT
    order_hint_bits: int = 0
    frame_id_bits: tuple[int, int] = (0, 0)
    frame_presentation_time_bits: int = 0
    has_decoder_model: bool = False


@dataclasses.dataclass(frozen=True)
class Sequence:
    """A sequence_header_obu (5.5). `size` is the largest of frames, in pixels."""

    seq_profile: int
    level: tuple[int, int]
    """seq_level_idx and seq_tier of the first operating point."""
    size: tuple[int, int]
    color_config: ColorConfig
    tools: FrameTools

    @property
    def video_full_range_flag(self) -> bool:
        return self.color_config.color_range

    @property
    def max_num_reorder(self) -> int:
        """Frames that are decoded early are hidden, and shown by a header of their own."""
        return 0

    def fits(self, other: "Sequence") -> bool:
        """Whether one track may hold both: `av1C` and Matroska say so much for all of it."""
        same = ("seq_profile", "level", "size", "color_config")
        return all(getattr(self, name) == getattr(other, name) for name in same)


def parse_sequence(payload: Unit) -> Sequence:
    """Read a sequence_header_obu (5.5.1). Raises ValueError."""
    return _sequence_header(header_bits(payload))[0]


def header_bits(payload: Unit) -> BitReader:
    """What a header says, from its beginning."""
    return BitReader(bytes(payload[:HEADER_BYTES]), has_emulation_prevention=False)


def _sequence_header(bits: BitReader) -> tuple[Sequence, int]:
    """The header, and how many bits were left where the first seq_level_idx begins."""
    seq_profile = bits.u(3)
    bits.u(1)  # still_picture
    if bits.flag():  # reduced_still_picture_header
        raise RareCoding("it is a still picture")
    presentation_bits, has_decoder_model = _timing_info(bits)
    initial_display_delay_present_flag = bits.flag()
    operating_points_cnt = bits.u(5) + 1
    levels, places = [], []
    for _ in range(operating_points_cnt):
        bits.u(12)  # operating_point_idc
        places.append(bits.bits_left)
        levels.append(_level(bits))
        if has_decoder_model and bits.flag():  # decoder_model_present_for_this_op
            raise RareCoding("it tells when frames leave the buffer of a decoder")
        if initial_display_delay_present_flag and bits.flag():  # initial_display_delay_present_for_this_op
            bits.u(4)
    width_bits, height_bits = bits.u(4) + 1, bits.u(4) + 1
    size = bits.u(width_bits) + 1, bits.u(height_bits) + 1
    tools = dataclasses.replace(
        _frame_tools(bits), frame_presentation_time_bits=presentation_bits, has_decoder_model=has_decoder_model
    )
    color_config = _color_config(bits, seq_profile)
    return Sequence(seq_profile, levels[0], size, color_config, tools), places[0]


def _level(bits: BitReader) -> tuple[int, int]:
    seq_level_idx = bits.u(5)
    return seq_level_idx, bits.u(1) if seq_level_idx > MAXIMUM_LEVEL_WITHOUT_TIER else 0  # seq_tier


def _timing_info(bits: BitReader) -> tuple[int, bool]:
    """5.5.3 and 5.5.4: bits of frame_presentation_time where frames have it, and decoder_model_info_present_flag."""
    if not bits.flag():  # timing_info_present_flag
        return 0, False
    bits.u(64)  # num_units_in_display_tick, time_scale
    equal_picture_interval = bits.flag()
    if equal_picture_interval:
        bits.ue()  # num_ticks_per_picture_minus_1: uvlc() is coded like ue(v)
    if not bits.flag():  # decoder_model_info_present_flag
        return 0, False
    bits.u(5 + 32 + 5)  # buffer_delay_length_minus_1, num_units_in_decoding_tick, buffer_removal_time_length_minus_1
    frame_presentation_time_bits = bits.u(5) + 1
    return 0 if equal_picture_interval else frame_presentation_time_bits, True


def _frame_tools(bits: BitReader) -> FrameTools:
    """5.5.1, from frame_id_numbers_present_flag to enable_restoration."""
    frame_id_bits = (0, 0)
    if bits.flag():  # frame_id_numbers_present_flag
        delta = bits.u(4) + 2
        frame_id_bits = delta, bits.u(3) + 1 + delta
    use_128x128_superblock = bits.flag()
    bits.u(2 + 4)  # enable_filter_intra, ..._intra_edge_filter, ..._interintra_compound, ..._masked_compound, ...
    enable_order_hint = bits.flag()
    if enable_order_hint:
        bits.u(1)  # enable_jnt_comp
    enable_ref_frame_mvs = enable_order_hint and bits.flag()
    screen_content = SELECT if bits.flag() else bits.u(1)  # seq_choose_screen_content_tools
    integer_mv = SELECT
    if screen_content and not bits.flag():  # seq_choose_integer_mv
        integer_mv = bits.u(1)
    order_hint_bits = bits.u(3) + 1 if enable_order_hint else 0
    enable_superres = bits.flag()
    bits.u(2)  # enable_cdef, enable_restoration
    return FrameTools(
        use_128x128_superblock=use_128x128_superblock,
        enable_ref_frame_mvs=enable_ref_frame_mvs,
        enable_superres=enable_superres,
        seq_force_screen_content_tools=screen_content,
        seq_force_integer_mv=integer_mv,
        order_hint_bits=order_hint_bits,
        frame_id_bits=frame_id_bits,
    )


def _color_config(bits: BitReader, seq_profile: int) -> ColorConfig:
    """5.5.2."""
    bit_depth = 10 if bits.flag() else 8  # high_bitdepth
    if seq_profile == 2 and bit_depth == 10 and bits.flag():  # twelve_bit
        bit_depth = 12
    mono_chrome = seq_profile != 1 and bits.flag()
    description = (UNSPECIFIED, UNSPECIFIED, UNSPECIFIED)
    if bits.flag():  # color_description_present_flag
        description = bits.u(8), bits.u(8), bits.u(8)
    if description == SRGB and not mono_chrome:
        return ColorConfig(bit_depth, mono_chrome, description, True, (False, False), 0)
    color_range = bits.flag()
    if mono_chrome:
        return ColorConfig(bit_depth, mono_chrome, description, color_range, (True, True), 0)
    subsampling = {0: (True, True), 1: (False, False)}.get(seq_profile, (True, False))
    if seq_profile == 2 and bit_depth == 12:
        subsampling_x = bits.flag()
        subsampling = subsampling_x, subsampling_x and bits.flag()
    position = bits.u(2) if subsampling == (True, True) else 0
    return ColorConfig(bit_depth, mono_chrome, description, color_range, subsampling, position)


def with_level(obu: Unit, level: tuple[int, int]) -> bytes:
    """A sequence header OBU whose first operating point has this seq_level_idx and seq_tier. Raises ValueError."""
    (found,) = obus(obu)
    bits = header_bits(found.payload)
    total = bits.bits_left
    _, before_level = _sequence_header(bits)
    whole, writer = header_bits(found.payload), BitWriter()
    writer.u(whole.u(total - before_level), total - before_level)
    _level(whole)
    writer.u(level[0], 5)
    if level[0] > MAXIMUM_LEVEL_WITHOUT_TIER:
        writer.u(level[1], 1)
    rest = whole.u(left := whole.bits_left)
    # Up to the one that begins trailing_bits (5.3.4).
    trailing = (rest & -rest).bit_length()
    writer.u(rest >> trailing, left - trailing)
    payload = writer.bytes_with_trailing_bits()
    at_most(len(payload), 127)  # what one byte of leb128() holds
    return bytes([SEQUENCE_HEADER << 3 | 2, len(payload)]) + payload
