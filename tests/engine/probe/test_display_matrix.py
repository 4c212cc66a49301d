"""Pictures turned and mirrored in all eight ways: each is seen the right way up, whatever is done to it."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from jobs.engine.edit.cut_plan import CutParams
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.pipelines import trailer, watermark
from jobs.engine.pipelines.convert.conversion import ConvertOptions
from jobs.engine.pipelines.convert.convert import convert
from jobs.engine.pipelines.convert.framing import Shape
from jobs.engine.pipelines.silence_cut import cut
from jobs.engine.pipelines.timeline_render import RenderOptions
from jobs.engine.pipelines.trailer import TrailerOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.verify.verify import file_faults
from jobs.engine.video import storyboard, thumbnails
from jobs.engine.video.overlay import OverlayOptions
from jobs.engine.video.source import Source
from tests import media, pictures
from tests.clips import Sound, make

WAYS = list(itertools.product((0, 90, 180, 270), (False, True)))
"""Clockwise degrees, and whether left and right change places after that."""
CORNERS = ((200, 40, 40), (40, 200, 60), (40, 60, 220), (220, 220, 40))
"""The colours of the corners as they are stored: upper left, upper right, lower left, lower right."""
SIZE = (160, 96)
SMALL = {"scale": 0.1, "x_offset": 2, "y_offset": 2}


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Four seconds of four colours, with steps of sound."""
    folder = tmp_path_factory.mktemp("stored")
    sound = make(folder / "sound.wav", None, Sound([(0, 1), (2, 3)], codec="pcm_s16le", bit_rate=0))
    Image.fromarray(four(*SIZE)).save(folder / "four.png")
    moving = ("-vf", "noise=alls=6:allf=t,format=yuv420p")
    coding = ("-c:v", "libx264", "-preset", "ultrafast", "-g", 12, "-bf", 2, "-crf", 12)
    still = ("-loop", 1, "-framerate", 25, "-t", 4, "-i", folder / "four.png")
    media.run_ffmpeg(*still, "-i", sound, *moving, *coding, "-c:a", "aac", media.url(folder / "stored.mp4"))
    return folder / "stored.mp4"


