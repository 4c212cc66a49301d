"""Images come the same way."""

from pathlib import Path

import pytest

from jobs.models import Image, Upload
from tests import media
from tests.site import Client, Site
from tests.tus import TUS, begin, begun, patch, upload
from tests.uploads.parts import MIB, code, left, picture


@pytest.mark.parametrize("said", [{"filename": "logo.PNG"}, {"kind": "image"}, {"filetype": "image/png"}])
def test_an_image_comes_the_same_way(site: Site, ann: Client, tmp_path: Path, said: dict[str, str]):
    data = picture(tmp_path)
    location = begun(ann, len(data), **said)
    answer = patch(ann, location, 0, data)
    pk = location.rpartition("/")[2]
    assert (answer.status_code, answer.headers["Image-Id"]) == (204, pk)
    again = ann.head(location, headers=TUS)
    assert (again.status_code, again.headers["Image-Id"]) == (200, pk)
    with site.orm():
        assert not Upload.objects.filter(pk=pk)
        kept = Image.objects.get(pk=pk)
        assert (kept.width, kept.height) == (64, 36)


def test_a_recording_that_claims_to_be_an_image_is_refused(site: Site, ann: Client, tmp_path: Path):
    before = left(site)
    answer = upload(ann, media.video(tmp_path / "talk.mp4", seconds=1).read_bytes(), kind="image")
    assert (answer.status_code, code(answer)) == (415, "not_image")
    assert left(site) == before


def test_the_page_expects_recordings_only(site: Site, ann: Client, tmp_path: Path):
    answer = upload(ann, picture(tmp_path), filename="logo.png", kind="recording")
    assert (answer.status_code, code(answer)) == (415, "image")


def test_an_image_of_unlikely_size_is_refused_at_once(ann: Client):
    answer = begin(ann, 100 * MIB, kind="image")
    assert (answer.status_code, code(answer)) == (413, "too_large")
