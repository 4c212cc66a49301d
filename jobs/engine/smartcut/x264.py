"""H.264 in the smart cut, encoded by x264.

Decoders set up anew when parameter sets change, and some drop pictures they still hold unless both sets ask for the
same DPB size. So ours say the source's profile, level, colours, max_num_ref_frames and max_num_reorder_frames; only
their id is another one.
"""

import re

from av.video.codeccontext import VideoCodecContext

from jobs.engine.smartcut.bitstream import avcc, h264, h264_slice, nal
from jobs.engine.smartcut.bitstream.nal import Unit
from jobs.engine.smartcut.codec import (
    RANDOM_ACCESS,
    REFERENCE,
    CannotCopy,
    Coding,
    PatchSettings,
    SequenceParameterSet,
    first_free,
)
from jobs.engine.smartcut.nal_codec import NalCodec

SPS_IDS = range(32)
SMALL_DEAD_ZONES = "deadzone-inter=6:deadzone-intra=6"
SMALL_BLOCKS = "partitions=p8x8,b8x8,i8x8,i4x4"


class H264(NalCodec):
    name, label, tag = "h264", "H.264", "avc1"
    sps_type, pps_type = h264.SPS, h264.PPS
    # Noise keeps more of its detail with "ultrafast" than in as many bytes of a better preset, which smooths it in four
    # times the time. With small dead zones it keeps more still, and as near to the source two quantizers coarser. What
    # stands still is smaller with B-frames between finer keyframes, whose picture they go on showing, in smaller blocks
    # by another sixth in the same time, and by far with a rate factor.
    quick = (
        PatchSettings("ultrafast", f"qp={{quantizer}}:rc-lookahead=0:{SMALL_DEAD_ZONES}", 0, 0.7, finest=1, coarsest=2),
        PatchSettings(
            "ultrafast", f"qp={{quantizer}}:ipratio=1.8:pbratio=2:rc-lookahead=0:{SMALL_BLOCKS}", 3, 1.0, coarsest=2
        ),
    )
    bulk = PatchSettings("veryfast", "crf={quantizer}:rc-lookahead=10", bframes=3, cost=2.4, finest=19, coarsest=23)

    def parse_extradata(self, extradata: bytes) -> tuple[int, list[bytes]]:
        return avcc.parse_extradata(extradata)

    def parameter_set_key(self, unit: Unit) -> tuple[int, int] | None:
        kind = h264.nal_unit_type(unit)
        if kind == h264.SPS:
            return kind, h264.parse_sps(bytes(unit)).seq_parameter_set_id
        return (kind, h264.pps_ids(bytes(unit))[0]) if kind == h264.PPS else None

    def parse_sps(self, unit: bytes) -> h264.Sps:
        sps = h264.parse_sps(unit)
        if sps.profile_idc not in _profiles(sps.chroma_format):
            raise CannotCopy("its colours are stored in a rare way")
        if not sps.frame_mbs_only_flag:
            raise CannotCopy("it is interlaced")
        left, _, top, _ = sps.frame_crop_offsets
        if left or top:
            raise CannotCopy("it is cropped in a rare way")
        return sps

    def pps_ids(self, unit: bytes) -> tuple[int, int]:
        return h264.pps_ids(unit)

    def is_slice(self, unit: Unit) -> bool:
        return h264.nal_unit_type(unit) in h264.SLICES

    def slice_pps_id(self, unit: Unit) -> int:
        return h264.slice_pps_id(unit)

    def slice_qp(self, unit: Unit, sps: SequenceParameterSet, pps: Unit) -> int:
        assert isinstance(sps, h264.Sps)
        return h264_slice.slice_qp(unit, sps, h264_slice.parse_pps(pps))

    def picture_flags(self, unit: Unit, sps: SequenceParameterSet) -> int:
        assert isinstance(sps, h264.Sps)
        is_idr = h264.nal_unit_type(unit) == h264.IDR_SLICE
        is_entry = is_idr and not h264_slice.no_output_of_prior_pics_flag(bytes(unit[:40]), sps)
        return RANDOM_ACCESS * is_entry | REFERENCE * h264.is_reference(unit)

    def stays_in_packet(self, unit: Unit) -> bool:
        return h264.nal_unit_type(unit) in (*h264.SLICES, h264.SEI)

    def open_encoder(self, coding: Coding) -> VideoCodecContext:
        sps = _sps(coding)
        options = {"profile": h264.PROFILES[sps.profile_idc], "x264-params": _params(coding, sps)}
        context = coding.context("libx264", sps.pixel_format, options)
        context.color_range = 2 if sps.video_full_range_flag else 1
        context.color_primaries, context.color_trc = sps.colour_primaries, sps.transfer_characteristics
        context.colorspace = sps.matrix_coefficients
        context.open()
        return context

    def stored_packet(self, coding: Coding, packet: Unit, *, is_key: bool) -> bytes:
        # Notes of the encoder about itself are left out.
        return nal.length_prefixed([unit for unit in nal.units(packet, 4) if self.is_slice(unit)])

    def decoder_configuration(self, coding: Coding) -> bytes:
        units = [*self.source_sets(coding), *_sets(coding)]
        return avcc.decoder_configuration(
            [unit for unit in units if h264.nal_unit_type(unit) == h264.SPS],
            [unit for unit in units if h264.nal_unit_type(unit) == h264.PPS],
        )

    def source_sets(self, coding: Coding) -> tuple[bytes, ...]:
        """The parameter sets of what is copied."""
        return coding.parameter_sets


