"""Spliced HEVC: each picture identified, in place to the tick, copied bit for bit, and decoded without a complaint."""

import dataclasses
import random
import subprocess
from fractions import Fraction

import av
import pytest

from jobs.engine.container import ffmpeg
from jobs.engine.probe.inspection import inspect
from jobs.engine.smartcut.bitstream import hevc, hevc_parameter_sets, nal
from jobs.engine.video import encoding_threads
from tests.clips import Picture, make
from tests.splices import assert_faithful, chosen, spliced, spliced_again

NTSC = Fraction(30_000, 1001)
UNEVEN = [Fraction(number, 30) + Fraction(number * 7 % 11, 400) for number in range(110)]
DEEP = "yuv420p10le"


def coded(preset: str = "ultrafast", **x265) -> dict[str, str]:
    params = {"log-level": "none", "keyint": 30, "bframes": 3, "scenecut": 0, "b-adapt": 0, **x265}
    return {
        "preset": preset,
        "x265-params": ":".join(f"{name.replace('_', '-')}={value}" for name, value in params.items()),
    }


def picture(*positional, preset: str = "ultrafast", **options) -> Picture:
    """Options of x265 and, by their own names, of the picture."""
    names = {field.name for field in dataclasses.fields(Picture)}
    of_picture = {name: options.pop(name) for name in list(options) if name in names}
    return Picture(*positional, codec="libx265", options=coded(preset, **options), **of_picture)


HDR = {
    "repeat_headers": 1,
    "colorprim": 9,
    "transfer": 16,
    "colormatrix": 9,
    "chromaloc": 2,
    "master_display": "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)",
    "max_cll": '"1000,400"',
}
RECORDINGS = {
    "open groups": ("a.mp4", picture()),
    "open groups without pyramids": ("a.mp4", picture(NTSC, b_pyramid=0, keyint=25)),
    "closed groups": ("a.mp4", picture(open_gop=0)),
    "closed groups with leading pictures": ("a.mp4", picture(open_gop=0, radl=2)),
    "without B-frames": ("a.mov", picture(Fraction(24), bframes=0, open_gop=0)),
    "each frame a keyframe": ("a.mp4", picture(keyint=1, bframes=0)),
    "a keyframe each 250": ("a.mp4", picture(Fraction(30), keyint=250)),
    "10 bit, open groups": ("a.mp4", picture(pixel_format=DEEP)),
    "10 bit, closed groups": ("a.mov", picture(Fraction(60), pixel_format=DEEP, open_gop=0, bframes=0)),
    "10 bit, each frame a keyframe": ("a.mkv", picture(pixel_format=DEEP, keyint=1, bframes=0)),
    "4:2:2": ("a.mov", picture(pixel_format="yuv422p", open_gop=0)),
    "4:2:2, cropped": ("a.mp4", picture(size=(150, 90), pixel_format="yuv422p10le")),
    "10 bit 4:2:2, open groups": ("a.mp4", picture(pixel_format="yuv422p10le")),
    "10 bit 4:2:2 in a transport stream": ("a.ts", picture(Fraction(50), pixel_format="yuv422p10le", bframes=0)),
    "high dynamic range": ("a.mp4", picture(pixel_format=DEEP, **HDR)),
    "matroska": ("a.mkv", picture(NTSC, start=Fraction(5))),
    "transport stream, open groups": ("a.ts", picture(Fraction(50), start=Fraction(7))),
    "transport stream, closed groups": ("a.ts", picture(open_gop=0, bframes=0)),
    "sets and checksums in the packets": ("a.mp4", picture(repeat_headers=1, hash=1, aud=1)),
    "temporal layers": ("a.mp4", picture(temporal_layers=3)),
    "many references": ("a.mp4", picture(preset="slow", ref=5, bframes=4)),
    "several slices": ("a.mp4", picture(size=(160, 192), slices=2)),
    "large blocks": ("a.mp4", picture(size=(150, 98), preset="medium", ctu=64)),
    "small blocks": ("a.mp4", picture(size=(150, 98), preset="veryfast", ctu=16)),
    "full range": ("a.mp4", picture(pixel_format="yuvj420p")),
    "few bits for the order": ("a.mp4", picture(log2_max_poc_lsb=5)),
    "variable rate": ("a.mp4", picture(times=UNEVEN, keyint=20, bframes=2)),
    "rotated, narrow pixels": ("a.mov", picture(rotation=90, sample_aspect=Fraction(3, 4), keyint=24)),
}


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_picture_is_the_right_one_and_in_place(name, tmp_path):
    result = spliced(make(tmp_path / RECORDINGS[name][0], RECORDINGS[name][1]))
    assert_faithful(result)
    assert result.splice.copied >= 4
    assert any(stretch.copied_from is None for stretch in result.splice.runs) or "each frame" in name


