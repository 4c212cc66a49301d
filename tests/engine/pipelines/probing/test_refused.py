"""Files that are turned away."""

import random
import zipfile

import pytest

from tests import media
from tests.engine.pipelines.probing.refusals import refusal


@pytest.mark.parametrize(
    "content",
    [
        b"just words, again and again\n" * 500,
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n" * 50,
        b"<!doctype html><video src=http://example.org/a.mp4></video>" * 20,
        b"\0" * 100_000,
        b"\xff" * 100_000,
        b"1\n00:00:00,000 --> 00:00:02,000\nOnly subtitles\n",
        b"x",
    ],
    ids=["text", "pdf", "html", "zeros", "ones", "subtitles", "one byte"],
)
@pytest.mark.parametrize("name", ["file", "file.mp4", "file.mp3"])
def test_what_is_no_recording_is_refused(content, name, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    assert refusal(path).code == "not_media"


@pytest.mark.parametrize("seed", range(8))
def test_random_bytes_are_refused(seed, tmp_path):
    path = tmp_path / "noise.mp3"
    path.write_bytes(random.Random(seed).randbytes(300_000))
    assert refusal(path).code in ("not_media", "damaged")


def test_an_archive_is_refused(mp4, tmp_path):
    path = tmp_path / "talk.mp4"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(mp4, "talk.mp4")
    assert refusal(path).code == "not_media"


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "empty.mp4"
    path.touch()
    assert refusal(path).code == "empty"
    assert refusal(tmp_path).code == "no_file"


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "bmp", "tiff", "avif"])
def test_pictures_are_refused_as_pictures(suffix, tmp_path):
    path = media.still(tmp_path / f"still.{suffix}")
    assert refusal(path).code == "image"
    disguised = path.rename(tmp_path / "still.mp4")
    assert refusal(disguised).code == "image"


def test_pictures_of_phones_are_refused_as_pictures(tmp_path):
    path = tmp_path / "IMG_0001.HEIC"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(1000))
    assert refusal(path).code == "image"
