"""What an H.264 bitstream says of itself, against what ffmpeg writes and reads."""

from fractions import Fraction

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.engine.smartcut.bitstream import avcc, h264, nal
from jobs.engine.smartcut.bitstream.bits import BitReader, BitWriter


def encoder(height: int = 98, **params) -> av.CodecContext:
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = 176, height, "yuv420p"
    context.framerate, context.time_base = 30, Fraction(1, 30)
    context.options = {"preset": "veryfast", "x264-params": ":".join(f"{key}={value}" for key, value in params.items())}
    context.flags |= av.codec.context.Flags.global_header
    context.open()
    return context


def sets(context: av.CodecContext) -> list[bytes]:
    return avcc.parse_extradata(context.extradata)[1]


def test_a_parameter_set_is_read_to_its_end():
    context = encoder(**{"annexb": 0, "sps-id": 3, "bframes": 3, "ref": 5, "level": 31, "nal-hrd": "vbr"})
    sps = h264.parse_sps(sets(context)[0])
    assert (sps.seq_parameter_set_id, sps.profile_idc, sps.level_idc, sps.max_num_ref_frames) == (3, 100, 31, 5)
    assert sps.size == (176, 98)
    assert (sps.pic_width_in_mbs, sps.pic_height_in_map_units) == (11, 7)
    assert (sps.max_num_reorder_frames, sps.max_dec_frame_buffering) == (2, 5)
    assert sps.pixel_format == "yuv420p"
    assert sps.frame_mbs_only_flag
    assert h264.pps_ids(sets(context)[1]) == (3, 3)


def test_colours_and_interlacing_are_told():
    params = {"tff": 1, "fullrange": "on", "colorprim": "bt2020", "transfer": "bt709", "colormatrix": "bt470bg"}
    sps = h264.parse_sps(sets(encoder(100, **params, **{"vbv-maxrate": 900, "vbv-bufsize": 900, "nal-hrd": "vbr"}))[0])
    assert not sps.frame_mbs_only_flag
    assert sps.video_full_range_flag
    assert (sps.colour_primaries, sps.transfer_characteristics, sps.matrix_coefficients) == (9, 1, 5)


@pytest.mark.parametrize(("reorder_frames", "dpb_size"), [(0, 1), (1, 4), (2, 16), (7, 9)])
def test_the_dpb_size_of_a_set_can_be_told_anew_and_nothing_else_changes(reorder_frames, dpb_size):
    unit = sets(encoder(bframes=3))[0]
    before, after = h264.parse_sps(unit), h264.parse_sps(h264.with_dpb_size(unit, reorder_frames, dpb_size))
    assert (after.max_num_reorder_frames, after.max_dec_frame_buffering) == (reorder_frames, dpb_size)
    assert after.size == before.size
    there = h264.with_dpb_size(unit, reorder_frames, dpb_size)
    assert h264.with_dpb_size(there, before.max_num_reorder_frames, before.max_dec_frame_buffering) == unit


def black() -> av.VideoFrame:
    frame = av.VideoFrame(176, 98, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    return frame


def test_packets_come_apart_with_lengths_and_with_start_codes():
    frame, kinds = black(), []
    for annexb in (0, 1):
        context = encoder(annexb=annexb, slices=3)
        packets = [*context.encode(frame), *context.encode(None)]
        length, _ = avcc.parse_extradata(context.extradata)
        assert length == (0 if annexb else 4)
        units = list(nal.units(packets[0], length))
        kinds.append([h264.nal_unit_type(unit) for unit in units if h264.nal_unit_type(unit) != h264.SEI])
        assert all(h264.is_reference(unit) for unit in units if h264.nal_unit_type(unit) == h264.IDR_SLICE)
    assert kinds == [[h264.IDR_SLICE] * 3] * 2


def test_a_header_that_was_written_is_read_again():
    first, second = sets(encoder(annexb=0)), sets(encoder(**{"annexb": 0, "sps-id": 1}))
    header = avcc.decoder_configuration([first[0], second[0]], [first[1], second[1]])
    assert avcc.parse_extradata(header) == (4, [first[0], second[0], first[1], second[1]])
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = header
    decoder.open()


@pytest.mark.parametrize("number", [0, 5, 31])
def test_slices_say_which_picture_parameter_set_they_were_coded_with(number):
    context = encoder(annexb=0, slices=3, **{"sps-id": number})
    stored = [packet for picture in [black(), black(), black(), black(), None] for packet in context.encode(picture)]
    slices = [unit for packet in stored for unit in nal.units(packet, 4) if h264.nal_unit_type(unit) in h264.SLICES]
    assert len(slices) == 12
    assert {h264.slice_pps_id(unit) for unit in slices} == {number}


@pytest.mark.parametrize("broken", [b"\1\x64", b"\1\x64\0\x1f\xff\xe1\0\x09\x67"])
def test_a_broken_header_is_refused(broken):
    with pytest.raises(ValueError):
        for unit in avcc.parse_extradata(broken)[1]:
            h264.parse_sps(unit)


@given(st.lists(st.integers(0, 2**16)))
def test_numbers_survive_writing_and_reading(numbers):
    writer = BitWriter()
    for number in numbers:
        writer.ue(number)
    unit = writer.unit()
    assert b"\0\0\0" not in unit
    assert b"\0\0\1" not in unit
    assert b"\0\0\2" not in unit
    reader = BitReader(unit)
    assert [reader.ue() for _ in numbers] == numbers
