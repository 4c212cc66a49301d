"""HEVC in the smart cut, encoded by x265.

x265 gives its parameter sets the id 0 and leaves no choice. They get other ids here, so that both can stand in the
track's header, and each slice is told the new one. Our sequence parameter set says of profile, level, DPB size and
colours what the source's says, so that no decoder has a reason to set up anew; then the source's video parameter set
holds for it too.
"""

import dataclasses
import functools

from av.video.codeccontext import VideoCodecContext

from jobs.engine.model.mediainfo import VideoTrack
from jobs.engine.runtime import processors
from jobs.engine.smartcut.bitstream import hevc, hevc_slice, nal
from jobs.engine.smartcut.bitstream.hevc_parameter_sets import (
    CHROMA_420,
    CHROMA_422,
    PPS_NUT,
    PROFILES,
    SPS_NUT,
    VPS_NUT,
    DpbSize,
    Sps,
    parse_sps,
    pps_ids,
    with_pps_ids,
    write_sps,
)
from jobs.engine.smartcut.bitstream.nal import Unit
from jobs.engine.smartcut.codec import (
    LEADING,
    RANDOM_ACCESS,
    REFERENCE,
    CannotCopy,
    Coding,
    PatchSettings,
    SequenceParameterSet,
    first_free,
)
from jobs.engine.smartcut.nal_codec import NalCodec
from jobs.engine.video.encoding_threads import are_huge, are_large, maximum_threads

SPS_IDS = range(16)
# Written in nine bits each, where 0 takes one: in a slice all that follows moves by one whole byte.
PPS_IDS = range(15, 31)
# Blocks that pictures can be made of whole, in pixels; coded sizes are multiples. Of 4K the larger ones take a quarter
# less time, at as many bytes for noise and up to a fifth more for little of it.
MINIMUM_CODING_BLOCKS, MINIMUM_CODING_BLOCKS_OF_LARGE = (8, 16, 32), (16, 8, 32)


class Hevc(NalCodec):
    name, label, tag = "hevc", "HEVC", "hvc1"
    sps_type, pps_type = SPS_NUT, PPS_NUT
    # As in x264.
    quick = (
        PatchSettings("ultrafast", "qp={quantizer}:rc-lookahead=0", bframes=0, cost=2.5),
        PatchSettings("ultrafast", "qp={quantizer}:ipratio=1.8:pbratio=1.6:rc-lookahead=4", 3, 2.9, coarsest=2),
    )
    bulk = PatchSettings("ultrafast", "crf={quantizer}", bframes=3, cost=3.0, finest=17, coarsest=22)

    def steps(self, quantizer: int | None, track: VideoTrack) -> tuple[PatchSettings, ...]:
        # The first has nothing to look ahead for, and holds half as many frames as the others. Of 4K it takes as few
        # bytes as `bulk`, to some percent, at the coarsest of either.
        steps = super().steps(quantizer, track)
        return steps[:1] if are_large(track) else steps

    def encodes_intra_only(self, track: VideoTrack) -> bool:
        # Between frames of 8K x265 holds gigabytes.
        return are_huge(track)

    def parse_extradata(self, extradata: bytes) -> tuple[int, list[bytes]]:
        return hevc.parse_extradata(extradata)

    def parameter_set_key(self, unit: Unit) -> tuple[int, int] | None:
        kind = hevc.nal_unit_type(unit)
        if not hevc.is_base_layer(unit):
            return None
        if kind == VPS_NUT:
            return kind, unit[2] >> 4
        if kind == SPS_NUT:
            return kind, parse_sps(bytes(unit)).sps_seq_parameter_set_id
        if kind == PPS_NUT:
            return kind, pps_ids(bytes(unit))[0]
        message = hevc.lasting_message(unit)
        return None if message is None else (kind, message)

    def parse_sps(self, unit: bytes) -> Sps:
        sps = parse_sps(unit)
        if (
            sps.general_profile_idc not in PROFILES
            or sps.chroma_format_idc not in (CHROMA_420, CHROMA_422)
            or (sps.bit_depth_luma, sps.bit_depth_chroma) not in ((8, 8), (10, 10))
        ):
            raise CannotCopy("its colours are stored in a rare way")
        if sps.is_interlaced:
            raise CannotCopy("it is interlaced")
        left, _, top, _ = sps.conformance_window
        if left or top or not _coding_block(sps, MINIMUM_CODING_BLOCKS):
            raise CannotCopy("it is cropped in a rare way")
        return sps

    def pps_ids(self, unit: bytes) -> tuple[int, int]:
        return pps_ids(unit)

    def is_slice(self, unit: Unit) -> bool:
        return hevc.is_slice(unit) and hevc.is_base_layer(unit)

    def slice_pps_id(self, unit: Unit) -> int:
        return hevc.slice_pps_id(unit)

    def slice_qp(self, unit: Unit, sps: SequenceParameterSet, pps: Unit) -> int:
        assert isinstance(sps, Sps)
        return hevc_slice.slice_qp(unit, sps, hevc_slice.parse_pps(pps))

    def picture_flags(self, unit: Unit, sps: SequenceParameterSet) -> int:
        assert isinstance(sps, Sps)
        is_entry = hevc.is_random_access_point(unit) and not hevc.no_output_of_prior_pics_flag(unit)
        is_reference = hevc.is_reference(unit, sps.sps_max_sub_layers)
        return RANDOM_ACCESS * is_entry | LEADING * hevc.is_leading(unit) | REFERENCE * is_reference

    def stays_in_packet(self, unit: Unit) -> bool:
        is_sei = hevc.nal_unit_type(unit) in (hevc.PREFIX_SEI_NUT, hevc.SUFFIX_SEI_NUT)
        return hevc.is_base_layer(unit) and (hevc.is_slice(unit) or is_sei)

    def as_broken_link(self, unit: Unit) -> Unit:
        # The CRA picture of an open GOP becomes a BLA picture without leading pictures, made for this very use.
        if hevc.nal_unit_type(unit) == hevc.CRA_NUT:
            return bytes([hevc.BLA_N_LP << 1]) + bytes(unit[1:])
        return unit

    def open_encoder(self, coding: Coding) -> VideoCodecContext:
        sps = _sps(coding)
        context = coding.context("libx265", sps.pixel_format, {"x265-params": _params(coding, sps)})
        context.open()
        return context

    def stored_packet(self, coding: Coding, packet: Unit, *, is_key: bool) -> bytes:
        pps_id = _free_id(coding.parameter_sets, PPS_NUT)
        slices = [_with_slice_pps_id(unit, pps_id) for unit in nal.units(packet, 0) if hevc.is_slice(unit)]
        messages = [unit for unit in coding.parameter_sets if hevc.nal_unit_type(unit) == hevc.PREFIX_SEI_NUT]
        return nal.length_prefixed([*(messages if is_key else []), *slices])

    def decoder_configuration(self, coding: Coding) -> bytes:
        all_sps = [sps for sps in self.parse_all_sps(coding.parameter_sets) if isinstance(sps, Sps)]
        described = dataclasses.replace(
            _sps(coding),
            sps_max_sub_layers=max(sps.sps_max_sub_layers for sps in all_sps),
            sps_temporal_id_nesting_flag=all(sps.sps_temporal_id_nesting_flag for sps in all_sps),
        )
        return hevc.decoder_configuration(described, [*coding.parameter_sets, *_sets(coding)])


