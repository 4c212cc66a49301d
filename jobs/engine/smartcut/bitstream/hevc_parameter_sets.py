"""The parameter sets of an HEVC bitstream: read, and written under other ids.

Syntax elements have their names in ITU-T H.265, whose clauses are given; "minus" ones are kept with that added.
"""

import dataclasses
import functools

from jobs.engine.smartcut.bitstream.bits import BitReader, Bits, BitWriter, at_most
from jobs.engine.smartcut.bitstream.hevc_references import RefPicSet, short_term_ref_pic_sets

# nal_unit_type (table 7-1).
VPS_NUT, SPS_NUT, PPS_NUT = 32, 33, 34
# general_profile_idc of main, main 10, and the format range extensions, which encoders of keyframes alone use.
PROFILES = (1, 2, 4)
CHROMA_420, CHROMA_422, CHROMA_444 = 1, 2, 3
EXTENDED_SAR = 255
# What the syntax elements of these names may be (7.4.3.2.1), log2_max_pic_order_cnt_lsb with its four added.
MAXIMUM_LONG_TERM_REF_PICS = 32
MAXIMUM_CTB_LOG2_SIZE, MAXIMUM_LOG2_PIC_ORDER_CNT_LSB = 6, 16


@dataclasses.dataclass(frozen=True)
class DpbSize:
    """What a decoded picture buffer has to hold for the highest temporal sub-layer, by the names of 7.3.2.2.1."""

    sps_max_dec_pic_buffering_minus1: int
    sps_max_num_reorder_pics: int
    sps_max_latency_increase_plus1: int
    """0 without a limit."""


@dataclasses.dataclass(frozen=True)
class SliceSyntax:
    """What the syntax of slice headers depends on (7.3.6.1)."""

    separate_colour_plane_flag: bool
    log2_max_pic_order_cnt_lsb: int
    sample_adaptive_offset_enabled_flag: bool
    st_ref_pic_sets: tuple[RefPicSet, ...]
    long_term_ref_pics_present_flag: bool
    used_by_curr_pic_lt_sps_flags: tuple[bool, ...]
    sps_temporal_mvp_enabled_flag: bool