@pytest.mark.parametrize("name", ["open groups", "without B-frames", "10 bit, open groups"])
def test_a_result_with_much_to_encode_is_as_faithful(name, tmp_path):
    assert_faithful(spliced(make(tmp_path / RECORDINGS[name][0], RECORDINGS[name][1]), bulk=True))


@pytest.mark.parametrize("limit", ["LARGE_FRAME_BYTES", "HUGE_FRAME_BYTES"])
@pytest.mark.parametrize("name", ["open groups", "10 bit, closed groups", "small blocks"])
def test_large_frames_are_encoded_in_another_way_and_as_faithfully(name, limit, tmp_path, monkeypatch):
    monkeypatch.setattr(encoding_threads, limit, 0)
    assert_faithful(spliced(make(tmp_path / RECORDINGS[name][0], RECORDINGS[name][1])))


@pytest.mark.parametrize("name", ["open groups", "variable rate", "transport stream, open groups"])
def test_boundaries_may_lie_anywhere(name, tmp_path):
    source = make(tmp_path / RECORDINGS[name][0], RECORDINGS[name][1])
    choice = random.Random(name)
    for _ in range(4):
        edges = sorted(Fraction(choice.randrange(3600), 1000) for _ in range(2 * choice.choice([1, 2, 5, 9])))
        keep = [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if end - start > 0.02]
        assert_faithful(spliced(source, keep or [("1", "2")]))


