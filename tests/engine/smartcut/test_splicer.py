"""Spliced pictures: each identified, in place to the tick, copied bit for bit, and whole for two decoders."""

import contextlib
import dataclasses
import random
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from jobs.engine.container import ffmpeg
from jobs.engine.probe.inspection import inspect
from jobs.engine.smartcut import strategy
from jobs.engine.smartcut.bitstream import avcc, h264
from jobs.engine.smartcut.bitstream.bits import BitReader, BitWriter
from jobs.engine.smartcut.patch_encoder import fitting_coding
from jobs.engine.video import frame_index
from tests.clips import Picture, make
from tests.media import run_ffmpeg, url
from tests.splices import (
    assert_decodable,
    assert_faithful,
    chosen,
    least_psnr,
    spliced,
    spliced_again,
    spliced_as_chosen,
)

NTSC = Fraction(30_000, 1001)
UNEVEN = [Fraction(number, 30) + Fraction(number * 7 % 11, 400) for number in range(110)]
SLIDES = [Fraction(number) for number in ("0", "0.1", "1.8", "2.8", "3.3", "3.4", "3.5", "3.6", "3.9")]


def coded(preset: str = "ultrafast", g: int = 30, bf: int = 0, profile: str = "high", **x264) -> dict[str, str]:
    params = ":".join(f"{name.replace('_', '-')}={value}" for name, value in x264.items())
    options = {"preset": preset, "crf": "24", "g": str(g), "bf": str(bf), "profile": profile}
    return {**options, "x264-params": params} if params else options


PYRAMID = coded("veryfast", g=30, bf=3, b_adapt=0, scenecut=0)
RECORDINGS = {
    "baseline": ("a.mp4", Picture(Fraction(30), options=coded(profile="baseline"))),
    "main without B-frames": ("a.mp4", Picture(Fraction(25), options=coded(profile="main"))),
    "main with a B-frame": ("a.mp4", Picture(Fraction(25), options=coded(bf=1, profile="main", cabac=1))),
    "high with pyramids": ("a.mp4", Picture(NTSC, options=PYRAMID)),
    "B-frames without pyramids": ("a.mp4", Picture(NTSC, options=coded("veryfast", bf=3, b_pyramid="none"))),
    "many references": ("a.mp4", Picture(options=coded("veryfast", bf=3, ref=6, b_adapt=0))),
    "several slices": ("a.mp4", Picture(options=coded(bf=2, slices=4))),
    "each frame a keyframe": ("a.mp4", Picture(Fraction(24), options=coded(g=1))),
    "a keyframe each 250": ("a.mp4", Picture(options=coded("veryfast", g=250, bf=3))),
    "60 a second": ("a.mov", Picture(Fraction(60), options=coded(bf=2))),
    "50 a second in a transport stream": ("a.ts", Picture(Fraction(50), start=Fraction(7), options=PYRAMID)),
    "matroska": ("a.mkv", Picture(NTSC, options=PYRAMID)),
    "start at five seconds": ("a.mkv", Picture(start=Fraction(5), options=PYRAMID)),
    "flash video": ("a.flv", Picture(time_base=Fraction(1, 1000), options=coded(bf=2))),
    "variable rate": ("a.mp4", Picture(times=UNEVEN, options=coded(g=20, bf=2))),
    "slides": ("a.mp4", Picture(times=SLIDES, options=coded(g=3, bf=2))),
    "rotated, narrow pixels": (
        "a.mov",
        Picture(Fraction(24), rotation=90, sample_aspect=Fraction(3, 4), options=coded(g=24, bf=2)),
    ),
    "10 bit": ("a.mp4", Picture(pixel_format="yuv420p10le", options=coded("veryfast", bf=3, profile="high10"))),
    "4:2:2": ("a.mov", Picture(size=(160, 90), pixel_format="yuv422p", options=coded(bf=2, profile="high422"))),
    "10 bit 4:2:2": ("a.mkv", Picture(pixel_format="yuv422p10le", options=coded(bf=2, profile="high422"))),
    "full range": ("a.mp4", Picture(pixel_format="yuvj420p", options=coded(bf=2))),
    "number 1 taken": ("a.mp4", Picture(options=coded(bf=2, sps_id=1))),
    "open groups after some": ("a.mp4", Picture(options=coded("veryfast", bf=3, open_gop=1, g=12, keyint=36))),
}


