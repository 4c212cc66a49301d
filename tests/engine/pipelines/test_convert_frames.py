"""Shape, rate and colours of converted recordings."""

import dataclasses
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from jobs.engine.model.colour import HLG, PQ
from jobs.engine.pipelines.convert import conversion
from jobs.engine.pipelines.convert.conversion import ConvertOptions
from jobs.engine.pipelines.convert.framing import Shape
from jobs.engine.probe.inspection import inspect
from jobs.engine.video import still, tonemap
from jobs.errors import InputError
from tests.clips import make, painted, seen
from tests.engine.pipelines.converting import SHORT, SOUND, run
from tests.picture_clips import clip


def picture_of(path: Path, place: int = 0) -> np.ndarray:
    """A picture as RGB, turned as the file says."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return frames[place].to_ndarray(format="rgb24").astype(int)


def test_a_phone_recording_comes_out_upright(tmp_path):
    source = make(tmp_path / "a.mp4", dataclasses.replace(SHORT, rotation=90), SOUND)
    _, output = run(source, ConvertOptions(quality="high"))
    track = inspect(output).video
    assert (track.width, track.height, track.rotation) == (96, 160, 0)
    truth = np.rot90(painted(21, (160, 96)), -1)
    assert np.abs(picture_of(output, 21).mean(2) - truth).mean() < 12


def test_pixels_that_are_not_square_stay_or_become_square_when_measured(tmp_path):
    source = make(tmp_path / "a.mp4", dataclasses.replace(SHORT, sample_aspect=Fraction(4, 3)))
    _, output = run(source, ConvertOptions(quality="small"))
    track = inspect(output).video
    assert (track.width, track.height, track.sample_aspect) == (160, 96, Fraction(4, 3))
    _, output = run(source, ConvertOptions(shape=Shape(resolution=72)))
    track = inspect(output).video
    assert (track.width, track.height, track.sample_aspect) == (160, 72, 1)


def test_it_enlarges_only_when_asked(tmp_path):
    source = make(tmp_path / "a.mp4", SHORT)
    made, _ = run(source, ConvertOptions(shape=Shape(resolution=192)))
    assert made.summary == "Copied as it was"
    made, output = run(source, ConvertOptions(shape=Shape(resolution=192, enlarge=True)))
    assert inspect(output).video.display_size == (320, 192)


@pytest.mark.parametrize(
    ("crop", "box"), [("80x40+20+10", (20, 10, 100, 50)), ("1:1", (32, 0, 128, 96)), ("2:1", (0, 8, 160, 88))]
)
def test_the_kept_part_is_the_one_asked_for_then_turned(crop, box, tmp_path):
    def corners(frame: int) -> np.ndarray:
        rows, columns = np.mgrid[:96, :160]
        return np.stack([columns, rows * 2, (columns + rows) % 64], axis=-1).astype(np.uint8)

    source = clip(tmp_path / "a.mp4", 3, corners, options={"crf": "2"}, tags={"colorspace": 6})
    _, output = run(source, ConvertOptions(quality="high", shape=Shape(crop=crop, rotate=90)))
    whole = picture_of(source)
    truth = np.rot90(whole[box[1] : box[3], box[0] : box[2]], -1)
    found = picture_of(output)
    assert found.shape == truth.shape
    assert np.abs(found - truth)[..., :2].mean() < 4


@pytest.mark.parametrize(("flip", "mirrored"), [("horizontal", np.fliplr), ("vertical", np.flipud)])
def test_what_is_flipped_is_the_turned_picture(flip, mirrored, tmp_path):
    def corners(frame: int) -> np.ndarray:
        rows, columns = np.mgrid[:96, :160]
        return np.stack([columns, rows * 2, (columns + rows) % 64], axis=-1).astype(np.uint8)

    source = clip(tmp_path / "a.mp4", 3, corners, options={"crf": "2"}, tags={"colorspace": 6})
    _, output = run(source, ConvertOptions(quality="high", shape=Shape(crop="80x40+20+10", rotate=90, flip=flip)))
    truth = mirrored(np.rot90(picture_of(source)[10:50, 20:100], -1))
    assert np.abs(picture_of(output) - truth)[..., :2].mean() < 4


def test_another_frame_rate_shows_what_was_on_show_then(tmp_path):
    source = make(tmp_path / "a.mp4", SHORT, SOUND)
    _, output = run(source, ConvertOptions(shape=Shape(frame_rate=Fraction(10))))
    found = seen(output)
    assert [one.time for one in found] == [Fraction(number, 10) for number in range(20)]
    # fps takes the picture nearest to each instant; 25 a second has one every 40 ms.
    assert all(abs(Fraction(one.number, 25) - one.time) <= Fraction(1, 10) for one in found)
    assert len({one.number for one in found}) == 20


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        (Shape(crop="80x40+100+10"), "outside"),
        (Shape(crop="8x8+0+0"), "too_small"),
        (Shape(crop="0:1"), "bad_crop"),
        (Shape(crop="9:9000"), "too_small"),
        (Shape(crop="160x16+0+0", resolution=4000, enlarge=True), "too_large"),
    ],
)
def test_a_shape_that_cannot_be_had_is_refused_before_any_work(shape, code, tmp_path):
    with pytest.raises(InputError) as refused:
        conversion.check(inspect(make(tmp_path / "a.mp4", SHORT)), ConvertOptions(shape=shape))
    assert refused.value.code == code


@pytest.fixture(params=["smpte2084", "arib-std-b67"])
def hdr(request, tmp_path):
    """Bars from black to several times paper white, and strong colours, as HDR in BT.2020."""
    transfer = {"smpte2084": PQ, "arib-std-b67": HLG}[request.param]
    colours = [
        [0, 0, 0],
        [0.3] * 3,
        [0.5] * 3,
        [0.6] * 3,
        [0.75] * 3,
        [0.6, 0.2, 0.2],
        [0.2, 0.55, 0.3],
        [0.3, 0.3, 0.6],
    ]

    def bars(frame: int) -> np.ndarray:
        return np.repeat((np.array(colours) * 65535).astype(np.uint16)[None], 96, axis=0).repeat(20, axis=1)

    params = f"log-level=none:bframes=0:colorprim=bt2020:colormatrix=bt2020nc:transfer={request.param}"
    return clip(
        tmp_path / "a.mp4",
        3,
        bars,
        codec="libx265",
        pixels="yuv420p10le",
        matrix=9,
        options={"crf": "4", "x265-params": params},
        tags={"color_trc": transfer, "color_primaries": 9, "colorspace": 9, "color_range": 1},
    )


def test_hdr_looks_as_its_thumbnails_do(hdr):
    made, output = run(hdr, ConvertOptions(quality="high"))
    assert made.tone_mapped
    assert "HDR brought to usual colours" in made.summary
    track = inspect(output).video
    assert (track.hdr, track.pixel_format) == (False, "yuv420p")
    pictures = []
    for path in (hdr, output):
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
        pictures.append(np.asarray(still.drawn(frame, inspect(path).video, 160), int))
    assert (frame.color_primaries, frame.color_trc, frame.colorspace) == (1, 1, 1)
    # The middles of the bars: chroma has half the resolution.
    middles = np.abs(pictures[0] - pictures[1])[40:56, 10::20]
    assert middles.max() <= 4
    assert np.ptp(pictures[0][48, 10:100:20, 0]) > 150


def test_hdr_is_kept_when_asked_or_never_in_h264(hdr):
    made, output = run(hdr, ConvertOptions("hevc", keep_hdr=True))
    assert made.summary == "Copied as it was"
    made, output = run(hdr, ConvertOptions("av1", keep_hdr=True))
    assert (inspect(output).video.hdr, inspect(output).video.pixel_format) == (True, "yuv420p10le")
    assert not made.tone_mapped
    made, output = run(hdr, ConvertOptions("mp4", keep_hdr=True))
    assert not inspect(output).video.hdr


def test_a_colour_table_says_what_thumbnails_are_made_by(tmp_path):
    path = tmp_path / "a.cube"
    tonemap.write_cube(path, PQ, 9, size=5)
    table = np.loadtxt(path, skiprows=1).reshape(5, 5, 5, 3)
    # Blue changes slowest: the place of (red 0.5, green 0.25, blue 0).
    signal = np.array([[[0.5, 0.25, 0]]], np.float32)
    assert table[0, 1, 2] == pytest.approx(tonemap.srgb_of(signal, PQ, 9)[0, 0], abs=1e-5)
