"""The quantizer that an HEVC picture is coded with, from the header of its first slice.

Syntax elements have their names in ITU-T H.265, whose clauses are given.
"""

import dataclasses

from jobs.engine.smartcut.bitstream.bits import BitReader, at_most
from jobs.engine.smartcut.bitstream.hevc import is_random_access_point, nal_unit_type
from jobs.engine.smartcut.bitstream.hevc_parameter_sets import Sps, scaling_list_data
from jobs.engine.smartcut.bitstream.hevc_references import st_ref_pic_set
from jobs.engine.smartcut.bitstream.nal import Unit

HEADER_BYTES = 256
"""Slice headers are a few bytes; those that weight their references, some dozen."""
IDR_W_RADL, IDR_N_LP = 19, 20
# slice_type (table 7-7).
B, P = 0, 1
MAXIMUM_TILES = 22
"""num_tile_columns_minus1 and num_tile_rows_minus1 with their one, at any level (table A.8)."""
MAXIMUM_REFERENCES = 16
"""Of one list: num_ref_idx_l0_active_minus1 and its like with their one (7.4.7.1), and of long-term ones."""


@dataclasses.dataclass(frozen=True)
class Pps:
    """Of a picture parameter set what a slice header and its quantizer depend on (7.3.2.3.1)."""

    output_flag_present_flag: bool
    num_extra_slice_header_bits: int
    cabac_init_present_flag: bool
    num_ref_idx_default_active: tuple[int, int]
    """Of list 0 and list 1, the one of "minus1" added."""
    init_qp: int
    weighted_pred_flag: bool
    weighted_bipred_flag: bool
    lists_modification_present_flag: bool


def parse_pps(unit: Unit) -> Pps:
    """Read a picture parameter set (7.3.2.3.1), its header bytes included. Raises ValueError."""
    bits = BitReader(bytes(unit))
    bits.u(16)
    bits.ue()  # pps_pic_parameter_set_id
    bits.ue()  # pps_seq_parameter_set_id
    bits.flag()  # dependent_slice_segments_enabled_flag
    output_flag_present_flag = bits.flag()
    num_extra_slice_header_bits = bits.u(3)
    bits.flag()  # sign_data_hiding_enabled_flag
    cabac_init_present_flag = bits.flag()
    num_ref_idx_default_active = bits.ue() + 1, bits.ue() + 1
    init_qp = 26 + bits.se()
    bits.u(2)  # constrained_intra_pred_flag, transform_skip_enabled_flag
    if bits.flag():  # cu_qp_delta_enabled_flag
        bits.ue()  # diff_cu_qp_delta_depth
    bits.se()  # pps_cb_qp_offset
    bits.se()  # pps_cr_qp_offset
    bits.flag()  # pps_slice_chroma_qp_offsets_present_flag
    weighted_pred_flag, weighted_bipred_flag = bits.flag(), bits.flag()
    bits.flag()  # transquant_bypass_enabled_flag
    _tiles_and_filters(bits)
    if bits.flag():  # pps_scaling_list_data_present_flag
        scaling_list_data(bits)
    return Pps(
        output_flag_present_flag,
        num_extra_slice_header_bits,
        cabac_init_present_flag,
        num_ref_idx_default_active,
        init_qp,
        weighted_pred_flag,
        weighted_bipred_flag,
        lists_modification_present_flag=bits.flag(),
    )


def _tiles_and_filters(bits: BitReader) -> None:
    """7.3.2.3.1, from tiles_enabled_flag to pps_tc_offset_div2: passed over."""
    tiles_enabled_flag = bits.flag()
    bits.flag()  # entropy_coding_sync_enabled_flag
    if tiles_enabled_flag:
        # num_tile_columns_minus1, num_tile_rows_minus1
        columns, rows = (at_most(bits.ue(), MAXIMUM_TILES) for _ in range(2))
        if not bits.flag():  # uniform_spacing_flag
            for _ in range(columns + rows):
                bits.ue()  # column_width_minus1, row_height_minus1
        bits.flag()  # loop_filter_across_tiles_enabled_flag
    bits.flag()  # pps_loop_filter_across_slices_enabled_flag
    if bits.flag():  # deblocking_filter_control_present_flag
        bits.flag()  # deblocking_filter_override_enabled_flag
        if not bits.flag():  # pps_deblocking_filter_disabled_flag
            bits.se()  # pps_beta_offset_div2
            bits.se()  # pps_tc_offset_div2


def slice_qp(unit: Unit, sps: Sps, pps: Pps) -> int:
    """SliceQpY (7-54): the quantizer of luma that the first slice of a picture begins with. Raises ValueError.

    From -6 for each two bits above eight to 51. Coding units may move it from there on, by cu_qp_delta_abs.
    """
    bits = BitReader(bytes(unit[:HEADER_BYTES]))
    bits.u(16)
    if not bits.flag():  # first_slice_segment_in_pic_flag
        raise ValueError("it is not a picture's first slice")
    if is_random_access_point(unit):
        bits.flag()  # no_output_of_prior_pics_flag
    bits.ue()  # slice_pic_parameter_set_id
    bits.u(pps.num_extra_slice_header_bits)
    slice_type = bits.ue()
    bits.u(pps.output_flag_present_flag + 2 * sps.slice_syntax.separate_colour_plane_flag)
    references, has_temporal_mvp = 0, False
    if nal_unit_type(unit) not in (IDR_W_RADL, IDR_N_LP):
        references = _num_pic_total_curr(bits, sps)
        has_temporal_mvp = sps.slice_syntax.sps_temporal_mvp_enabled_flag and bits.flag()
    if sps.slice_syntax.sample_adaptive_offset_enabled_flag:
        bits.u(2 if sps.has_chroma else 1)  # slice_sao_luma_flag, slice_sao_chroma_flag
    if slice_type in (P, B):
        counts = _lists(bits, slice_type == B, references, pps)
        _prediction(bits, counts, sps, pps, has_temporal_mvp=has_temporal_mvp)
    return pps.init_qp + bits.se()