def untold(source: Path) -> Path:
    """The recording with a header that says nothing of how far its pictures are out of order."""
    output = source.with_name("untold.mp4")
    with av.open(str(source)) as before, av.open(str(output), "w") as after:
        video = before.streams.video[0]
        stream = after.add_stream_from_template(video)
        _, units = avcc.parse_extradata(video.codec_context.extradata)
        sets = {kind: [unit for unit in units if h264.nal_unit_type(unit) == kind] for kind in (h264.SPS, h264.PPS)}
        stream.codec_context.extradata = avcc.decoder_configuration(
            [without_order(unit) for unit in sets[h264.SPS]], sets[h264.PPS]
        )
        for packet in before.demux(video):
            if packet.size:
                packet.stream = stream
                after.mux(packet)
    return output


def without_order(unit: bytes) -> bytes:
    """A sequence parameter set that ends before what it says of reordering."""
    total = BitReader(unit).bits_left
    for left_out in range(1, total):
        writer = BitWriter()
        writer.u(BitReader(unit).u(total - left_out), total - left_out)
        writer.u(0, 1)
        with contextlib.suppress(ValueError):
            if h264.parse_sps(writer.unit()).max_num_reorder_frames is None:
                return writer.unit()
    raise ValueError("nothing to leave out")


@pytest.mark.parametrize("options", [PYRAMID, coded("veryfast", g=24, bf=3, b_pyramid="normal", ref=4)])
def test_pictures_are_found_where_the_header_does_not_tell_their_order(options, tmp_path):
    result = spliced(untold(make(tmp_path / "a.mp4", Picture(options=options))))
    assert result.splice.coded.sps.max_num_reorder is None
    assert_faithful(result)


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_picture_is_the_right_one_and_in_place(name, tmp_path):
    filename, picture = RECORDINGS[name]
    result = spliced(make(tmp_path / filename, picture))
    assert_faithful(result)
    assert result.splice.copied >= 4
    assert any(stretch.copied_from is None for stretch in result.splice.runs) or picture.options["g"] == "1"


@pytest.mark.parametrize("name", ["high with pyramids", "main without B-frames", "baseline", "slides"])
def test_a_result_with_much_to_encode_is_as_faithful(name, tmp_path):
    filename, picture = RECORDINGS[name]
    assert_faithful(spliced(make(tmp_path / filename, picture), bulk=True))


@pytest.mark.parametrize("name", ["high with pyramids", "variable rate", "50 a second in a transport stream"])
def test_boundaries_may_lie_anywhere(name, tmp_path):
    filename, picture = RECORDINGS[name]
    source = make(tmp_path / filename, picture)
    choice = random.Random(name)
    for _ in range(5):
        edges = sorted(Fraction(choice.randrange(3600), 1000) for _ in range(2 * choice.choice([1, 2, 5, 9])))
        keep = [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if end - start > 0.02]
        assert_faithful(spliced(source, keep or [("1", "2")]))


def test_two_recordings_joined_by_others_with_sets_in_their_packets_work(tmp_path):
    """A transport stream carries its parameter sets before each keyframe; other containers take them over from it."""
    stream = make(tmp_path / "a.ts", Picture(options=PYRAMID))
    for name in ("b.mkv", "b.mp4"):
        subprocess.run([ffmpeg.program(), "-v", "error", "-i", stream, "-c", "copy", tmp_path / name], check=True)
        result = spliced(tmp_path / name)
        assert_faithful(result)
        assert not result.splice.coded.copies_verbatim


