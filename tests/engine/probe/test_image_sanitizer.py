import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from jobs.engine.probe import image_sanitizer
from jobs.errors import InputError
from tests import media, pictures


def cleaned(tmp_path, data: bytes) -> Image.Image:
    image_sanitizer.clean(pictures.written(tmp_path / "in", data), tmp_path / "out.png")
    return Image.open(tmp_path / "out.png")


def refused(tmp_path, data: bytes) -> str:
    out = tmp_path / "out.png"
    with pytest.raises(InputError) as raised:
        image_sanitizer.clean(pictures.written(tmp_path / "in", data), out)
    assert raised.value.message.endswith(".")
    assert not out.exists()
    return raised.value.code


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_it_takes_the_formats_that_browsers_show(tmp_path, kind):
    kept = cleaned(tmp_path, pictures.logo((20, 10), (200, 100, 50, 255), kind))
    assert (kept.format, kept.mode, kept.size) == ("PNG", "RGBA", (20, 10))
    assert np.abs(np.subtract(kept.getpixel((9, 5)), (200, 100, 50, 255))).max() <= 3


def test_alpha_is_kept(tmp_path):
    assert cleaned(tmp_path, pictures.logo((4, 4), (1, 2, 3, 77))).getpixel((2, 2)) == (1, 2, 3, 77)


def test_a_palette_with_a_transparent_colour_becomes_alpha(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((1, 0), 1)
    kept = cleaned(tmp_path, pictures.encoded(image, transparency=1))
    assert kept.getpixel((0, 0)) == (255, 0, 0, 255)
    assert kept.getpixel((1, 0))[3] == 0


def test_a_photograph_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise by 90 degrees
    image = Image.new("RGB", (40, 20), "black")
    image.paste((255, 255, 255), (0, 0, 20, 20))  # its left half becomes the upper one
    kept = cleaned(tmp_path, pictures.encoded(image, "JPEG", exif=exif, quality=95))
    assert kept.size == (20, 40)
    assert kept.getpixel((10, 5))[0] > 240
    assert kept.getpixel((10, 35))[0] < 15


def test_what_else_the_file_carried_is_gone(tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "taken at my home"
    image = Image.new("RGB", (8, 8))
    cleaned(tmp_path, pictures.encoded(image, "JPEG", exif=exif, comment=b"taken at my home"))
    assert b"my home" not in (tmp_path / "out.png").read_bytes()


def test_colours_are_brought_into_srgb(tmp_path):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    image = Image.new("RGB", (4, 4), (10, 200, 30))
    kept = cleaned(tmp_path, pictures.encoded(image, icc_profile=lab.tobytes()))
    assert np.abs(np.subtract(kept.getpixel((1, 1))[:3], (10, 200, 30))).max() <= 1
    assert "icc_profile" not in kept.info
    assert cleaned(tmp_path, pictures.encoded(image, icc_profile=b"no profile at all")).getpixel((1, 1))[1] == 200


def test_a_huge_picture_is_kept_smaller(tmp_path):
    assert cleaned(tmp_path, pictures.logo((8192, 16))).size == (4096, 8)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    assert len(out.getvalue()) < 100_000
    assert refused(tmp_path, out.getvalue()) == "image_too_large"


def test_a_moving_picture_is_refused(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    moving = pictures.encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    assert refused(tmp_path, moving) == "animated"


@pytest.mark.parametrize(
    "data",
    [
        b"GIF89a" + bytes(50),
        b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"just text",
    ],
)
def test_other_formats_are_refused_whatever_they_are_called(tmp_path, data):
    assert refused(tmp_path, data) == "not_image"


def test_a_recording_is_no_image(tmp_path):
    assert refused(tmp_path, media.video(tmp_path / "talk.mp4", seconds=1).read_bytes()) == "not_image"


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_a_cut_off_image_is_refused(tmp_path, kind):
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (90, 160, 3), np.uint8))
    data = pictures.encoded(noise, kind)
    assert refused(tmp_path, data[: len(data) // 2]) == "damaged"


def test_an_empty_file_and_a_huge_one_are_refused_unread(tmp_path):
    assert refused(tmp_path, b"") == "empty"
    big = tmp_path / "big"
    with big.open("wb") as file:
        file.truncate(image_sanitizer.MAXIMUM_BYTES + 1)
    with pytest.raises(InputError, match="limit is 32 MB"):
        image_sanitizer.clean(big, tmp_path / "out.png")
