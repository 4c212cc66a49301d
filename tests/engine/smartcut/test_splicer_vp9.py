"""Spliced VP9: each picture the right one, in place to the tick, copied bit for bit, and the same for two decoders."""

from fractions import Fraction

import av
import pytest

from jobs.engine.edit.cut_params import CutParams
from jobs.engine.pipelines import silence_cut
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.smartcut.bitstream import vp9 as vp9_frames
from jobs.engine.video.source import Source
from tests.clips import Picture, Sound, make, seen
from tests.judge import expected_pictures
from tests.splices import assert_faithful, chosen, spliced, spliced_again
from tests.vp9_clips import deep, with_hidden_frames

NTSC = Fraction(30_000, 1001)
UNEVEN = [Fraction(number, 30) + Fraction(number * 7 % 11, 400) for number in range(110)]


def vp9(*arguments, **options) -> Picture:
    coded = {"deadline": "realtime", "cpu-used": "8", "g": "30", "crf": "20", "b": "0"}
    return Picture(*arguments, codec="libvpx-vp9", **{"options": coded, **options})


RECORDINGS = {
    "webm": ("a.webm", vp9(NTSC)),
    "matroska that starts at five seconds": ("a.mkv", vp9(start=Fraction(5))),
    "mp4": ("a.mp4", vp9(NTSC)),
    "variable rate": ("a.mp4", vp9(times=UNEVEN)),
    "each frame a keyframe": ("a.webm", vp9(options={"deadline": "realtime", "cpu-used": "8", "g": "1"})),
    "4:4:4": ("a.webm", vp9(pixel_format="yuv444p")),
    "rotated, narrow pixels": ("a.mp4", vp9(Fraction(24), rotation=90, sample_aspect=Fraction(3, 4))),
}
KEEP = ((Fraction("0.31"), Fraction("2.5")), (Fraction("2.7"), Fraction(4)))


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_picture_is_the_right_one_and_in_place(name, tmp_path):
    filename, picture = RECORDINGS[name]
    result = spliced(make(tmp_path / filename, picture))
    assert_faithful(result)
    assert result.splice.copied >= 4


def test_hidden_frames_are_copied_with_the_ones_they_are_for(tmp_path):
    result = spliced(with_hidden_frames(tmp_path))
    assert_faithful(result)
    assert result.splice.copied >= 30
    assert_faithful(spliced_again(result))


DEEP = {
    "10 bit": ("a.webm", "yuv420p10le"),
    "10 bit in mp4, BT.2020": ("a.mp4", "yuv420p10le", "-vf", "setparams=colorspace=bt2020nc:range=pc"),
    "10 bit 4:4:4": ("a.webm", "yuv444p10le"),
    "12 bit 4:2:2": ("a.mkv", "yuv422p12le"),
}


@pytest.mark.parametrize("name", DEEP)
def test_more_than_eight_bits_are_as_faithful(name, tmp_path):
    filename, *how = DEEP[name]
    result = spliced(deep(tmp_path / filename, *how))
    assert_faithful(result)
    assert result.splice.copied >= 30
    before, after = inspect(result.source).video, inspect(result.output).video
    assert (after.pixel_format, after.hdr) == (before.pixel_format, before.hdr)
    # What is encoded says of its colours what is copied says.
    with av.open(str(result.output)) as container:
        headers = [vp9_frames.parse_header(bytes(packet)) for packet in container.demux(video=0) if packet.size]
    assert len({header.sequence for header in headers if header.is_key}) == 1
    assert_faithful(spliced_again(result))


def test_without_an_encoder_of_more_bits_all_is_encoded(tmp_path, monkeypatch):
    source = deep(tmp_path / "a.webm")
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/bin/false")
    assert "no encoder fits" in chosen(source).reason


@pytest.mark.parametrize("suffix", ["webm", "mkv", "mp4"])
def test_a_recording_is_cut_as_what_it_is(suffix, tmp_path):
    sound = Sound([(0, 4)], codec="libopus")
    source = make(tmp_path / "a.webm", vp9(Fraction(30)), sound)
    output = tmp_path / f"cut.{suffix}"
    result = silence_cut.cut(Source(source, inspect(source)), CutParams(keep=KEEP), output, Workspace(tmp_path))
    assert result.render == "smart"
    assert result.report.ok
    assert result.frames_copied >= 60
    # Not every browser plays it.
    assert result.to_json()["everywhere_seconds"] > result.seconds["render"]
    expected, found = expected_pictures(source, result.plan), seen(output)
    assert [one.number for one in found] == [one.number for one in expected]
    assert all(abs(one.time - other.time) < Fraction(1, 1000) for one, other in zip(found, expected, strict=True))
    with av.open(str(output)) as container:
        assert container.streams.video[0].codec_context.name == "vp9"


@pytest.mark.parametrize("suffix", ["webm", "mov"])
def test_what_a_container_does_not_show_the_same_way_is_encoded(suffix, tmp_path):
    source = make(tmp_path / "a.mp4", vp9(Fraction(30), rotation=90), Sound([(0, 4)]))
    output = tmp_path / f"cut.{suffix}"
    result = silence_cut.cut(Source(source, inspect(source)), CutParams(keep=KEEP), output, Workspace(tmp_path))
    assert result.render == "encode"
    assert "needs another kind" in result.reason
    assert result.report.ok


def test_what_is_encoded_is_as_fine_as_the_source(tmp_path):
    picture = vp9(Fraction(30), options={"deadline": "good", "cpu-used": "8", "g": "30", "crf": "35", "b": "0"})
    result = spliced(make(tmp_path / "a.webm", picture))
    with av.open(str(result.output)) as container:
        packets = {packet.pts: bytes(packet) for packet in container.demux(video=0) if packet.size}
    stored = [packets[pts] for pts in sorted(packets)]
    encoded = [place for run in result.splice.runs if run.copied_from is None for place in range(run.first, run.end)]
    quantizers = {vp9_frames.parse_header(stored[place]).base_q_idx for place in encoded}
    assert result.splice.coded.quantizer >= 100
    assert max(abs(one - result.splice.coded.quantizer) for one in quantizers) <= 4