def _num_pic_total_curr(bits: BitReader, sps: Sps) -> int:
    """How many pictures the current one may be predicted from (7-55); from slice_pic_order_cnt_lsb (7.3.6.1)."""
    syntax = sps.slice_syntax
    bits.u(syntax.log2_max_pic_order_cnt_lsb)
    if not bits.flag():  # short_term_ref_pic_set_sps_flag
        chosen = st_ref_pic_set(bits, syntax.st_ref_pic_sets, of_slice=True)
    else:
        number = _index(bits, len(syntax.st_ref_pic_sets))  # short_term_ref_pic_set_idx
        at_most(number + 1, len(syntax.st_ref_pic_sets))
        chosen = syntax.st_ref_pic_sets[number]
    long_term = _long_term(bits, sps) if syntax.long_term_ref_pics_present_flag else 0
    return sum(used for _, used in chosen) + long_term


def _long_term(bits: BitReader, sps: Sps) -> int:
    """How many long-term pictures are used; from num_long_term_sps (7.3.6.1)."""
    candidates = sps.slice_syntax.used_by_curr_pic_lt_sps_flags
    num_long_term_sps = at_most(bits.ue(), MAXIMUM_REFERENCES) if candidates else 0
    num_long_term_pics = at_most(bits.ue(), MAXIMUM_REFERENCES)
    used = 0
    for number in range(num_long_term_sps + num_long_term_pics):
        if number < num_long_term_sps:
            lt_idx_sps = _index(bits, len(candidates))
            at_most(lt_idx_sps + 1, len(candidates))
            used += candidates[lt_idx_sps]
        else:
            bits.u(sps.slice_syntax.log2_max_pic_order_cnt_lsb)  # poc_lsb_lt
            used += bits.flag()  # used_by_curr_pic_lt_flag
        if bits.flag():  # delta_poc_msb_present_flag
            bits.ue()  # delta_poc_msb_cycle_lt
    return used


def _index(bits: BitReader, count: int) -> int:
    """One of so many, in Ceil(Log2(count)) bits."""
    return bits.u((count - 1).bit_length()) if count > 1 else 0


def _lists(bits: BitReader, is_b: bool, references: int, pps: Pps) -> list[int]:
    """How many entries each list has; from num_ref_idx_active_override_flag to ref_pic_lists_modification."""
    lists = 2 if is_b else 1
    counts = list(pps.num_ref_idx_default_active[:lists])
    if bits.flag():  # num_ref_idx_active_override_flag
        counts = [bits.ue() + 1 for _ in range(lists)]
    for count in counts:
        at_most(count, MAXIMUM_REFERENCES)
    if pps.lists_modification_present_flag and references > 1:
        for count in counts:
            if bits.flag():  # ref_pic_list_modification_flag_l0
                for _ in range(count):
                    _index(bits, references)  # list_entry_l0
    return counts


def _prediction(bits: BitReader, counts: list[int], sps: Sps, pps: Pps, *, has_temporal_mvp: bool) -> None:
    """7.3.6.1, from mvd_l1_zero_flag to five_minus_max_num_merge_cand: passed over."""
    is_b = len(counts) == 2
    if is_b:
        bits.flag()  # mvd_l1_zero_flag
    if pps.cabac_init_present_flag:
        bits.flag()  # cabac_init_flag
    if has_temporal_mvp:
        collocated_from_l0_flag = not is_b or bits.flag()
        if counts[0 if collocated_from_l0_flag else 1] > 1:
            bits.ue()  # collocated_ref_idx
    if pps.weighted_bipred_flag if is_b else pps.weighted_pred_flag:
        _pred_weight_table(bits, counts, has_chroma=sps.has_chroma)
    bits.ue()  # five_minus_max_num_merge_cand


def _pred_weight_table(bits: BitReader, counts: list[int], *, has_chroma: bool) -> None:
    """7.3.6.3, where no reference is the picture itself: passed over."""
    bits.ue()  # luma_log2_weight_denom
    if has_chroma:
        bits.se()  # delta_chroma_log2_weight_denom
    for count in counts:
        luma_weight_flags = [bits.flag() for _ in range(count)]
        chroma_weight_flags = [has_chroma and bits.flag() for _ in range(count)]
        for luma_weight_flag, chroma_weight_flag in zip(luma_weight_flags, chroma_weight_flags, strict=True):
            # A delta_..._weight and an offset of each plane.
            for _ in range(2 * luma_weight_flag + 4 * chroma_weight_flag):
                bits.se()
