"""What an H.264 bitstream says of itself: its parameter sets, and of each picture how it was coded.

Syntax elements have their names in ITU-T H.264, whose clauses are given; "minus" ones are kept with that added.
"""

import dataclasses
import functools

from jobs.engine.smartcut.bitstream import nal
from jobs.engine.smartcut.bitstream.bits import BitReader, BitWriter, at_most

# nal_unit_type (table 7-1).
NON_IDR_SLICE, IDR_SLICE, SEI, SPS, PPS = 1, 5, 6, 7, 8
SLICES = (NON_IDR_SLICE, IDR_SLICE)
# profile_idc by x264's names.
PROFILES = {66: "baseline", 77: "main", 100: "high", 110: "high10", 122: "high422"}
# Those whose sequence parameter sets have chroma_format_idc and what follows it.
CHROMA_FORMAT_PROFILES = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)
CHROMA_420, CHROMA_422, CHROMA_444 = 1, 2, 3
EXTENDED_SAR = 255
UNSPECIFIED = 2
"""Of colours by their numbers in ITU-T H.273."""
MAXIMUM_COUNTER_BITS = 16
"""Of frame_num and pic_order_cnt_lsb (log2_max_... are at most 12 + 4)."""


@dataclasses.dataclass(frozen=True)
class ChromaFormat:
    """Of profiles that have no such syntax elements the values that are inferred (7.4.2.1.1)."""

    chroma_format_idc: int = CHROMA_420
    separate_colour_plane_flag: bool = False
    bit_depth_luma: int = 8
    bit_depth_chroma: int = 8

    @property
    def has_chroma(self) -> bool:
        """Whether ChromaArrayType (7.4.2.1.1) is not 0."""
        return self.chroma_format_idc > 0 and not self.separate_colour_plane_flag

    @property
    def lowest_profile_idc(self) -> int | None:
        """Of the profiles with CABAC and 8x8 transforms the first that has it (A.2); None where 4:4:4 alone does."""
        if self.chroma_format_idc not in (CHROMA_420, CHROMA_422) or self.bit_depth_luma != self.bit_depth_chroma:
            return None
        if self.chroma_format_idc == CHROMA_422:
            return 122 if self.bit_depth_luma in (8, 10) else None
        return {8: 100, 10: 110}.get(self.bit_depth_luma)


