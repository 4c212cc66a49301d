"""The header of a track of H.264 in MP4 and Matroska (`avcC`): its parameter sets, and how units' lengths are told."""

from collections.abc import Iterator

from jobs.engine.smartcut.bitstream import nal
from jobs.engine.smartcut.bitstream.h264 import CHROMA_FORMAT_PROFILES, parse_sps


def parse_extradata(extradata: bytes) -> tuple[int, list[bytes]]:
    """Bytes of a unit's length (0: start codes) and the parameter sets that a container tells.

    It is an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1) or a byte stream. Raises ValueError.
    """
    if not extradata or extradata[0] != 1:
        return 0, [bytes(unit) for unit in nal.units(extradata, 0)]
    try:
        return (extradata[4] & 3) + 1, list(_stored_sets(extradata))
    except IndexError as error:
        raise ValueError("the track's header is cut off") from error


def _stored_sets(extradata: bytes) -> Iterator[bytes]:
    """Those counted by numOfSequenceParameterSets, of five bits, and numOfPictureParameterSets."""
    offset = 5
    for mask in (0x1F, 0xFF):
        count = extradata[offset] & mask
        offset += 1
        for _ in range(count):
            size = extradata[offset] << 8 | extradata[offset + 1]
            if size:
                yield extradata[offset + 2 : offset + 2 + size]
            offset += 2 + size


def decoder_configuration(sps_units: list[bytes], pps_units: list[bytes]) -> bytes:
    """An AVCDecoderConfigurationRecord (`avcC`) with these sets; lengths take four bytes."""
    parsed = [parse_sps(unit) for unit in sps_units]
    profile_idc = max(sps.profile_idc for sps in parsed)
    constraint_flags = 0xFF
    for sps in parsed:
        constraint_flags &= sps.constraint_flags
    level_idc = max(sps.level_idc for sps in parsed)
    record = bytes([1, profile_idc, constraint_flags, level_idc, 0xFF, 0xE0 | len(sps_units)])
    record += b"".join(len(unit).to_bytes(2, "big") + unit for unit in sps_units)
    record += bytes([len(pps_units)]) + b"".join(len(unit).to_bytes(2, "big") + unit for unit in pps_units)
    if profile_idc not in CHROMA_FORMAT_PROFILES:
        return record
    chroma, depth = parsed[0].chroma_format.chroma_format_idc, parsed[0].chroma_format.bit_depth_luma - 8
    # Behind them numOfSequenceParameterSetExt.
    return record + bytes([0xFC | chroma, 0xF8 | depth, 0xF8 | depth, 0])