def four(width, height):
    return np.array(CORNERS, np.uint8).reshape(2, 2, 3).repeat(height // 2, 0).repeat(width // 2, 1)


def turned(stored, folder, rotation, mirrored, name="turned.mp4"):
    """The same packets, said to be shown another way up."""
    flip = ("-display_hflip",) if mirrored else ()
    # ffmpeg counts the other way round.
    return media.remuxed(stored, folder / name, before=("-display_rotation", -rotation, *flip))


def wanted(rotation, mirrored):
    """The colours of the corners as they should be seen."""
    corners = np.rot90(np.array(CORNERS).reshape(2, 2, 3), -rotation // 90)
    return np.fliplr(corners) if mirrored else corners


def corners(image):
    """The colours in the middle of the quarters of a picture."""
    height, width = image.shape[:2]
    return image[height // 6 :: height * 2 // 3, width // 6 :: width * 2 // 3][:2, :2].astype(int)


def shown(path, folder):
    """A picture from the middle as ffmpeg's own player would show it."""
    media.run_ffmpeg("-ss", 0.5, "-i", media.url(path), "-frames:v", 1, folder / "shown.png")
    with Image.open(folder / "shown.png") as image:
        return np.asarray(image.convert("RGB"))


def is_right(image, way):
    # What 4:2:0, an encoder and a guess at the matrix of so small a picture cost.
    return np.abs(corners(image) - wanted(*way)).max() < 40


@pytest.fixture(params=WAYS, ids=lambda way: f"{way[0]}{'m' if way[1] else ''}")
def way(request):
    return request.param


def test_it_is_told_and_comes_back_from_what_is_kept(stored, tmp_path, way):
    for name in ("turned.mp4", "turned.mkv", "turned.mov"):
        info = inspect(turned(stored, tmp_path, *way, name))
        assert (info.video.rotation, info.video.mirrored) == way
        assert info.video.display_size == (SIZE[::-1] if way[0] in (90, 270) else SIZE)
        assert MediaInfo.from_json(info.to_json()) == info


def test_facts_that_were_kept_before_mirrors_were_known_can_be_read(stored):
    told = inspect(stored).to_json()
    del told["video"]["mirrored"]
    assert not MediaInfo.from_json(told).video.mirrored


@pytest.mark.parametrize("render", ["smart", "encode"])
def test_a_cut_is_seen_as_its_source(stored, tmp_path, way, render):
    source, output = turned(stored, tmp_path, *way), tmp_path / "cut.mp4"
    result = cut(
        Source(source, inspect(source)),
        CutParams(keep=((0.3, 2.5),)),
        output,
        Workspace(tmp_path),
        RenderOptions(way=render),
    )
    assert result.render == render
    assert is_right(shown(output, tmp_path), way)
    found = inspect(output).video
    assert (found.rotation, found.mirrored) == way


def test_a_result_that_lost_its_mirror_does_not_pass(stored, tmp_path):
    source, output = turned(stored, tmp_path, 90, True), tmp_path / "cut.mp4"
    result = cut(Source(source, inspect(source)), CutParams(keep=((0.3, 2.5),)), output, Workspace(tmp_path))
    spoilt = media.remuxed(output, tmp_path / "spoilt.mp4", before=("-display_rotation", -90))
    codes = [fault.code for fault in file_faults(spoilt, inspect(source), result.plan.timeline)]
    assert codes == ["orientation"]


def test_stills_and_storyboards_are_upright(stored, tmp_path, way):
    source = turned(stored, tmp_path, *way)
    info = inspect(source)
    (frame,) = thumbnails.grab(source, info, [Fraction(2)], width=160)
    assert is_right(np.asarray(frame.image.convert("RGB")), way)
    thumbnails.poster(source, info, tmp_path / "poster.jpg")
    with Image.open(tmp_path / "poster.jpg") as image:
        assert is_right(np.asarray(image.convert("RGB")), way)
    made = storyboard.make(source, info, tmp_path, width=64)
    with Image.open(made.sheets[0]) as image:
        tile = image.convert("RGB").crop((0, 0, *made.tile))
        assert is_right(np.asarray(tile), way)


@pytest.mark.parametrize(
    "look", [OverlayOptions(**SMALL), OverlayOptions(**SMALL, start=Fraction(3), end=Fraction(7, 2))]
)
def test_a_mark_is_where_a_viewer_expects_it(stored, tmp_path, way, look):
    source, output = turned(stored, tmp_path, *way), tmp_path / "marked.mp4"
    mark = watermark.Mark(image=pictures.written(tmp_path / "logo.png", pictures.logo((40, 20), (255, 0, 255, 255))))
    watermark.watermark(Source(source, inspect(source)), mark, look, output, Workspace(tmp_path))
    assert is_right(shown(output, tmp_path), way)
    info = inspect(output)
    at = Fraction(13, 4) if look.start else Fraction(1)
    (frame,) = thumbnails.grab(output, info, [at], width=info.video.display_size[0])
    seen = np.asarray(frame.image.convert("RGB")).astype(int)
    is_mark = (seen[..., 0] > 180) & (seen[..., 2] > 180) & (seen[..., 1] < 100)
    rows, columns = np.flatnonzero(is_mark.any(1)), np.flatnonzero(is_mark.any(0))
    width = info.video.display_size[0]
    box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    assert box == pytest.approx((2, 2, 2 + width / 10, 2 + width / 20), abs=2)


@pytest.mark.parametrize("way", [(0, True), (90, False), (90, True)])
@pytest.mark.parametrize("target", ["mp4", "webm"])
def test_a_converted_picture_is_upright(stored, tmp_path, way, target):
    source = turned(stored, tmp_path, *way)
    for options in (ConvertOptions(target), ConvertOptions(target, shape=Shape(resolution=64))):
        output = tmp_path / f"converted{options.kind.suffix}"
        convert(Source(source, inspect(source)), options, output, Workspace(tmp_path))
        assert is_right(shown(output, tmp_path), way)


@pytest.mark.parametrize("way", [(0, True), (270, True)])
def test_a_trailer_is_upright(stored, tmp_path, way):
    source = turned(stored, tmp_path, *way)
    trailer.trailer(
        Source(source, inspect(source)), TrailerOptions(Fraction(2), 1, 96), tmp_path / "out.mp4", Workspace(tmp_path)
    )
    assert is_right(shown(tmp_path / "out.mp4", tmp_path), way)