def test_what_an_edit_list_hides_stays_hidden(tmp_path):
    """Cut without encoding, a recording begins with pictures that are needed for decoding but not shown."""
    whole = make(tmp_path / "a.mp4", Picture(seconds=5, options=PYRAMID))
    cut = tmp_path / "b.mp4"
    subprocess.run([ffmpeg.program(), "-v", "error", "-ss", "0.5", "-i", whole, "-c", "copy", cut], check=True)
    result = spliced(cut)
    assert -1 in result.splice.coded.frame_numbers
    assert_faithful(result)


def test_the_track_says_what_the_source_said(tmp_path):
    picture = Picture(NTSC, rotation=90, sample_aspect=Fraction(4, 3), options=PYRAMID)
    result = spliced(make(tmp_path / "a.mov", picture))
    before, after = inspect(result.source).video, inspect(result.output).video
    for fact in ("codec", "width", "height", "rotation", "sample_aspect", "pixel_format"):
        assert getattr(before, fact) == getattr(after, fact)
    with av.open(str(result.output)) as container:
        context = container.streams.video[0].codec_context
        length, units = avcc.parse_extradata(context.extradata)
    sets = [h264.parse_sps(unit) for unit in units if h264.nal_unit_type(unit) == h264.SPS]
    assert length == 4
    assert sets[0] == result.splice.coded.sps
    assert sets[1] == dataclasses.replace(sets[0], **{name: getattr(sets[1], name) for name in OWN})
    assert sets[1].seq_parameter_set_id != sets[0].seq_parameter_set_id


# What may differ between parameter sets without a decoder minding: how pictures are numbered, not how they are kept.
OWN = (
    "seq_parameter_set_id",
    "constraint_flags",
    "log2_max_frame_num",
    "pic_order_cnt_type",
    "log2_max_pic_order_cnt_lsb",
    "delta_pic_order_always_zero_flag",
)


@pytest.mark.parametrize(
    ("filename", "picture", "why"),
    [
        ("a.mp4", Picture(options=coded(g=12, tff=1)), "it is interlaced"),
        ("a.mp4", Picture(options=coded(g=250)), "no stretch of what is kept can be copied"),
        ("a.mp4", Picture(options=coded(g=20, intra_refresh=1)), "no stretch of what is kept can be copied"),
        (
            "a.mp4",
            Picture(pixel_format="yuv444p", options=coded(profile="high444")),
            "its colours are stored in a rare",
        ),
        ("a.mp4", Picture(codec="mpeg4", time_base=Fraction(1, 25), options={"g": "12"}), "it is not H.264"),
        ("a.avi", Picture(time_base=Fraction(1, 25), options=coded(g=12)), "its container cannot be entered"),
    ],
)
def test_what_cannot_be_copied_is_encoded_and_it_says_why(filename, picture, why, tmp_path):
    source = make(tmp_path / filename, picture)
    found = chosen(source, [("0.2", "1.3"), ("2.1", "3.7")])
    assert (found.render, found.splice, found.copied) == ("encode", None, 0)
    assert found.reason.startswith(f"The whole picture is encoded, because {why}")


@pytest.mark.parametrize("name", ["high with pyramids", "each frame a keyframe", "baseline", "number 1 taken"])
def test_a_result_can_be_cut_again_and_again(name, tmp_path):
    filename, picture = RECORDINGS[name]
    result = spliced(make(tmp_path / filename, dataclasses.replace(picture, seconds=6)), [("0.2", "2.9"), ("3.1", "9")])
    for keep in ([("0.3", "2.2"), ("2.6", "9")], [("0.1", "1.7"), ("1.9", "9")]):
        result = spliced_again(result, keep)
        assert_faithful(result)
        assert result.splice.copied > len(result.splice.wanted.source_pts) / 2
    ids = {
        h264.parse_sps(unit).seq_parameter_set_id
        for unit in result.splice.coded.parameter_sets
        if h264.nal_unit_type(unit) == h264.SPS
    }
    assert len(ids) == 3