@dataclasses.dataclass(frozen=True)
class Sps:
    """A sequence parameter set. Syntax elements that need no understanding are kept as they stand, for `write_sps`.

    These are `profile_tier_level` without sub-layers; `picture_format`, from chroma_format_idc to
    log2_max_pic_order_cnt_lsb_minus4; `coding_tools`, from log2_min_luma_coding_block_size_minus3 to
    strong_intra_smoothing_enabled_flag; and `vui_signal`, the VUI parameters up to chroma_sample_loc_type_bottom_field.
    """

    sps_seq_parameter_set_id: int
    sps_video_parameter_set_id: int
    sps_max_sub_layers: int
    sps_temporal_id_nesting_flag: bool
    profile_tier_level: Bits
    chroma_format_idc: int
    bit_depth_luma: int
    bit_depth_chroma: int
    coded_size: tuple[int, int]
    """pic_width_in_luma_samples and pic_height_in_luma_samples."""
    conformance_window: tuple[int, int, int, int]
    """Its offsets: left, right, top, bottom, in chroma samples."""
    ctb_size: int
    """CtbSizeY: width in pixels of coding tree blocks, the largest that pictures are coded in."""
    dpb_size: DpbSize
    slice_syntax: SliceSyntax
    picture_format: Bits
    coding_tools: Bits
    vui_signal: Bits = (0, 4)
    video_full_range_flag: bool = False
    field_seq_flag: bool = False

    @property
    def max_num_reorder(self) -> int:
        return self.dpb_size.sps_max_num_reorder_pics

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels inside of the conformance window, for 4:2:0 and 4:2:2."""
        left, right, top, bottom = self.conformance_window
        width, height = self.coded_size
        sub_height_c = 2 if self.chroma_format_idc == CHROMA_420 else 1
        return width - 2 * (left + right), height - sub_height_c * (top + bottom)

    @property
    def pixel_format(self) -> str:
        """FFmpeg's name, of 4:2:0 and 4:2:2 of 8 or 10 bits."""
        is_deep = self.bit_depth_luma > 8
        # The j stands for full range.
        kind = "yuvj" if self.video_full_range_flag and not is_deep else "yuv"
        subsampling = "422" if self.chroma_format_idc == CHROMA_422 else "420"
        return f"{kind}{subsampling}p{'10le' if is_deep else ''}"

    def fits(self, other: "Sps") -> bool:
        """Whether decoders go from pictures of one to those of the other without setting up anew."""
        same = (
            "sps_video_parameter_set_id",
            "profile_tier_level",
            "chroma_format_idc",
            "bit_depth_luma",
            "bit_depth_chroma",
            "coded_size",
            "conformance_window",
            "max_num_reorder",
            "vui_signal",
        )
        return all(getattr(self, name) == getattr(other, name) for name in same)

    @property
    def has_chroma(self) -> bool:
        """Whether ChromaArrayType (7.4.3.2.1) is not 0."""
        return self.chroma_format_idc > 0 and not self.slice_syntax.separate_colour_plane_flag

    @property
    def general_profile_idc(self) -> int:
        return self.profile_tier_level[0] >> 88 & 31

    @property
    def is_interlaced(self) -> bool:
        """Whether pictures are fields, or frames that were woven of two."""
        constraints = self.profile_tier_level[0]
        general_progressive_source_flag, general_interlaced_source_flag = constraints >> 55 & 1, constraints >> 54 & 1
        return self.field_seq_flag or (general_interlaced_source_flag == 1 and not general_progressive_source_flag)


@functools.lru_cache(maxsize=64)
def parse_sps(unit: bytes) -> Sps:
    """Read a sequence parameter set, its header bytes included (7.3.2.2.1). Raises ValueError."""
    bits = BitReader(unit)
    bits.u(16)
    sps_video_parameter_set_id, sps_max_sub_layers = bits.u(4), bits.u(3) + 1
    sps_temporal_id_nesting_flag = bits.flag()
    profile_tier_level = (bits.u(96), 96)
    _sub_layer_levels(bits, sps_max_sub_layers)
    sps_seq_parameter_set_id = bits.ue()
    begin = bits.bits_left
    chroma_format_idc = bits.ue()
    separate_colour_plane_flag = chroma_format_idc == CHROMA_444 and bits.flag()
    coded_size = bits.ue(), bits.ue()
    conformance_window_flag = bits.flag()
    left, right, top, bottom = (bits.ue() for _ in range(4)) if conformance_window_flag else (0, 0, 0, 0)
    bit_depth_luma, bit_depth_chroma = bits.ue() + 8, bits.ue() + 8
    log2_max_pic_order_cnt_lsb = at_most(bits.ue() + 4, MAXIMUM_LOG2_PIC_ORDER_CNT_LSB)
    picture_format = bits.read_since(begin)
    dpb_size = _dpb_size(bits, sps_max_sub_layers)
    begin = bits.bits_left
    # log2_min_luma_coding_block_size_minus3 and log2_diff_max_min_luma_coding_block_size
    ctb_size = 1 << at_most(bits.ue() + 3 + bits.ue(), MAXIMUM_CTB_LOG2_SIZE)
    slice_syntax = _coding_tools(bits, log2_max_pic_order_cnt_lsb, separate_colour_plane_flag)
    sps = Sps(
        sps_seq_parameter_set_id=sps_seq_parameter_set_id,
        sps_video_parameter_set_id=sps_video_parameter_set_id,
        sps_max_sub_layers=sps_max_sub_layers,
        sps_temporal_id_nesting_flag=sps_temporal_id_nesting_flag,
        profile_tier_level=profile_tier_level,
        chroma_format_idc=chroma_format_idc,
        bit_depth_luma=bit_depth_luma,
        bit_depth_chroma=bit_depth_chroma,
        coded_size=coded_size,
        conformance_window=(left, right, top, bottom),
        ctb_size=ctb_size,
        dpb_size=dpb_size,
        slice_syntax=slice_syntax,
        picture_format=picture_format,
        coding_tools=bits.read_since(begin),
    )
    vui_parameters_present_flag = bits.flag()
    return _vui_parameters(bits, sps) if vui_parameters_present_flag else sps


