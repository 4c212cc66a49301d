"""What is encoded as a whole keeps its bits and its light: 10 bit HEVC for what has more than eight or is HDR."""

import dataclasses
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.sidedata.sidedata import Type

from jobs.engine.edit.cut_plan import CutParams
from jobs.engine.pipelines import silence_cut as cutting
from jobs.engine.pipelines.timeline_render import RenderOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video import chunked_encoder, encoder_settings, hdr_metadata
from jobs.engine.video.source import Source
from tests.clips import Picture, make
from tests.splices import errors_of, frames_of, psnr

MASTERED = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
PQ = f"colorprim=9:transfer=16:colormatrix=9:master-display={MASTERED}:max-cll=1000,400"


def coded(codec: str = "libx265", params: str = "", pixels: str = "yuv420p10le") -> Picture:
    name = codec.removeprefix("lib")
    options = {"preset": "ultrafast", "crf": "14", "g": "25", f"{name}-params": params}
    return Picture(seconds=2, codec=codec, pixel_format=pixels, options=options)


RECORDINGS = {
    "10 bit": (coded(), "yuv420p10le"),
    "10 bit H.264": (coded("libx264"), "yuv420p10le"),
    "full range": (coded(params="range=full"), "yuv420p10le"),
    "PQ": (coded(params=PQ), "yuv420p10le"),
    "HLG": (coded(params="colorprim=9:transfer=18:colormatrix=9"), "yuv420p10le"),
    "8 bit that say HDR": (
        coded("libx264", "colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc", "yuv420p"),
        "yuv420p10le",
    ),
    "4:2:2": (coded("libx264", pixels="yuv422p10le"), "yuv420p10le"),
    "8 bit": (coded("libx264", pixels="yuv420p"), "yuv420p"),
}
FULL = 2
TAGS = ("color_primaries", "color_trc", "colorspace")


def cut(source: Path, name: str = "cut.mp4") -> Path:
    output = source.with_name(name)
    params = CutParams(keep=((Fraction("0.2"), Fraction(1)), (Fraction("1.2"), Fraction(2))))
    result = cutting.cut(
        Source(source, inspect(source)), params, output, Workspace(source.parent), RenderOptions(way="encode")
    )
    assert result.report.ok
    return output


@pytest.mark.parametrize("name", RECORDINGS)
def test_pictures_keep_their_bits_their_colours_and_their_light(name, tmp_path, monkeypatch):
    monkeypatch.setattr(chunked_encoder, "CHUNK_SECONDS", Fraction(1, 4))
    monkeypatch.setattr(chunked_encoder, "KEYFRAME_SECONDS", Fraction(1, 4))
    made, pixels = RECORDINGS[name]
    source = make(tmp_path / "a.mp4", made)
    output = cut(source)
    before = [frame for frame in frames_of(source).values() if not 1 <= frame.time < 1.2 and frame.time >= 0.2]
    after = list(frames_of(output).values())
    assert {frame.format.name for frame in after} == {pixels}
    assert len(before) == len(after)
    for left, right in zip(before, after, strict=True):
        assert {tag: getattr(left, tag) for tag in TAGS} == {tag: getattr(right, tag) for tag in TAGS}
        # What says nothing of its range has the limited one.
        assert (left.color_range == FULL) == (right.color_range == FULL)
        assert told(left) == told(right)
        assert psnr(left.reformat(format=pixels), right) > 40
    with av.open(str(output)) as container:
        tag = container.streams.video[0].codec_context.codec_tag
    assert tag == ("avc1" if pixels == "yuv420p" else "hvc1")
    assert inspect(output).video.hdr == inspect(source).video.hdr
    assert errors_of(output) == ""


@pytest.mark.parametrize("name", ["10 bit", "full range", "HLG"])
def test_in_webm_they_keep_bits_and_colours_as_vp9(name, tmp_path, monkeypatch):
    monkeypatch.setattr(chunked_encoder, "CHUNK_SECONDS", Fraction(1, 4))
    monkeypatch.setattr(chunked_encoder, "KEYFRAME_SECONDS", Fraction(1, 4))
    made = dataclasses.replace(RECORDINGS[name][0], rotation=90, sample_aspect=Fraction(4, 3))
    source = make(tmp_path / "a.mp4", made)
    output = cut(source, "cut.webm")
    before = [frame for frame in frames_of(source).values() if not 1 <= frame.time < 1.2 and frame.time >= 0.2]
    after = list(frames_of(output).values())
    assert {frame.format.name for frame in after} == {"yuv420p10le"}
    assert len(before) == len(after)
    for left, right in zip(before, after, strict=True):
        assert (left.colorspace, left.color_range == FULL) == (right.colorspace, right.color_range == FULL)
        # WebM does not say which way is up.
        turned = np.rot90(left.to_ndarray()[: left.height], -1).astype(float)
        assert np.abs(turned - right.to_ndarray()[: right.height]).mean() < 4
    shown, wanted = inspect(output).video, inspect(source).video
    assert (shown.codec, shown.hdr, shown.rotation) == ("vp9", wanted.hdr, 0)
    assert shown.sample_aspect == Fraction(3, 4)


def told(frame: av.VideoFrame) -> list[tuple[str, list[Fraction]]]:
    """Of display and light, as fractions that compare."""
    found = []
    if data := frame.side_data.get(Type.MASTERING_DISPLAY_METADATA):
        numbers = struct.unpack("=22i", bytes(data))
        found.append(("display", [Fraction(*numbers[place : place + 2]) for place in range(0, 20, 2)]))
    if data := frame.side_data.get(Type.CONTENT_LIGHT_LEVEL):
        found.append(("light", list(struct.unpack("=2I", bytes(data))[:2])))
    return found


def test_a_recording_says_how_bright_its_display_was(tmp_path):
    frame = next(iter(frames_of(make(tmp_path / "a.mp4", coded(params=PQ))).values()))
    assert hdr_metadata.x265_options(frame) == [f"master-display={MASTERED}", "max-cll=1000,400"]


def test_one_that_says_nothing_or_nonsense_gets_no_such_options():
    frame = av.VideoFrame.from_ndarray(np.zeros((48, 32), np.uint8), format="gray")
    assert hdr_metadata.x265_options(frame) == []
    assert hdr_metadata._display(struct.pack("=22i", *[1, 0] * 10, 1, 1)) == []
    assert hdr_metadata._display(struct.pack("=22i", *[-1, 2] * 10, 1, 1)) == []
    assert hdr_metadata._display(struct.pack("=22i", *[1, 2] * 10, 0, 1)) == []


@pytest.mark.parametrize(
    ("pixels", "is_hdr", "coder"),
    [
        ("yuv420p", False, encoder_settings.H264),
        ("yuvj422p", False, encoder_settings.H264),
        ("rgb24", False, encoder_settings.H264),
        ("", False, encoder_settings.H264),
        ("yuv420p", True, encoder_settings.HEVC),
        ("yuv420p10le", False, encoder_settings.HEVC),
        ("gbrp12le", False, encoder_settings.HEVC),
        ("p010le", False, encoder_settings.HEVC),
    ],
)
def test_bits_and_light_choose_the_encoder(pixels, is_hdr, coder):
    assert encoder_settings.encoder_spec_for(pixels, is_hdr=is_hdr) is coder
