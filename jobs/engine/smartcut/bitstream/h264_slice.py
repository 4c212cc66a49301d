"""What an H.264 slice header tells: the quantizer of its picture, and whether pictures before it are dropped.

Syntax elements have their names in ITU-T H.264, whose clauses are given.
"""

import dataclasses

from jobs.engine.smartcut.bitstream.bits import BitReader, at_most
from jobs.engine.smartcut.bitstream.h264 import IDR_SLICE, Sps, nal_unit_type
from jobs.engine.smartcut.bitstream.nal import Unit

HEADER_BYTES = 256
"""Slice headers are a few bytes; those that weight their references, some dozen."""
# slice_type modulo 5 (table 7-6).
P, B, SP = 0, 1, 3
PREDICTED = (P, B, SP)
MAXIMUM_REFERENCES = 32
"""Of one list, num_ref_idx_l0_active_minus1 and its like with the one added (7.4.3): fields have as many."""
NO_MORE_MODIFICATIONS = 3
"""modification_of_pic_nums_idc (table 7-7)."""


@dataclasses.dataclass(frozen=True)
class Pps:
    """Of a picture parameter set what a slice header and its quantizer depend on (7.3.2.2)."""

    entropy_coding_mode_flag: bool
    bottom_field_pic_order_in_frame_present_flag: bool
    num_ref_idx_default_active: tuple[int, int]
    """Of list 0 and list 1, the one of "minus1" added."""
    weighted_pred_flag: bool
    weighted_bipred_idc: int
    pic_init_qp: int
    deblocking_filter_control_present_flag: bool
    redundant_pic_cnt_present_flag: bool


def parse_pps(unit: Unit) -> Pps:
    """Read a picture parameter set (7.3.2.2), its header byte included. Raises ValueError."""
    bits = BitReader(bytes(unit))
    bits.u(8)
    bits.ue()  # pic_parameter_set_id
    bits.ue()  # seq_parameter_set_id
    entropy_coding_mode_flag, bottom_field_pic_order_in_frame_present_flag = bits.flag(), bits.flag()
    if bits.ue():  # num_slice_groups_minus1
        raise ValueError("its pictures are made of slice groups")
    num_ref_idx_default_active = bits.ue() + 1, bits.ue() + 1
    weighted_pred_flag, weighted_bipred_idc = bits.flag(), bits.u(2)
    pic_init_qp = 26 + bits.se()
    bits.se()  # pic_init_qs_minus26
    bits.se()  # chroma_qp_index_offset
    deblocking_filter_control_present_flag = bits.flag()
    bits.flag()  # constrained_intra_pred_flag
    return Pps(
        entropy_coding_mode_flag,
        bottom_field_pic_order_in_frame_present_flag,
        num_ref_idx_default_active,
        weighted_pred_flag,
        weighted_bipred_idc,
        pic_init_qp,
        deblocking_filter_control_present_flag,
        redundant_pic_cnt_present_flag=bits.flag(),
    )


def slice_qp(unit: Unit, sps: Sps, pps: Pps) -> int:
    """SliceQPY (7-30): the quantizer of luma that a slice begins with, 0 to 51, of frames. Raises ValueError.

    Macroblocks may move it from there on, by mb_qp_delta.
    """
    bits = BitReader(bytes(unit[:HEADER_BYTES]))
    is_reference = bits.u(8) & 0x60 != 0
    bits.ue()  # first_mb_in_slice
    slice_type = bits.ue() % 5
    bits.ue()  # pic_parameter_set_id
    _picture_order(bits, nal_unit_type(unit) == IDR_SLICE, sps, pps)
    if slice_type in PREDICTED:
        read_references(bits, slice_type, sps, pps)
    if is_reference:
        _dec_ref_pic_marking(bits, is_idr=nal_unit_type(unit) == IDR_SLICE)
    if pps.entropy_coding_mode_flag and slice_type in PREDICTED:
        bits.ue()  # cabac_init_idc
    return pps.pic_init_qp + bits.se()


