"""What packets tell of how pictures are stored: parameter sets that fit each other, and those that nobody can use."""

import time
from fractions import Fraction

import av
import pytest

from jobs.engine.smartcut.bitstream import avcc, h264, nal
from jobs.engine.smartcut.bitstream.bits import BitWriter
from jobs.engine.smartcut.codec import RANDOM_ACCESS, CannotCopy
from jobs.engine.smartcut.nal_codec import NalReader
from jobs.engine.smartcut.packet_survey import CODECS, Survey
from jobs.engine.smartcut.x264 import H264


def sets(**params) -> list[bytes]:
    """A sequence parameter set and its picture's, by x264."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = 176, 96, "yuv420p"
    context.framerate, context.time_base = 30, Fraction(1, 30)
    told = {"annexb": 0, **{name.replace("_", "-"): value for name, value in params.items()}}
    context.options = {"preset": "veryfast", "x264-params": ":".join(f"{key}={value}" for key, value in told.items())}
    context.flags |= av.codec.context.Flags.global_header
    context.open()
    return avcc.parse_extradata(context.extradata)[1]


def survey(*pairs: list[bytes]) -> Survey:
    return Survey(CODECS["h264"], avcc.decoder_configuration([sps for sps, _ in pairs], [pps for _, pps in pairs]))


def start(sps: h264.Sps, *, drops: bool) -> av.Packet:
    """A picture where decoding can start, as far as its slice's header goes; what follows it says the contrary."""
    writer = BitWriter()
    writer.u(0x65, 8)
    for number in (0, 7, sps.seq_parameter_set_id):
        writer.ue(number)
    writer.u(0, sps.log2_max_frame_num)
    writer.ue(0)
    writer.u(0, sps.log2_max_pic_order_cnt_lsb)
    writer.u(drops, 1)
    writer.u(0 if drops else 2**100 - 1, 100)
    packet = av.Packet(nal.length_prefixed([writer.unit()]))
    packet.pts = 0
    return packet


@pytest.mark.parametrize("drops", [False, True])
def test_a_slice_is_read_with_the_set_it_was_coded_with(drops):
    pairs = [sets(bframes=3), sets(bframes=16, sps_id=1)]
    first, second = (h264.parse_sps(sps) for sps, _ in pairs)
    assert first.log2_max_pic_order_cnt_lsb != second.log2_max_pic_order_cnt_lsb
    for sps in (first, second):
        found = survey(*pairs)
        found.add_packet(start(sps, drops=drops))
        assert bool(found.flags[0] & RANDOM_ACCESS) is not drops


@pytest.mark.parametrize(
    "other", [{"bframes": 0}, {"ref": 5}, {"level": 41}, {"colorprim": "bt709"}, {"fullrange": "on"}]
)
def test_sets_that_do_not_fit_each_other_cannot_be_copied_from(other):
    usual = {"level": 30, "bframes": 3}
    survey(sets(**usual), sets(**usual, sps_id=1))
    with pytest.raises(CannotCopy, match="changes on the way"):
        survey(sets(**usual), sets(**{**usual, **other}, sps_id=1))


def test_another_set_that_only_packets_tell_may_be_missed():
    first, second = sets(), sets(sps_id=1)
    packet = av.Packet(nal.length_prefixed([*second, b"\x65\x88\x80"]))
    packet.pts = 0
    with pytest.raises(CannotCopy, match="changes on the way"):
        survey(first).add_packet(packet)


def test_as_many_sets_are_taken_as_a_header_has_room_for():
    pairs = [sets(sps_id=number) for number in range(31)]
    survey(*pairs[:30])
    with pytest.raises(CannotCopy, match="too many ways"):
        survey(*pairs)


def test_picture_sets_have_their_limits_too():
    found = survey(sets()).reader
    for number in range(1, 253):
        found.add_parameter_set(picture_set(number))
    with pytest.raises(CannotCopy, match="too many ways"):
        found.add_parameter_set(picture_set(253))
    with pytest.raises(CannotCopy, match="too many ways"):
        survey(sets()).reader.add_parameter_set(picture_set(1) + b"\7" * 70_000)


def picture_set(number: int) -> bytes:
    writer = BitWriter()
    writer.u(h264.PPS, 8)
    writer.ue(number)
    writer.ue(0)
    return writer.unit()


def test_a_set_of_absurd_numbers_or_without_end_is_damage_found_at_once():
    started, writer = time.monotonic(), BitWriter()
    for byte in (0x67, 66, 0, 30):
        writer.u(byte, 8)
    writer.ue(0)
    # How many bits the numbers of pictures have.
    writer.ue(2**32 - 2)
    for unit in (writer.unit(), b"\x67\x42\0\x1e" + b"\x55" * 1_000_000):
        with pytest.raises(ValueError, match="where the format allows"):
            NalReader(H264(), b"").add_parameter_set(unit)
    # Reading it through would take minutes.
    assert time.monotonic() - started < 60


def test_empty_sets_in_a_header_are_passed_over():
    sps, pps = sets()
    header = avcc.decoder_configuration([sps], [pps])
    place = 8 + len(sps)
    altered = header[:5] + b"\xe2" + header[6:place] + b"\0\0" + b"\2\0\0" + header[place + 1 :]
    assert avcc.parse_extradata(altered) == (4, [sps, pps])
    assert NalReader(H264(), header).parameter_sets == NalReader(H264(), altered).parameter_sets