def unit_types(path) -> list[list[int]]:
    """Of each packet, the nal_unit_type of its units."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        length, _ = hevc.parse_extradata(stream.codec_context.extradata)
        return [
            [hevc.nal_unit_type(unit) for unit in nal.units(packet, length)]
            for packet in container.demux(stream)
            if packet
        ]


def test_a_copy_that_begins_in_an_open_group_is_a_broken_link_without_leading_pictures(tmp_path):
    source = make(tmp_path / "a.mp4", picture())
    before, after = unit_types(source), unit_types(spliced(source, [("0.5", "3.3")]).output)
    entries = [index for index, types in enumerate(before) if types == [hevc.CRA_NUT]]
    assert len(entries) == 3
    assert all(hevc.RADL_N <= before[index + 1][0] <= hevc.RASL_R for index in entries)
    begin = after.index([hevc.BLA_N_LP])
    assert not hevc.RADL_N <= after[begin + 1][0] <= hevc.RASL_R
    # The next GOP is passed as it was.
    through = after.index([hevc.CRA_NUT])
    assert through > begin
    assert hevc.RADL_N <= after[through + 1][0] <= hevc.RASL_R


def test_what_an_edit_list_hides_stays_hidden(tmp_path):
    whole, cut = make(tmp_path / "a.mp4", picture(seconds=5)), tmp_path / "b.mp4"
    subprocess.run([ffmpeg.program(), "-v", "error", "-ss", "0.5", "-i", whole, "-c", "copy", cut], check=True)
    result = spliced(cut)
    assert -1 in result.splice.coded.frame_numbers
    assert_faithful(result)


def test_a_recording_that_begins_with_what_nobody_can_decode_loses_no_more(tmp_path):
    """Cut out of the middle, a stream begins with an open group whose leading pictures need what is gone."""
    whole, cut = make(tmp_path / "a.ts", picture(seconds=5)), tmp_path / "b.ts"
    with av.open(str(whole)) as before, av.open(str(cut), "w") as after:
        stream = after.add_stream_from_template(before.streams.video[0])
        packets = [packet for packet in before.demux(video=0) if packet.size]
        begin = [place for place, packet in enumerate(packets) if packet.is_keyframe][1]
        for packet in packets[begin:]:
            packet.stream = stream
            after.mux(packet)
    result = spliced(cut)
    assert result.splice.coded.leading[1]
    assert_faithful(result)


def test_the_track_says_what_the_source_said(tmp_path):
    shown = picture(NTSC, rotation=90, sample_aspect=Fraction(4, 3), pixel_format=DEEP, **HDR)
    result = spliced(make(tmp_path / "a.mov", shown))
    before, after = inspect(result.source).video, inspect(result.output).video
    for fact in ("codec", "width", "height", "rotation", "sample_aspect", "pixel_format", "hdr"):
        assert getattr(before, fact) == getattr(after, fact)
    with av.open(str(result.output)) as container:
        context = container.streams.video[0].codec_context
        length, units = hevc.parse_extradata(context.extradata)
        assert context.codec_tag == "hvc1"
    sets = [
        hevc_parameter_sets.parse_sps(unit) for unit in units if hevc.nal_unit_type(unit) == hevc_parameter_sets.SPS_NUT
    ]
    assert length == 4
    assert sets[0] == result.splice.coded.sps
    told = (
        "sps_video_parameter_set_id",
        "profile_tier_level",
        "coded_size",
        "conformance_window",
        "bit_depth_luma",
        "bit_depth_chroma",
        "vui_signal",
        "video_full_range_flag",
        "sps_max_sub_layers",
        "max_num_reorder",
    )
    assert {name: getattr(sets[0], name) for name in told} == {name: getattr(sets[1], name) for name in told}
    buffering = [sps.dpb_size.sps_max_dec_pic_buffering_minus1 for sps in sets]
    assert buffering[1] == buffering[0]
    assert sets[1].sps_seq_parameter_set_id != sets[0].sps_seq_parameter_set_id


def test_what_a_display_has_to_know_holds_for_every_picture(tmp_path):
    result = spliced(make(tmp_path / "a.mp4", picture(pixel_format=DEEP, **HDR)))
    for path in (result.source, result.output):
        with av.open(str(path)) as container:
            frames = list(container.decode(video=0))
        told = {tuple(bytes(data) for data in frame.side_data if "SEI" not in data.type.name) for frame in frames}
        assert {(frame.color_primaries, frame.color_trc, frame.colorspace) for frame in frames} == {(9, 16, 9)}
        assert len(told) == 1
        types = {data.type.name for frame in frames for data in frame.side_data}
        assert {"MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"} <= types


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (picture(interlace="tff"), "it is interlaced"),
        (picture(pixel_format="yuv444p"), "its colours are stored in a rare way"),
        (picture(pixel_format="yuv420p12le"), "its colours are stored in a rare way"),
        (picture(keyint=250, intra_refresh=1), "no stretch of what is kept can be copied"),
    ],
)
def test_what_cannot_be_copied_is_encoded_and_it_says_why(shown, why, tmp_path):
    found = chosen(make(tmp_path / "a.mp4", shown), [("0.2", "1.3"), ("2.1", "3.7")])
    assert (found.render, found.splice) == ("encode", None)
    assert found.reason.startswith(f"The whole picture is encoded, because {why}")


@pytest.mark.parametrize("name", ["closed groups", "10 bit, open groups", "temporal layers", "few bits for the order"])
def test_a_result_can_be_cut_again_and_again(name, tmp_path):
    filename, shown = RECORDINGS[name]
    result = spliced(make(tmp_path / filename, dataclasses.replace(shown, seconds=6)), [("0.2", "2.9"), ("3.1", "9")])
    for keep in ([("0.3", "2.2"), ("2.6", "9")], [("0.1", "1.7"), ("1.9", "9")]):
        result = spliced_again(result, keep)
        assert_faithful(result)
        assert result.splice.copied > len(result.splice.wanted.source_pts) / 2
    ids = {
        hevc_parameter_sets.parse_sps(unit).sps_seq_parameter_set_id
        for unit in result.splice.coded.parameter_sets
        if hevc.nal_unit_type(unit) == hevc_parameter_sets.SPS_NUT
    }
    assert len(ids) == 3
