"""What an HEVC bitstream says of itself, against what x265 writes and ffmpeg reads."""

import dataclasses
from fractions import Fraction

import av
import numpy as np
import pytest

from jobs.engine.smartcut import x265
from jobs.engine.smartcut.bitstream import hevc, nal
from jobs.engine.smartcut.bitstream.bits import BitReader, BitWriter
from jobs.engine.smartcut.bitstream.hevc_parameter_sets import (
    PPS_NUT,
    SPS_NUT,
    VPS_NUT,
    parse_sps,
    pps_ids,
    with_pps_ids,
    write_sps,
)
from jobs.engine.smartcut.codec import CannotCopy, first_free


def encoder(pixel_format: str = "yuv420p", size: tuple[int, int] = (176, 98), **params) -> av.CodecContext:
    context = av.CodecContext.create("libx265", "w")
    (context.width, context.height), context.pix_fmt = size, pixel_format
    context.framerate, context.time_base = 30, Fraction(1, 30)
    told = {"log-level": "none", "min-cu-size": 8, **params}
    context.options = {"preset": "veryfast", "x265-params": ":".join(f"{key}={value}" for key, value in told.items())}
    context.flags |= av.codec.context.Flags.global_header
    context.open()
    return context


def sets(context: av.CodecContext) -> dict[int, bytes]:
    return {hevc.nal_unit_type(unit): unit for unit in hevc.parse_extradata(context.extradata)[1]}