@dataclasses.dataclass(frozen=True)
class Sps:
    """A sequence parameter set with the VUI parameters in it.

    `log2_max_pic_order_cnt_lsb` is 0 where slices do not tell the order by it; `max_num_reorder_frames` and
    `max_dec_frame_buffering` are None without bitstream restrictions.
    """

    profile_idc: int
    constraint_flags: int
    """The byte of constraint_set0_flag to constraint_set5_flag."""
    level_idc: int
    seq_parameter_set_id: int
    chroma_format: ChromaFormat
    log2_max_frame_num: int
    pic_order_cnt_type: int
    log2_max_pic_order_cnt_lsb: int
    delta_pic_order_always_zero_flag: bool
    max_num_ref_frames: int
    pic_width_in_mbs: int
    pic_height_in_map_units: int
    frame_mbs_only_flag: bool
    frame_crop_offsets: tuple[int, int, int, int]
    """Left, right, top, bottom, in chroma samples."""
    video_full_range_flag: bool = False
    colour_primaries: int = UNSPECIFIED
    transfer_characteristics: int = UNSPECIFIED
    matrix_coefficients: int = UNSPECIFIED
    max_num_reorder_frames: int | None = None
    max_dec_frame_buffering: int | None = None

    @property
    def max_num_reorder(self) -> int | None:
        return self.max_num_reorder_frames

    @property
    def pixel_format(self) -> str:
        """FFmpeg's name, of 4:2:0 and 4:2:2."""
        is_deep = self.chroma_format.bit_depth_luma > 8
        # The j stands for full range.
        kind = "yuvj" if self.video_full_range_flag and not is_deep else "yuv"
        subsampling = "422" if self.chroma_format.chroma_format_idc == CHROMA_422 else "420"
        return f"{kind}{subsampling}p{'10le' if is_deep else ''}"

    @property
    def has_delta_pic_order_cnt(self) -> bool:
        """Whether slices tell by how much their picture is shown earlier or later than pic_order_cnt_type 1 expects."""
        return self.pic_order_cnt_type == 1 and not self.delta_pic_order_always_zero_flag

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels inside of the cropping rectangle, of frames in 4:2:0 or 4:2:2."""
        left, right, top, bottom = self.frame_crop_offsets
        crop_unit_y = 2 if self.chroma_format.chroma_format_idc == CHROMA_420 else 1
        width = 16 * self.pic_width_in_mbs - 2 * (left + right)
        return width, 16 * self.pic_height_in_map_units - crop_unit_y * (top + bottom)

    def fits(self, other: "Sps") -> bool:
        """Whether decoders go from pictures of one to those of the other without setting up anew."""
        same = (
            "profile_idc",
            "chroma_format",
            "level_idc",
            "pic_width_in_mbs",
            "pic_height_in_map_units",
            "frame_crop_offsets",
            "video_full_range_flag",
            "colour_primaries",
            "transfer_characteristics",
            "matrix_coefficients",
        )
        restrictions = (
            (self.max_num_reorder_frames, other.max_num_reorder_frames),
            (self.max_dec_frame_buffering, other.max_dec_frame_buffering),
        )
        return (
            all(getattr(self, name) == getattr(other, name) for name in same)
            # Encoders of keyframes alone ask for none; x264 has one all the same.
            and max(1, self.max_num_ref_frames) == max(1, other.max_num_ref_frames)
            and all(ours == theirs or None in (ours, theirs) for ours, theirs in restrictions)
        )


@functools.lru_cache(maxsize=64)  # asked for with each coding that is tried, of the same few
def parse_sps(unit: bytes) -> Sps:
    """Read a sequence parameter set, its header byte included. Raises ValueError."""
    return _seq_parameter_set_data(BitReader(unit))


def _seq_parameter_set_data(bits: BitReader) -> Sps:
    """7.3.2.1.1, behind the header byte of 7.3.1."""
    bits.u(8)
    profile_idc, constraint_flags, level_idc = bits.u(8), bits.u(8), bits.u(8)
    seq_parameter_set_id = bits.ue()
    chroma_format = _chroma_format(bits) if profile_idc in CHROMA_FORMAT_PROFILES else ChromaFormat()
    log2_max_frame_num = at_most(bits.ue() + 4, MAXIMUM_COUNTER_BITS)
    pic_order_cnt_type = bits.ue()
    log2_max_pic_order_cnt_lsb, delta_pic_order_always_zero_flag = _pic_order_cnt(bits, pic_order_cnt_type)
    max_num_ref_frames = bits.ue()
    bits.flag()  # gaps_in_frame_num_value_allowed_flag
    pic_width_in_mbs, pic_height_in_map_units = bits.ue() + 1, bits.ue() + 1
    frame_mbs_only_flag = bits.flag()
    if not frame_mbs_only_flag:
        bits.flag()  # mb_adaptive_frame_field_flag
    bits.flag()  # direct_8x8_inference_flag
    frame_cropping_flag = bits.flag()
    left, right, top, bottom = (bits.ue() for _ in range(4)) if frame_cropping_flag else (0, 0, 0, 0)
    sps = Sps(
        profile_idc=profile_idc,
        constraint_flags=constraint_flags,
        level_idc=level_idc,
        seq_parameter_set_id=seq_parameter_set_id,
        chroma_format=chroma_format,
        log2_max_frame_num=log2_max_frame_num,
        pic_order_cnt_type=pic_order_cnt_type,
        log2_max_pic_order_cnt_lsb=log2_max_pic_order_cnt_lsb,
        delta_pic_order_always_zero_flag=delta_pic_order_always_zero_flag,
        max_num_ref_frames=max_num_ref_frames,
        pic_width_in_mbs=pic_width_in_mbs,
        pic_height_in_map_units=pic_height_in_map_units,
        frame_mbs_only_flag=frame_mbs_only_flag,
        frame_crop_offsets=(left, right, top, bottom),
    )
    vui_parameters_present_flag = bits.flag()
    return _vui_parameters(bits, sps) if vui_parameters_present_flag else sps


def _chroma_format(bits: BitReader) -> ChromaFormat:
    """7.3.2.1.1, from chroma_format_idc to the scaling lists."""
    chroma_format_idc = bits.ue()
    separate_colour_plane_flag = chroma_format_idc == CHROMA_444 and bits.flag()
    bit_depth_luma, bit_depth_chroma = bits.ue() + 8, bits.ue() + 8
    bits.flag()  # qpprime_y_zero_transform_bypass_flag
    if bits.flag():  # seq_scaling_matrix_present_flag
        for number in range(8 if chroma_format_idc != CHROMA_444 else 12):
            if bits.flag():  # seq_scaling_list_present_flag
                _scaling_list(bits, 16 if number < 6 else 64)
    return ChromaFormat(chroma_format_idc, separate_colour_plane_flag, bit_depth_luma, bit_depth_chroma)


def _scaling_list(bits: BitReader, size: int) -> None:
    """7.3.2.1.1.1: passed over."""
    last_scale = next_scale = 8
    for _ in range(size):
        if next_scale:
            delta_scale = bits.se()
            next_scale = (last_scale + delta_scale) % 256
        last_scale = next_scale or last_scale


def _pic_order_cnt(bits: BitReader, pic_order_cnt_type: int) -> tuple[int, bool]:
    """7.3.2.1.1, behind pic_order_cnt_type: log2_max_pic_order_cnt_lsb and delta_pic_order_always_zero_flag."""
    if pic_order_cnt_type == 0:
        return at_most(bits.ue() + 4, MAXIMUM_COUNTER_BITS), False
    if pic_order_cnt_type == 1:
        delta_pic_order_always_zero_flag = bits.flag()
        bits.se()  # offset_for_non_ref_pic
        bits.se()  # offset_for_top_to_bottom_field
        for _ in range(bits.ue()):  # num_ref_frames_in_pic_order_cnt_cycle
            bits.se()  # offset_for_ref_frame
        return 0, delta_pic_order_always_zero_flag
    return 0, False


def _vui_parameters(bits: BitReader, sps: Sps) -> Sps:
    """E.1.1: added to what was read before it."""
    if bits.flag() and bits.u(8) == EXTENDED_SAR:  # aspect_ratio_info_present_flag, aspect_ratio_idc
        bits.u(32)  # sar_width, sar_height
    if bits.flag():  # overscan_info_present_flag
        bits.flag()  # overscan_appropriate_flag
    if bits.flag():  # video_signal_type_present_flag
        bits.u(3)  # video_format
        sps = dataclasses.replace(sps, video_full_range_flag=bits.flag())
        if bits.flag():  # colour_description_present_flag
            sps = dataclasses.replace(
                sps,
                colour_primaries=bits.u(8),
                transfer_characteristics=bits.u(8),
                matrix_coefficients=bits.u(8),
            )
    if bits.flag():  # chroma_loc_info_present_flag
        bits.ue()  # chroma_sample_loc_type_top_field
        bits.ue()  # chroma_sample_loc_type_bottom_field
    if bits.flag():  # timing_info_present_flag
        bits.u(65)  # num_units_in_tick, time_scale, fixed_frame_rate_flag
    nal_hrd_parameters_present_flag = _hrd_parameters(bits)
    vcl_hrd_parameters_present_flag = _hrd_parameters(bits)
    if nal_hrd_parameters_present_flag or vcl_hrd_parameters_present_flag:
        bits.flag()  # low_delay_hrd_flag
    bits.flag()  # pic_struct_present_flag
    bitstream_restriction_flag = bits.flag()
    return _bitstream_restriction(bits, sps) if bitstream_restriction_flag else sps


def _hrd_parameters(bits: BitReader) -> bool:
    """E.1.2: passed over where they are present. Returns whether they are."""
    if not bits.flag():
        return False
    cpb_cnt = bits.ue() + 1
    bits.u(8)  # bit_rate_scale, cpb_size_scale
    for _ in range(cpb_cnt):
        bits.ue()  # bit_rate_value_minus1
        bits.ue()  # cpb_size_value_minus1
        bits.flag()  # cbr_flag
    bits.u(20)  # initial_cpb_removal_delay, cpb_removal_delay and dpb_output_delay lengths, time_offset_length
    return True


def _bitstream_restriction(bits: BitReader, sps: Sps) -> Sps:
    """E.1.1, behind bitstream_restriction_flag: the last of the VUI parameters, and of the whole set."""
    bits.flag()  # motion_vectors_over_pic_boundaries_flag
    # max_bytes_per_pic_denom, max_bits_per_mb_denom, log2_max_mv_length_horizontal and ..._vertical
    for _ in range(4):
        bits.ue()
    return dataclasses.replace(sps, max_num_reorder_frames=bits.ue(), max_dec_frame_buffering=bits.ue())


def with_dpb_size(unit: bytes, max_num_reorder_frames: int, max_dec_frame_buffering: int) -> bytes:
    """An encoder's parameter set with these two bitstream restrictions, which stand at its end, in place of its own.

    Raises ValueError when it has none.
    """
    bits = BitReader(unit)
    old = _seq_parameter_set_data(bits)
    if old.max_num_reorder_frames is None or old.max_dec_frame_buffering is None:
        raise ValueError("the parameter set has no bitstream restrictions")
    replaced = sum(
        2 * (number + 1).bit_length() - 1 for number in (old.max_num_reorder_frames, old.max_dec_frame_buffering)
    )
    whole, writer = BitReader(unit), BitWriter()
    kept = whole.bits_left - bits.bits_left - replaced
    writer.u(whole.u(kept), kept)
    writer.ue(max_num_reorder_frames)
    writer.ue(max_dec_frame_buffering)
    return writer.unit()


def with_gaps_in_frame_num(unit: bytes) -> bytes:
    """A parameter set that lets numbers of reference pictures be left out: gaps_in_frame_num_value_allowed_flag."""
    bits = BitReader(unit)
    total = bits.bits_left
    allowed_at = _gaps_in_frame_num_value_allowed_at(bits)
    value = BitReader(unit).u(total) | 1 << total - 1 - allowed_at
    return nal.with_emulation_prevention(value.to_bytes(total // 8, "big"))


def _gaps_in_frame_num_value_allowed_at(bits: BitReader) -> int:
    """How many bits of a sequence parameter set (7.3.2.1.1) come before that flag."""
    total = bits.bits_left
    bits.u(8)
    profile_idc = bits.u(8)
    bits.u(16)  # constraint_set_flags, level_idc
    bits.ue()  # seq_parameter_set_id
    if profile_idc in CHROMA_FORMAT_PROFILES:
        _chroma_format(bits)
    bits.ue()  # log2_max_frame_num_minus4
    _pic_order_cnt(bits, bits.ue())
    bits.ue()  # max_num_ref_frames
    return total - bits.bits_left


def pps_ids(unit: bytes) -> tuple[int, int]:
    """Of a picture parameter set: pic_parameter_set_id and seq_parameter_set_id (7.3.2.2). Raises ValueError."""
    bits = BitReader(unit[:16])
    bits.u(8)
    return bits.ue(), bits.ue()


def slice_pps_id(unit: nal.Unit) -> int:
    """pic_parameter_set_id of a slice header (7.3.3). Raises ValueError."""
    bits = BitReader(bytes(unit[:24]))
    bits.u(8)
    bits.ue()  # first_mb_in_slice
    bits.ue()  # slice_type
    return bits.ue()


def nal_unit_type(unit: nal.Unit) -> int:
    """7.3.1."""
    return unit[0] & 31


def is_reference(unit: nal.Unit) -> bool:
    """Whether other pictures may be predicted from this one: nal_ref_idc (7.3.1) is not 0."""
    return unit[0] & 0x60 != 0
