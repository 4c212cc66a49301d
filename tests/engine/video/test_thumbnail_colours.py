"""Colours and shape of thumbnails."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from jobs.engine.model.colour import HLG, PQ
from jobs.engine.probe.inspection import inspect
from tests.engine.video.grabbing import COLOUR_TOLERANCE, X264, grabbed, middle
from tests.media import run_ffmpeg
from tests.picture_clips import SIZE, clip, counted, solid

COLOUR = (200, 60, 30)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv420p10le", "yuv444p"])
@pytest.mark.parametrize("matrix", [1, 6, 9])
def test_colours_are_those_that_were_painted(tmp_path, matrix, full, pixels):
    path = clip(
        tmp_path / "clip.mp4",
        2,
        lambda n: solid(COLOUR),
        options=X264,
        pixels=pixels,
        matrix=matrix,
        full=full,
        tags={"colorspace": matrix, "color_range": 2 if full else 1},
    )

    (frame,) = grabbed(path, 0)

    assert middle(frame.image) == pytest.approx(COLOUR, abs=COLOUR_TOLERANCE)


@pytest.mark.parametrize(("size", "matrix"), [(SIZE, 6), ((1280, 720), 1)])
def test_untagged_colours_are_read_as_players_do(tmp_path, size, matrix):
    path = clip(tmp_path / "clip.mp4", 1, lambda n: solid(COLOUR, size), options=X264, matrix=matrix)

    (frame,) = grabbed(path, 0)

    assert middle(frame.image) == pytest.approx(COLOUR, abs=COLOUR_TOLERANCE)


def test_black_and_white_use_the_whole_range(tmp_path):
    def halves(frame: int) -> np.ndarray:
        return np.concatenate([solid([0, 0, 0]), solid([255, 255, 255])])

    (frame,) = grabbed(clip(tmp_path / "clip.mp4", 2, halves, options=X264), 0)

    assert frame.image.getpixel((80, 20)) == (0, 0, 0)
    assert frame.image.getpixel((80, 170)) == (255, 255, 255)


BT709_TO_BT2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
NITS = [(0, 0, 0), (10, 10, 10), (40, 40, 40), (100, 100, 100), (203, 203, 203), (600, 600, 600), (150, 5, 5)]


def pq_signal(nits: np.ndarray) -> np.ndarray:
    light = np.power(nits / 10_000, 2610 / 16384)
    return np.power((3424 / 4096 + 2413 / 128 * light) / (1 + 2392 / 128 * light), 2523 / 32)


def hlg_signal(nits: np.ndarray) -> np.ndarray:
    luma = np.maximum(nits @ [0.2627, 0.6780, 0.0593], 1e-9) / 1000
    scene = nits / 1000 * luma ** (-0.2 / 1.2)
    return np.where(
        scene <= 1 / 12, np.sqrt(3 * scene), 0.17883277 * np.log(12 * scene.clip(0.03) - 0.28466892) + 0.55991073
    )


@pytest.mark.parametrize(("transfer", "signal"), [(PQ, pq_signal), (HLG, hlg_signal)])
def test_hdr_becomes_a_plausible_sdr_picture(tmp_path, transfer, signal):
    def bars(frame: int) -> np.ndarray:
        columns = [signal(np.maximum(BT709_TO_BT2020 @ np.array(nits), 0)).clip(0, 1) for nits in NITS]
        return np.repeat((np.array(columns) * 65535).astype(np.uint16)[None], 96, axis=0).repeat(32, axis=1)

    path = clip(
        tmp_path / "clip.mp4",
        2,
        bars,
        codec="libx265",
        pixels="yuv420p10le",
        matrix=9,
        options={
            "crf": "4",
            "x265-params": "log-level=none:bframes=0:colorprim=bt2020:colormatrix=bt2020nc:transfer="
            + {PQ: "smpte2084", HLG: "arib-std-b67"}[transfer],
        },
        tags={"color_trc": transfer, "color_primaries": 9, "colorspace": 9, "color_range": 1},
    )
    assert inspect(path).video.hdr

    (frame,) = grabbed(path, 0, width=1000)
    *greys, red = [frame.image.getpixel((32 * bar + 16, 48)) for bar in range(len(NITS))]

    assert greys[0] == (0, 0, 0)
    # Up to 60 % of paper white light is kept: 40 of 203 nits are 123 in sRGB.
    assert greys[2] == pytest.approx((123, 123, 123), abs=5)
    assert 225 <= greys[4][0] <= 245
    levels = [grey[0] for grey in greys]
    assert levels == sorted(set(levels))
    assert max(max(grey) - min(grey) for grey in greys) <= 3
    assert red[0] > 190
    assert max(red[1:]) < 60


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_turned_recordings_come_out_upright(tmp_path, turned):
    def corner(frame: int) -> np.ndarray:
        painted = solid([40, 40, 40])
        painted[:48, :80] = COLOUR
        return painted

    clip(tmp_path / "clip.mp4", 3, corner, options=X264)
    path = tmp_path / "turned.mp4"
    run_ffmpeg("-display_rotation", turned, "-i", tmp_path / "clip.mp4", "-c", "copy", path)
    # What ffmpeg itself makes of the mark is the truth.
    run_ffmpeg("-i", path, "-frames:v", "1", tmp_path / "truth.png")
    truth = Image.open(tmp_path / "truth.png").convert("RGB")

    (frame,) = grabbed(path, 0, width=1000)

    assert frame.image.size == truth.size
    assert np.abs(np.asarray(frame.image).astype(int) - np.asarray(truth)).mean() < 3


def test_oblong_samples_become_square_ones(tmp_path):
    path = clip(tmp_path / "clip.mp4", 2, options=X264, aspect=Fraction(4, 3))

    assert grabbed(path, 0, width=1000)[0].image.size == (213, 96)
    assert grabbed(path, 0, width=100)[0].image.size == (100, 45)


def test_the_height_follows_the_width_also_when_turned(tmp_path):
    clip(tmp_path / "clip.mp4", 2, options=X264, aspect=Fraction(4, 3))
    path = tmp_path / "turned.mp4"
    run_ffmpeg("-display_rotation", 90, "-i", tmp_path / "clip.mp4", "-c", "copy", path)

    assert grabbed(path, 0, width=48)[0].image.size == (48, 106)


def test_odd_sizes_are_kept_and_nothing_is_enlarged(tmp_path):
    path = clip(tmp_path / "clip.mkv", 2, lambda n: counted(n, (75, 43)), codec="ffv1", pixels="yuv444p")

    assert grabbed(path, 0, width=3840)[0].image.size == (75, 43)
    assert grabbed(path, 0, width=33)[0].image.size == (33, 19)