def test_what_one_of_several_sets_says_of_the_order_holds_for_all(tmp_path):
    first = spliced(untold(make(tmp_path / "a.mp4", Picture(options=PYRAMID))))
    coded_pictures = spliced_again(first).splice.coded
    assert [sps.max_num_reorder for sps in coded_pictures.all_sps] == [None, 2]
    # As it would be found where no B-frame was kept.
    simple = dataclasses.replace(coded_pictures, pts=np.sort(coded_pictures.pts))
    assert simple.reorder_pictures == 0
    coding = first.splice.coding
    assert fitting_coding(simple, coding.track, coding.clock_hz, coding.settings).reorder_pictures == 2


def test_a_level_that_no_encoder_knows_is_a_reason_not_to_copy(tmp_path):
    source = make(tmp_path / "a.mp4", Picture(options=coded(bf=2)))
    data = source.read_bytes()
    place = data.index(b"avcC") + 4
    altered = bytearray(data)
    # In the header, and in the parameter set it holds.
    altered[place + 3] = altered[place + 11] = 35
    source.write_bytes(altered)
    assert "no encoder fits its coding" in chosen(source, [("0.2", "1.3"), ("2.1", "3.7")]).reason


def test_pictures_whose_coding_changes_on_the_way_are_encoded(tmp_path):
    for name, options in (("a.ts", PYRAMID), ("b.ts", coded(g=25))):
        make(tmp_path / name, Picture(options=options))
    (tmp_path / "c.ts").write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    both, source = tmp_path / "c.ts", tmp_path / "d.mkv"
    subprocess.run([ffmpeg.program(), "-v", "error", "-i", both, "-c", "copy", source], check=True)
    assert "its coding changes on the way" in chosen(source).reason


def test_copying_is_chosen_when_it_pays_and_never_against_the_owners_word(tmp_path):
    source = make(tmp_path / "a.mp4", Picture(options=PYRAMID))
    found = chosen(source)
    assert found.render == "smart"
    assert found.copied == found.splice.copied > 0
    share = round(100 * found.copied / len(found.splice.wanted.source_pts))
    assert found.reason == f"{share} % of the picture is untouched."
    assert chosen(source, render="encode").render == "encode"


@pytest.mark.parametrize(
    "options", ["libx264 -bf 2 -qp 8", "libx265 -preset ultrafast -x265-params log-level=none:qp=8"]
)
def test_what_is_encoded_of_grainy_film_is_near_to_it(options, tmp_path):
    grain = "testsrc2=size=320x180:rate=25:duration=4,noise=alls=20:allf=t,format=yuv420p"
    run_ffmpeg("-f", "lavfi", "-i", grain, "-c:v", *options.split(), "-g", "25", url(tmp_path / "a.mp4"))
    result = spliced_as_chosen(tmp_path / "a.mp4")
    assert least_psnr(result) >= 44
    assert_decodable(result)


def test_many_short_ranges_in_one_long_group_are_not_decoded_again_and_again(tmp_path):
    """A keyframe at the start of the last range only: what is copied there does not pay for the rest."""
    picture = Picture(seconds=12, size=(64, 64), options=coded(g=250))
    source = make(tmp_path / "a.mp4", picture)
    keep = [(Fraction(number, 2), Fraction(number, 2) + Fraction(1, 5)) for number in range(19)]
    found = chosen(source, [*keep, ("10", "10.4")])
    if found.splice:
        decoded = strategy.Decoding(
            found.splice.coded, frame_index.index_frames(source, inspect(source)), found.splice.wanted
        )
        assert sum(decoded.cost(stretch) for stretch in found.splice.runs) < 2 * 12 * 25
