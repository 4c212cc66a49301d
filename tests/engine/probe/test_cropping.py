"""Edges that the container crops: gone from every picture and size, and never stretched."""

from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from jobs.engine.edit.cut_plan import CutParams
from jobs.engine.model.mediainfo import ContainerCrop, MediaInfo
from jobs.engine.pipelines import trailer, watermark
from jobs.engine.pipelines.convert.conversion import ConvertOptions
from jobs.engine.pipelines.convert.convert import convert
from jobs.engine.pipelines.convert.framing import Shape
from jobs.engine.pipelines.silence_cut import cut
from jobs.engine.pipelines.timeline_render import RenderOptions
from jobs.engine.pipelines.trailer import TrailerOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video import storyboard, thumbnails
from jobs.engine.video.overlay import OverlayOptions
from jobs.engine.video.source import Source
from tests import media, pictures
from tests.clips import Sound, make
from tests.cropping import with_clap

STORED = (160, 96)
CROP = ContainerCrop(left=40, top=16, right=8, bottom=0)
SEEN = (112, 80)
EDGE, INSIDE, DISC = (220, 40, 40), (40, 60, 220), (230, 220, 60)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Four seconds of blue with a yellow square of 40 pixels in its middle, in a red frame that is to be cropped."""
    folder = tmp_path_factory.mktemp("plain")
    picture = np.full((STORED[1], STORED[0], 3), EDGE, np.uint8)
    picture[CROP.top :, CROP.left : STORED[0] - CROP.right] = INSIDE
    picture[36:76, 76:116] = DISC
    Image.fromarray(picture).save(folder / "picture.png")
    sound = make(folder / "sound.wav", None, Sound([(0, 1), (2, 3)], codec="pcm_s16le", bit_rate=0))
    still = ("-loop", 1, "-framerate", 25, "-t", 4, "-i", folder / "picture.png")
    coding = ("-vf", "noise=alls=6:allf=t,format=yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-g", 12)
    media.run_ffmpeg(*still, "-i", sound, *coding, "-crf", 10, "-c:a", "aac", media.url(folder / "plain.mp4"))
    return folder / "plain.mp4"


@pytest.fixture(scope="module", params=["a.mp4", "a.mkv", "a.mov"])
def source(request, plain, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cropped")
    (folder / "clap.mp4").write_bytes(with_clap(plain.read_bytes(), STORED, CROP))
    return media.remuxed(folder / "clap.mp4", folder / request.param)


def shown(path, folder):
    """A picture from the middle as ffmpeg shows it."""
    media.run_ffmpeg("-ss", 1, "-i", media.url(path), "-frames:v", 1, folder / "shown.png")
    with Image.open(folder / "shown.png") as image:
        return np.asarray(image.convert("RGB"))


def is_right(image):
    """No red edge, and a square that is one, in the middle as wide as it should be."""
    pixels = np.asarray(image, np.int16)
    height, width = pixels.shape[:2]
    factor = width / SEEN[0]
    assert height == pytest.approx(SEEN[1] * factor, abs=1.5)
    red = (pixels[..., 0] > 150) & (pixels[..., 1] < 110) & (pixels[..., 2] < 110)
    square = (pixels[..., 0] > 150) & (pixels[..., 1] > 150)
    rows, columns = np.flatnonzero(square.mean(1) > 0.1), np.flatnonzero(square.mean(0) > 0.1)
    box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    return red.mean() < 0.005 and box == pytest.approx([side * factor for side in (36, 20, 76, 60)], abs=2)


def test_the_size_is_the_cropped_one_and_comes_back_from_what_is_kept(source):
    info = inspect(source)
    assert (info.video.width, info.video.height) == info.video.display_size == SEEN
    assert info.video.crop == CROP
    assert MediaInfo.from_json(info.to_json()) == info


def test_facts_that_were_kept_before_crops_were_known_can_be_read(plain):
    info = inspect(plain)
    told = info.to_json()
    del told["video"]["crop"]
    assert MediaInfo.from_json(told) == info
    assert info.video.display_size == STORED


@pytest.mark.parametrize("way", ["smart", "encode"])
def test_a_cut_is_cropped(source, tmp_path, way):
    output = tmp_path / "cut.mp4"
    cut(
        Source(source, inspect(source)),
        CutParams(keep=((0.3, 2.5),)),
        output,
        Workspace(tmp_path),
        RenderOptions(way=way),
    )
    assert is_right(shown(output, tmp_path))
    assert inspect(output).video.display_size == SEEN
    with av.open(str(output)) as container:
        # Also where a player does not mind what the container says.
        assert is_right(next(container.decode(video=0)).to_ndarray(format="rgb24"))


def test_stills_and_storyboards_are_cropped(source, tmp_path):
    info = inspect(source)
    for width in (1000, 56):
        (frame,) = thumbnails.grab(source, info, [Fraction(2)], width=width)
        assert is_right(frame.image.convert("RGB"))
    thumbnails.poster(source, info, tmp_path / "poster.jpg")
    with Image.open(tmp_path / "poster.jpg") as image:
        assert is_right(image.convert("RGB"))
    made = storyboard.make(source, info, tmp_path, width=112)
    with Image.open(made.sheets[0]) as image:
        assert is_right(image.convert("RGB").crop((0, 0, *made.tile)))


def test_a_mark_lies_in_what_is_seen(source, tmp_path):
    output = tmp_path / "marked.mp4"
    mark = watermark.Mark(image=pictures.written(tmp_path / "logo.png", pictures.logo((10, 10), (0, 255, 0, 255))))
    look = OverlayOptions(scale=0.1, x_offset=4, y_offset=6)
    watermark.watermark(Source(source, inspect(source)), mark, look, output, Workspace(tmp_path))
    seen = np.asarray(shown(output, tmp_path), np.int16)
    assert is_right(seen)
    green = (seen[..., 1] > 180) & (seen[..., 0] < 110)
    rows, columns = np.flatnonzero(green.any(1)), np.flatnonzero(green.any(0))
    assert [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1] == pytest.approx([4, 6, 15, 17], abs=1)


@pytest.mark.parametrize(
    "options",
    [
        ConvertOptions("mp4"),
        ConvertOptions("mp4", shape=Shape(resolution=64)),
        ConvertOptions("webm"),
        ConvertOptions("hevc"),
    ],
)
def test_a_converted_picture_is_cropped(source, tmp_path, options):
    output = tmp_path / f"converted{options.kind.suffix}"
    convert(Source(source, inspect(source)), options, output, Workspace(tmp_path))
    assert is_right(shown(output, tmp_path))
    if not options.shape.resolution:
        assert inspect(output).video.display_size == SEEN
    with av.open(str(output)) as container:
        assert is_right(next(container.decode(video=0)).to_ndarray(format="rgb24"))


def test_a_trailer_is_cropped_and_not_stretched(source, tmp_path):
    trailer.trailer(
        Source(source, inspect(source)), TrailerOptions(Fraction(2), 1, 112), tmp_path / "out.mp4", Workspace(tmp_path)
    )
    assert is_right(shown(tmp_path / "out.mp4", tmp_path))