def _picture_order(bits: BitReader, is_idr: bool, sps: Sps, pps: Pps) -> None:
    """7.3.3, from colour_plane_id to redundant_pic_cnt: passed over."""
    bits.u(2 * sps.chroma_format.separate_colour_plane_flag)  # colour_plane_id
    bits.u(sps.log2_max_frame_num)  # frame_num
    if not sps.frame_mbs_only_flag and bits.flag():  # field_pic_flag
        raise ValueError("its pictures are fields")
    if is_idr:
        bits.ue()  # idr_pic_id
    deltas = 1 + pps.bottom_field_pic_order_in_frame_present_flag
    if sps.pic_order_cnt_type == 0:
        bits.u(sps.log2_max_pic_order_cnt_lsb)  # pic_order_cnt_lsb
        deltas -= 1
    if sps.pic_order_cnt_type == 0 or sps.has_delta_pic_order_cnt:
        for _ in range(deltas):
            bits.se()  # delta_pic_order_cnt_bottom, or delta_pic_order_cnt[]
    if pps.redundant_pic_cnt_present_flag:
        bits.ue()  # redundant_pic_cnt


def read_references(bits: BitReader, slice_type: int, sps: Sps, pps: Pps) -> None:
    """7.3.3, from direct_spatial_mv_pred_flag to pred_weight_table, of P and B slices: passed over."""
    if slice_type == B:
        bits.flag()  # direct_spatial_mv_pred_flag
    lists = 2 if slice_type == B else 1
    counts = list(pps.num_ref_idx_default_active[:lists])
    if bits.flag():  # num_ref_idx_active_override_flag
        counts = [bits.ue() + 1 for _ in range(lists)]
    for _ in range(lists):
        _ref_pic_list_modification(bits)
    if pps.weighted_bipred_idc == 1 if slice_type == B else pps.weighted_pred_flag:
        _pred_weight_table(bits, counts, has_chroma=sps.chroma_format.has_chroma)


def _ref_pic_list_modification(bits: BitReader) -> None:
    """7.3.3.1, of one list: passed over."""
    if bits.flag():  # ref_pic_list_modification_flag_l0 or ..._l1
        for _ in range(MAXIMUM_REFERENCES + 1):
            if bits.ue() == NO_MORE_MODIFICATIONS:  # modification_of_pic_nums_idc
                return
            bits.ue()  # abs_diff_pic_num_minus1 or long_term_pic_num
        raise ValueError("its references are put in order without an end")


def _pred_weight_table(bits: BitReader, counts: list[int], *, has_chroma: bool) -> None:
    """7.3.3.2: passed over."""
    bits.ue()  # luma_log2_weight_denom
    if has_chroma:
        bits.ue()  # chroma_log2_weight_denom
    for count in counts:
        for _ in range(at_most(count, MAXIMUM_REFERENCES)):
            _weights(bits, 1)
            if has_chroma:
                _weights(bits, 2)


def _weights(bits: BitReader, planes: int) -> None:
    """A flag, and where it is set a weight and an offset of each plane (7.3.3.2)."""
    if bits.flag():  # luma_weight_l0_flag and its like
        for _ in range(2 * planes):
            bits.se()


def _dec_ref_pic_marking(bits: BitReader, *, is_idr: bool) -> None:
    """7.3.3.3: passed over."""
    if is_idr:
        bits.u(2)  # no_output_of_prior_pics_flag, long_term_reference_flag
        return
    if not bits.flag():  # adaptive_ref_pic_marking_mode_flag
        return
    for _ in range(2 * MAXIMUM_REFERENCES + 4):
        operation = bits.ue()  # memory_management_control_operation
        if not operation:
            return
        # Nothing follows "all are unused", two numbers follow the one that makes a picture a long-term reference.
        for _ in range({3: 2, 5: 0}.get(operation, 1)):
            bits.ue()
    raise ValueError("its references are marked without an end")


def no_output_of_prior_pics_flag(unit: bytes, sps: Sps) -> bool:
    """Whether an IDR slice tells decoders to drop the pictures before it that they have not output yet.

    7.3.3 up to its dec_ref_pic_marking (7.3.3.3).
    """
    bits = BitReader(unit[:40])
    bits.u(8)
    bits.ue()  # first_mb_in_slice
    bits.ue()  # slice_type
    bits.ue()  # pic_parameter_set_id
    bits.u(2 * sps.chroma_format.separate_colour_plane_flag)  # colour_plane_id
    bits.u(sps.log2_max_frame_num)  # frame_num
    bits.ue()  # idr_pic_id
    # Picture parameter sets may add fields here (delta_pic_order_cnt_bottom, redundant_pic_cnt); they are not met with
    # in practice, and reading too little of one only has the picture encoded instead of copied.
    bits.u(sps.log2_max_pic_order_cnt_lsb)  # pic_order_cnt_lsb
    if sps.has_delta_pic_order_cnt:
        bits.se()  # delta_pic_order_cnt[0]
    return bits.flag()