def _sub_layer_levels(bits: BitReader, sps_max_sub_layers: int) -> None:
    """7.3.3, behind general_level_idc: profiles and levels of the temporal sub-layers below the highest."""
    present = [(bits.flag(), bits.flag()) for _ in range(sps_max_sub_layers - 1)]
    if present:
        bits.u(2 * (9 - sps_max_sub_layers))  # reserved_zero_2bits
    for sub_layer_profile_present_flag, sub_layer_level_present_flag in present:
        bits.u(88 * sub_layer_profile_present_flag + 8 * sub_layer_level_present_flag)


def _dpb_size(bits: BitReader, sps_max_sub_layers: int) -> DpbSize:
    """7.3.2.2.1, from sps_sub_layer_ordering_info_present_flag: that of the highest temporal sub-layer."""
    sps_sub_layer_ordering_info_present_flag = bits.flag()
    count = sps_max_sub_layers if sps_sub_layer_ordering_info_present_flag else 1
    return [DpbSize(bits.ue(), bits.ue(), bits.ue()) for _ in range(count)][-1]


def _coding_tools(bits: BitReader, log2_max_pic_order_cnt_lsb: int, separate_colour_plane_flag: bool) -> SliceSyntax:
    """7.3.2.2.1, from log2_min_luma_transform_block_size_minus2 to strong_intra_smoothing_enabled_flag."""
    # log2_min_luma_transform_block_size_minus2, log2_diff_max_min_luma_transform_block_size,
    # max_transform_hierarchy_depth_inter and ..._intra
    for _ in range(4):
        bits.ue()
    if bits.flag() and bits.flag():  # scaling_list_enabled_flag, sps_scaling_list_data_present_flag
        scaling_list_data(bits)
    bits.flag()  # amp_enabled_flag
    sample_adaptive_offset_enabled_flag = bits.flag()
    if bits.flag():  # pcm_enabled_flag
        bits.u(8)  # pcm_sample_bit_depth_luma_minus1, pcm_sample_bit_depth_chroma_minus1
        bits.ue()  # log2_min_pcm_luma_coding_block_size_minus3
        bits.ue()  # log2_diff_max_min_pcm_luma_coding_block_size
        bits.flag()  # pcm_loop_filter_disabled_flag
    st_ref_pic_sets = short_term_ref_pic_sets(bits)
    long_term_ref_pics_present_flag = bits.flag()
    used: list[bool] = []
    if long_term_ref_pics_present_flag:
        for _ in range(at_most(bits.ue(), MAXIMUM_LONG_TERM_REF_PICS)):  # num_long_term_ref_pics_sps
            bits.u(log2_max_pic_order_cnt_lsb)  # lt_ref_pic_poc_lsb_sps
            used.append(bits.flag())  # used_by_curr_pic_lt_sps_flag
    sps_temporal_mvp_enabled_flag = bits.flag()
    bits.flag()  # strong_intra_smoothing_enabled_flag
    return SliceSyntax(
        separate_colour_plane_flag,
        log2_max_pic_order_cnt_lsb,
        sample_adaptive_offset_enabled_flag,
        st_ref_pic_sets,
        long_term_ref_pics_present_flag,
        tuple(used),
        sps_temporal_mvp_enabled_flag,
    )