def frames(count: int, size: tuple[int, int] = (176, 98)) -> list[av.VideoFrame]:
    noise = np.random.default_rng(1)
    return [
        av.VideoFrame.from_ndarray(noise.integers(0, 255, (size[1] * 3 // 2, size[0]), np.uint8), format="yuv420p")
        for _ in range(count)
    ]


def packets(context: av.CodecContext, count: int, size: tuple[int, int] = (176, 98)) -> list[av.Packet]:
    return [packet for frame in [*frames(count, size), None] for packet in context.encode(frame)]


def test_a_parameter_set_is_read():
    params = {"bframes": 3, "ref": 4, "range": "full", "colorprim": 9, "ctu": 16, "vbv-maxrate": 900, "hrd": 1}
    sps = parse_sps(sets(encoder(**params, **{"vbv-bufsize": 900, "scaling-list": "default"}))[SPS_NUT])
    assert (sps.sps_seq_parameter_set_id, sps.sps_video_parameter_set_id) == (0, 0)
    assert (sps.sps_max_sub_layers, sps.general_profile_idc) == (1, 1)
    assert (sps.size, sps.coded_size, sps.ctb_size) == ((176, 98), (176, 104), 16)
    assert (sps.bit_depth_luma, sps.bit_depth_chroma, sps.chroma_format_idc) == (8, 8, 1)
    assert (sps.max_num_reorder, sps.video_full_range_flag, sps.is_interlaced) == (2, True, False)
    deep = parse_sps(sets(encoder("yuv420p10le"))[SPS_NUT])
    assert (deep.bit_depth_luma, deep.bit_depth_chroma) == (10, 10)
    assert parse_sps(sets(encoder("yuv422p"))[SPS_NUT]).chroma_format_idc == 2
    assert parse_sps(sets(encoder(interlace="tff"))[SPS_NUT]).is_interlaced


def test_what_is_rare_in_a_parameter_set_is_passed_over():
    """Scaling lists, of which every third tells itself, and uncompressed blocks."""
    sps = parse_sps(sets(encoder(colorprim=9, range="full"))[SPS_NUT])
    begin, writer = BitReader(bytes(4) + sps.coding_tools[0].to_bytes(8, "big")), BitWriter()
    begin.u(96 - sps.coding_tools[1])
    for _ in range(6):
        writer.ue(begin.ue())
    assert not begin.flag()
    writer.u(0b11, 2)
    for number in range(20):
        writer.u(number % 3 == 0, 1)
        # Signed numbers are written like unsigned ones.
        sizes = 16 if number < 6 else 64 + (number >= 12)
        for _ in range(sizes if number % 3 == 0 else 1):
            writer.ue(number)
    writer.u(begin.u(2) << 1 | 1, 3)
    assert not begin.flag()
    writer.u(0x77, 8)
    for number in (0, 2):
        writer.ue(number)
    writer.u(1, 1)
    rest = begin.bits_left
    writer.u(begin.u(rest), rest)
    rare = dataclasses.replace(sps, coding_tools=(writer._value, writer._count))
    assert parse_sps(write_sps(rare)) == rare


def test_a_set_that_was_written_is_read_again():
    sps = parse_sps(sets(encoder(range="full", colorprim=9))[SPS_NUT])
    assert parse_sps(write_sps(sps)) == sps


@pytest.mark.parametrize("numbers", [(15, 1), (30, 15)])
def test_slices_under_another_pps_id_decode_to_the_same_frames(numbers):
    pps_id, sps_id = numbers
    context = encoder(bframes=2, slices=2, keyint=5, size=(176, 192), **{"open-gop": 0})
    stored, found = packets(context, 12, (176, 192)), sets(context)
    sps = parse_sps(found[SPS_NUT])
    units = [
        found[VPS_NUT],
        write_sps(dataclasses.replace(sps, sps_seq_parameter_set_id=sps_id)),
        with_pps_ids(found[PPS_NUT], pps_id, sps_id),
    ]
    assert pps_ids(units[2]) == (pps_id, sps_id)
    renamed = av.CodecContext.create("hevc", "r")
    renamed.extradata = hevc.decoder_configuration(sps, units)
    plain = av.CodecContext.create("hevc", "r")
    plain.extradata = context.extradata
    shown: list[list[bytes]] = [[], []]
    for packet in [*stored, None]:
        other = packet and [x265._with_slice_pps_id(unit, pps_id) for unit in nal.units(packet, 0)]
        assert {hevc.slice_pps_id(unit) for unit in other or []} <= {pps_id}
        shown[0] += [frame.to_ndarray().tobytes() for frame in plain.decode(packet)]
        shown[1] += [
            frame.to_ndarray().tobytes() for frame in renamed.decode(other and av.Packet(nal.length_prefixed(other)))
        ]
    assert len(shown[0]) == 12
    assert sorted(shown[0]) == sorted(shown[1])


@pytest.mark.parametrize("tail", [b"\0\0\3\1", b"\0\3\0\0\3\2", b"\1\2\3", b"\0\0\3"])
def test_slices_under_another_pps_id_hold_no_start_code(tail):
    # The number's last bits and the three that follow it are zeros.
    changed = x265._with_slice_pps_id(bytes([2, 1, 0b11000000]) + tail, 15)
    assert b"\0\0\0" not in changed
    assert b"\0\0\1" not in changed
    assert b"\0\0\2" not in changed
    assert nal.without_emulation_prevention(changed)[4:] == nal.without_emulation_prevention(tail)


def test_a_header_that_was_written_is_read_again():
    found = sets(encoder())
    units = [found[kind] for kind in (VPS_NUT, SPS_NUT, PPS_NUT)]
    header = hevc.decoder_configuration(parse_sps(found[SPS_NUT]), units)
    assert hevc.parse_extradata(header) == (4, units)


@pytest.mark.parametrize("cut", [24, 30, 60])
def test_a_broken_header_is_refused(cut):
    found = sets(encoder())
    header = hevc.decoder_configuration(
        parse_sps(found[SPS_NUT]),
        [found[VPS_NUT], found[SPS_NUT][:9]],
    )
    with pytest.raises(ValueError):
        for unit in hevc.parse_extradata(header[:cut])[1]:
            x265.Hevc().parameter_set_key(unit)


def test_numbers_without_end_are_refused():
    sps = parse_sps(sets(encoder())[SPS_NUT])
    for count in (33, 8191):
        # Blocks of this many bits would take all memory.
        endless = dataclasses.replace(sps, coding_tools=(count << 1 | 1, 13))
        with pytest.raises(ValueError):
            parse_sps(write_sps(endless))


@pytest.mark.parametrize(
    ("messages", "lasting"),
    [([(137, 24)], 137), ([(144, 4), (137, 24)], 144), ([(5, 300)], None), ([(137, 24), (1, 3)], None), ([], None)],
)
def test_messages_that_last_are_told_from_others(messages, lasting):
    unit = bytes([hevc.PREFIX_SEI_NUT << 1, 1])
    for kind, size in messages:
        unit += bytes([kind]) + bytes([255]) * (size // 255) + bytes([size % 255]) + b"\7" * size
    assert hevc.lasting_message(unit + b"\x80") == lasting


def test_all_numbers_taken_is_a_reason_not_to_copy():
    assert first_free(range(15, 31), {15, 17}) == 16
    with pytest.raises(CannotCopy):
        first_free(range(15, 31), set(range(64)))