def _sps(coding: Coding) -> Sps:
    sps = coding.codec.parse_all_sps(coding.parameter_sets)[0]
    assert isinstance(sps, Sps)
    return sps


def _coding_block(sps: Sps, sizes: tuple[int, ...]) -> int | None:
    """The first of these sizes of minimum coding blocks that x265 would fill the shown pictures up to the coded ones
    with."""
    for block in sizes:
        if block <= sps.ctb_size and all(
            -(-shown // block) * block == coded for shown, coded in zip(sps.size, sps.coded_size, strict=True)
        ):
            return block
    return None


def _params(coding: Coding, sps: Sps) -> str:
    sizes = MINIMUM_CODING_BLOCKS_OF_LARGE if are_large(coding.track) else MINIMUM_CODING_BLOCKS
    return ":".join(
        [
            f"log-level=none:info=0:frame-threads=1:{_threads(coding)}",
            f"min-cu-size={_coding_block(sps, sizes)}:ctu={sps.ctb_size}:open-gop=0:ref=1",
            f"bframes={coding.bframes}:b-pyramid={int(coding.reorder_pictures > 1)}",
            coding.settings.options,
        ]
    )


def _threads(coding: Coding) -> str:
    """Several runs are coded at once, each by one thread; where frames are too large for that, rows of one are."""
    count = processors.available()
    return f"pools={count}:wpp=1" if maximum_threads(coding.track) == 1 < count else "pools=none:wpp=0"


@functools.lru_cache(maxsize=16)
def _free_id(sets: tuple[bytes, ...], kind: int) -> int:
    """An id for our parameter set of this kind that the source's do not have."""
    taken = {key[1] for unit in sets if (key := Hevc().parameter_set_key(unit)) and key[0] == kind}
    return first_free(SPS_IDS if kind == SPS_NUT else PPS_IDS, taken)


def _sets(coding: Coding) -> list[bytes]:
    """The parameter sets of what is encoded."""
    _, units = hevc.parse_extradata(coding.codec.open_encoder(coding).extradata or b"")
    sps_id, pps_id = (_free_id(coding.parameter_sets, kind) for kind in (SPS_NUT, PPS_NUT))
    ours = next(parse_sps(unit) for unit in units if hevc.nal_unit_type(unit) == SPS_NUT)
    pps = next(unit for unit in units if hevc.nal_unit_type(unit) == PPS_NUT)
    sps = _sps(coding)
    fitted = dataclasses.replace(
        ours,
        sps_seq_parameter_set_id=sps_id,
        sps_video_parameter_set_id=sps.sps_video_parameter_set_id,
        profile_tier_level=sps.profile_tier_level,
        dpb_size=_larger(sps.dpb_size, ours.dpb_size),
        vui_signal=sps.vui_signal,
    )
    return [write_sps(fitted), with_pps_ids(pps, pps_id, sps_id)]


def _larger(one: DpbSize, other: DpbSize) -> DpbSize:
    """One that holds what either needs, without a limit of latency."""
    return DpbSize(
        max(one.sps_max_dec_pic_buffering_minus1, other.sps_max_dec_pic_buffering_minus1),
        max(one.sps_max_num_reorder_pics, other.sps_max_num_reorder_pics),
        0,
    )


def _with_slice_pps_id(unit: Unit, pps_id: int) -> bytes:
    """A slice of x265 with another slice_pic_parameter_set_id than 0.

    That comes after one flag, or two at a random access point (7.3.6.1), and is the single bit 1.
    """
    flags = 2 if hevc.is_random_access_point(unit) else 1
    rest = unit[2] & (1 << 7 - flags) - 1
    changed = ((unit[2] >> 8 - flags) << 9 | pps_id + 1) << 7 - flags | rest
    head = bytes(unit[:2]) + changed.to_bytes(2, "big")
    return head + nal.with_emulation_prevention(head[-1:] + nal.without_emulation_prevention(unit[3:]))[1:]
