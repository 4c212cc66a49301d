"""What an HEVC bitstream says of each picture, and how a container tells a decoder what it says of all.

Syntax elements and NAL unit types have their names in ITU-T H.265, whose clauses are given.
"""

from collections.abc import Iterator

from jobs.engine.smartcut.bitstream import nal
from jobs.engine.smartcut.bitstream.bits import BitReader
from jobs.engine.smartcut.bitstream.hevc_parameter_sets import PPS_NUT, SPS_NUT, VPS_NUT, Sps

# nal_unit_type (table 7-1). Those from BLA_W_LP to RSV_IRAP_VCL23 are of random access points (IRAP pictures).
RADL_N, RASL_R = 6, 9
BLA_W_LP, BLA_N_LP, CRA_NUT, RSV_IRAP_VCL23 = 16, 18, 21, 23
RSV_VCL31 = 31
PREFIX_SEI_NUT, SUFFIX_SEI_NUT = 39, 40
# payloadType (annex D) of what a display has to know for as long as the pictures last.
MASTERING_DISPLAY_COLOUR_VOLUME, CONTENT_LIGHT_LEVEL_INFO, ALTERNATIVE_TRANSFER_CHARACTERISTICS = 137, 144, 147
LASTING_MESSAGES = {MASTERING_DISPLAY_COLOUR_VOLUME, CONTENT_LIGHT_LEVEL_INFO, ALTERNATIVE_TRANSFER_CHARACTERISTICS}


def nal_unit_type(unit: nal.Unit) -> int:
    """7.3.1.2."""
    return unit[0] >> 1 & 63


def is_base_layer(unit: nal.Unit) -> bool:
    """Whether nuh_layer_id (7.3.1.2) is 0, as of all that every decoder shows; others are a second view, or detail."""
    return len(unit) > 2 and not unit[0] & 1 and not unit[1] >> 3


def is_slice(unit: nal.Unit) -> bool:
    """Whether it is one of video coding layer, a slice segment of a picture."""
    return nal_unit_type(unit) <= RSV_VCL31


def is_random_access_point(unit: nal.Unit) -> bool:
    """Whether a slice belongs to an IRAP picture, from which decoding can start."""
    return BLA_W_LP <= nal_unit_type(unit) <= RSV_IRAP_VCL23


def is_leading(unit: nal.Unit) -> bool:
    """Whether a slice belongs to a leading picture (RADL or RASL): shown before the random access point it follows."""
    return RADL_N <= nal_unit_type(unit) <= RASL_R


def slice_pps_id(unit: nal.Unit) -> int:
    """slice_pic_parameter_set_id (7.3.6.1). Raises ValueError."""
    bits = BitReader(bytes(unit[:16]))
    bits.u(16)
    bits.flag()  # first_slice_segment_in_pic_flag
    if is_random_access_point(unit):
        bits.flag()  # no_output_of_prior_pics_flag
    return bits.ue()


def no_output_of_prior_pics_flag(unit: nal.Unit) -> bool:
    """Whether a random access point tells decoders to drop pictures before it that they have not output (7.3.6.1)."""
    return unit[2] & 0x40 != 0


def is_reference(unit: nal.Unit, sps_max_sub_layers: int) -> bool:
    """Whether other pictures may be predicted from this one.

    Types below those of random access points are even for pictures that no other of their temporal layer refers to
    (sub-layer non-reference pictures); only in the highest layer is that nobody.
    """
    kind, temporal_id_plus1 = nal_unit_type(unit), unit[1] & 7
    return kind >= BLA_W_LP or kind % 2 == 1 or temporal_id_plus1 < sps_max_sub_layers


def lasting_message(unit: nal.Unit) -> int | None:
    """The first payloadType when a prefix SEI (7.3.2.4, 7.3.5) tells nothing but what lasts."""
    if nal_unit_type(unit) != PREFIX_SEI_NUT:
        return None
    payload = nal.without_emulation_prevention(unit[2:])
    offset, types = 0, []
    while offset + 2 < len(payload):
        payload_type, offset = _sei_number(payload, offset)
        payload_size, offset = _sei_number(payload, offset)
        types.append(payload_type)
        offset += payload_size
    return types[0] if types and set(types) <= LASTING_MESSAGES else None


def _sei_number(payload: bytes, offset: int) -> tuple[int, int]:
    """A payloadType or payloadSize, in bytes of 255 and a smaller one, and the offset after it (7.3.5)."""
    end = offset
    while end < len(payload) - 1 and payload[end] == 255:
        end += 1
    return sum(payload[offset : end + 1]), end + 1


def parse_extradata(extradata: bytes) -> tuple[int, list[bytes]]:
    """Bytes of a unit's length (0: start codes) and the units that a container tells.

    It is an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1) or a byte stream. Raises ValueError.
    """
    if not extradata or extradata[0] != 1:
        return 0, [bytes(unit) for unit in nal.units(extradata, 0)]
    try:
        return (extradata[21] & 3) + 1, list(_stored_units(extradata))
    except IndexError as error:
        raise ValueError("the track's header is cut off") from error


def _stored_units(extradata: bytes) -> Iterator[bytes]:
    offset, num_of_arrays = 23, extradata[22]
    for _ in range(num_of_arrays):
        num_nalus = extradata[offset + 1] << 8 | extradata[offset + 2]
        offset += 3
        for _ in range(num_nalus):
            size = extradata[offset] << 8 | extradata[offset + 1]
            if size:
                yield extradata[offset + 2 : offset + 2 + size]
            offset += 2 + size


def decoder_configuration(sps: Sps, units: list[bytes]) -> bytes:
    """An HEVCDecoderConfigurationRecord (`hvcC`) with these units, whose profile and layers `sps` tells.

    Lengths take four bytes.
    """
    value, count = sps.profile_tier_level
    record = bytearray(b"\1" + value.to_bytes(count // 8, "big"))
    # Nothing is said of min_spatial_segmentation, parallelismType and avgFrameRate.
    depths = (0xF8 | depth - 8 for depth in (sps.bit_depth_luma, sps.bit_depth_chroma))
    record += bytes([0xF0, 0, 0xFC, 0xFC | sps.chroma_format_idc, *depths, 0, 0])
    record.append(sps.sps_max_sub_layers << 3 | sps.sps_temporal_id_nesting_flag << 2 | 3)
    types = sorted({nal_unit_type(unit) for unit in units})
    record.append(len(types))
    for number in types:
        found = [unit for unit in units if nal_unit_type(unit) == number]
        # array_completeness: none of the parameter sets stands in the packets; of messages, some may.
        record += bytes([(number in (VPS_NUT, SPS_NUT, PPS_NUT)) << 7 | number]) + len(found).to_bytes(2, "big")
        record += b"".join(len(unit).to_bytes(2, "big") + unit for unit in found)
    return bytes(record)