def _profiles(chroma_format: h264.ChromaFormat) -> tuple[int | None, ...]:
    """Those that x264 writes down for it: the lowest, and below that what has fewer tools."""
    lowest = chroma_format.lowest_profile_idc
    return (66, 77, lowest) if lowest == 100 else (lowest,)


def _sps(coding: Coding) -> h264.Sps:
    sps = coding.codec.parse_all_sps(coding.parameter_sets)[0]
    assert isinstance(sps, h264.Sps)
    return sps


def _params(coding: Coding, sps: h264.Sps) -> str:
    # Without B-frames x264 counts pictures in another way than the source (pic_order_cnt_type 2), and some decoders
    # show them in disorder then. So it may use them, and `patch_encoder` says of each picture that it is none.
    bframes = max(coding.bframes, min(1, coding.reorder_pictures))
    pyramid = "normal" if coding.reorder_pictures > 1 and sps.max_num_ref_frames >= 4 else "none"
    # What tells the profiles apart: x264 writes down the lowest that holds what it uses.
    tools = {66: "cabac=0", 77: "cabac=1:8x8dct=0"}.get(sps.profile_idc, "cabac=1:8x8dct=1")
    return ":".join(
        [
            f"annexb=0:sps-id={_free_id(coding)}:level={sps.level_idc}",
            f"ref=1:dpb-size={max(1, sps.max_num_ref_frames)}",
            f"bframes={bframes}:b-pyramid={pyramid if coding.bframes else 'none'}",
            tools,
            f"sync-lookahead=0:{_offset(coding.settings.options, sps)}",
        ]
    )


def _offset(options: str, sps: h264.Sps) -> str:
    """x264 counts constant quantizers from 0 whatever the bits (QP'Y), and rate factors as slices do (QPY)."""
    qp_bd_offset = 6 * (sps.chroma_format.bit_depth_luma - 8)
    return re.sub(r"\bqp=(\d+)", lambda found: f"qp={int(found[1]) + qp_bd_offset}", options)


def _free_id(coding: Coding) -> int:
    """An id for our parameter sets that the source's do not have."""
    taken = {key[1] for unit in coding.parameter_sets if (key := H264().parameter_set_key(unit))}
    return first_free(SPS_IDS, taken)


def _sets(coding: Coding) -> list[bytes]:
    """The parameter sets of what is encoded."""
    _, units = avcc.parse_extradata(coding.codec.open_encoder(coding).extradata or b"")
    sps = _sps(coding)
    dpb_size = sps.max_dec_frame_buffering
    if dpb_size is None:
        dpb_size = max(sps.max_num_ref_frames, coding.reorder_pictures)
    return [
        h264.with_dpb_size(unit, coding.reorder_pictures, dpb_size) if h264.nal_unit_type(unit) == h264.SPS else unit
        for unit in units
    ]