def scaling_list_data(bits: BitReader) -> None:
    """7.3.4: passed over."""
    for size_id in range(4):
        for _ in range(0, 6, 3 if size_id == 3 else 1):
            if not bits.flag():  # scaling_list_pred_mode_flag
                bits.ue()  # scaling_list_pred_matrix_id_delta
                continue
            if size_id > 1:
                bits.se()  # scaling_list_dc_coef_minus8
            for _ in range(min(64, 16 << 2 * size_id)):
                bits.se()  # scaling_list_delta_coef


def _vui_parameters(bits: BitReader, sps: Sps) -> Sps:
    """E.2.1, up to field_seq_flag: added to what was read before it."""
    begin = bits.bits_left
    if bits.flag() and bits.u(8) == EXTENDED_SAR:  # aspect_ratio_info_present_flag, aspect_ratio_idc
        bits.u(32)  # sar_width, sar_height
    if bits.flag():  # overscan_info_present_flag
        bits.flag()  # overscan_appropriate_flag
    video_full_range_flag = False
    if bits.flag():  # video_signal_type_present_flag
        bits.u(3)  # video_format
        video_full_range_flag = bits.flag()
        if bits.flag():  # colour_description_present_flag
            bits.u(24)  # colour_primaries, transfer_characteristics, matrix_coeffs
    if bits.flag():  # chroma_loc_info_present_flag
        bits.ue()  # chroma_sample_loc_type_top_field
        bits.ue()  # chroma_sample_loc_type_bottom_field
    vui_signal = bits.read_since(begin)
    bits.flag()  # neutral_chroma_indication_flag
    return dataclasses.replace(
        sps, vui_signal=vui_signal, video_full_range_flag=video_full_range_flag, field_seq_flag=bits.flag()
    )


def write_sps(sps: Sps) -> bytes:
    """A parameter set (7.3.2.2.1) for one temporal layer, without what no decoder needs to show pictures."""
    bits = BitWriter()
    bits.u(SPS_NUT << 9 | 1, 16)
    bits.u(sps.sps_video_parameter_set_id, 4)
    bits.u(0, 3)  # sps_max_sub_layers_minus1
    bits.u(1, 1)  # sps_temporal_id_nesting_flag: one layer alone is always nested
    bits.u(*sps.profile_tier_level)
    bits.ue(sps.sps_seq_parameter_set_id)
    bits.u(*sps.picture_format)
    bits.u(1, 1)  # sps_sub_layer_ordering_info_present_flag
    for number in dataclasses.astuple(sps.dpb_size):
        bits.ue(number)
    bits.u(*sps.coding_tools)
    bits.u(1, 1)  # vui_parameters_present_flag
    bits.u(*sps.vui_signal)
    # Neither neutral_chroma_indication, field_seq, frame_field_info, default_display_window, vui_timing_info,
    # bitstream_restriction nor sps_extension.
    bits.u(0, 7)
    return bits.unit()


def pps_ids(unit: bytes) -> tuple[int, int]:
    """Of a picture parameter set: pps_pic_parameter_set_id and pps_seq_parameter_set_id (7.3.2.3.1).

    Raises ValueError.
    """
    bits = BitReader(unit[:16])
    bits.u(16)
    return bits.ue(), bits.ue()


def with_pps_ids(unit: bytes, pps_pic_parameter_set_id: int, pps_seq_parameter_set_id: int) -> bytes:
    """A picture parameter set under another id, for the sequence parameter set of another one. Raises ValueError."""
    bits, writer = BitReader(unit), BitWriter()
    writer.u(bits.u(16), 16)
    bits.ue()
    bits.ue()
    writer.ue(pps_pic_parameter_set_id)
    writer.ue(pps_seq_parameter_set_id)
    # rbsp_trailing_bits are written anew.
    count = bits.bits_left
    rest = bits.u(count)
    trailing = (rest & -rest).bit_length()
    writer.u(rest >> trailing, count - trailing)
    return writer.unit()
