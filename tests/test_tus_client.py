"""A client that others wrote: tuspy against the real web process."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed
from tusclient.storage.filestorage import FileStorage

from jobs.models import Video
from tests import media
from tests.site import Site


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    return media.video(tmp_path / "talk.mp4", seconds=2)


def tuspy(site: Site, email: str = "tus@example.org") -> TusClient:
    return TusClient(f"{site.url}/uploads", headers={"Authorization": f"Bearer {site.token(email)}"})


def test_it_uploads(site: Site, talk: Path):
    uploader = tuspy(site).uploader(str(talk), chunk_size=10_000, metadata={"filename": "talk.mp4"})
    uploader.upload()
    with site.orm():
        video = Video.objects.get(pk=uploader.request.response_headers["video-id"])
    assert (site.media / video.key).read_bytes() == talk.read_bytes()


def test_it_uploads_with_checksums(site: Site, talk: Path):
    uploader = tuspy(site).uploader(str(talk), chunk_size=10_000, upload_checksum=True)
    uploader.upload()
    assert uploader.request.response_headers["video-id"]


def test_it_resumes(site: Site, talk: Path, tmp_path: Path):
    kept = FileStorage(str(tmp_path / "urls"))
    client = tuspy(site)
    first = client.uploader(str(talk), chunk_size=10_000, store_url=True, url_storage=kept)
    first.upload_chunk()
    second = client.uploader(str(talk), chunk_size=10_000, store_url=True, url_storage=kept)
    assert (second.url, second.offset) == (first.url, 10_000)
    second.upload()
    assert second.request.response_headers["video-id"]


def test_it_resumes_after_the_web_process_was_killed(make_web_site: Callable[..., Site], talk: Path):
    site = make_web_site()
    uploader = tuspy(site).uploader(str(talk), chunk_size=10_000, retries=20, retry_delay=1)
    uploader.upload_chunk()
    site.kill(site.processes["web"])
    site.start_web()
    uploader.upload()
    assert uploader.request.response_headers["video-id"]


def test_it_is_told_why_a_file_is_refused(site: Site, tmp_path: Path):
    path = tmp_path / "talk.mp4"
    path.write_bytes(b"no recording at all, only words " * 100)
    with pytest.raises(TusUploadFailed) as refusal:
        tuspy(site).uploader(str(path), chunk_size=1000).upload()
    assert refusal.value.status_code == 415
    assert b"not a video or audio recording" in refusal.value.response_content


def test_it_is_told_that_chunks_are_bounded(site: Site, tmp_path: Path):
    path = tmp_path / "talk.mp4"
    with path.open("wb") as file:
        file.truncate(50 * 1024**2)
    with pytest.raises(TusUploadFailed) as refusal:
        tuspy(site).uploader(str(path)).upload()
    assert (refusal.value.status_code, b"8 MB" in refusal.value.response_content) == (413, True)


def test_it_is_told_that_an_empty_file_is_refused(site: Site, tmp_path: Path):
    path = tmp_path / "talk.mp4"
    path.touch()
    with pytest.raises(TusCommunicationError) as refusal:
        tuspy(site).uploader(str(path)).upload()
    assert b"The file is empty" in refusal.value.response_content
