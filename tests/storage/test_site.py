"""A whole site whose files lie in a bucket, and one that moves there while it runs."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tusclient.client import TusClient

from jobs.models import Image, Upload, Video
from tests import media, pictures
from tests.servers import ObjectStorage
from tests.site import Client, Site
from tests.tus import TUS, begun, offset, patch
from tests.uploads.parts import MIB

MANY = 6 * MIB


@pytest.fixture(scope="module")
def talks(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Recordings of 6 MiB, each with bytes of its own."""
    short = media.video(tmp_path_factory.mktemp("site") / "talk.mp4", seconds=1).read_bytes()
    return [short + MANY.to_bytes(4, "big") + b"free" + os.urandom(MANY - 8) for _ in range(4)]


def send(client: Client, data: bytes, location: str = "", chunk: int = 5 * MIB) -> str:
    """Send what is missing of it; the id of the recording."""
    location = location or begun(client, len(data), filename="talk.mp4")
    video = ""
    for start in range(offset(client, location), len(data), chunk):
        answer = patch(client, location, start, data[start : start + chunk])
        assert answer.status_code == 204, answer.text
        video = answer.headers.get("Video-Id", "")
    assert video
    return video


def fetched(client: Client, video: str) -> bytes:
    answer = client.get(f"/videos/{video}/file?download")
    assert answer.status_code == 200, answer.text
    return answer.content


def test_recordings_come_into_a_bucket_on_every_way(
    make_web_site: Callable[..., Site], bucket: ObjectStorage, talks: list[bytes], tmp_path: Path
) -> None:
    site = make_web_site(webs=2, STORAGE_URL=bucket.url("site"), **bucket.env)
    client, (first, second, third, _) = site.client("ann@example.org"), talks
    by_chunks = send(client, first)
    assert fetched(client, by_chunks) == first

    # Whoever takes the next chunk: the one that took the first is gone.
    location = begun(client, len(second), filename="talk.mp4")
    assert patch(client, location, 0, second[: 2 * MIB]).status_code == 204
    site.kill(site.processes["web1"])
    client.close()
    assert fetched(client, send(client, second, location)) == second
    assert client.head(location, headers=TUS).headers["Video-Id"]

    # A client that others wrote, which knows nothing of parts.
    file = tmp_path / "talk.mp4"
    file.write_bytes(third)
    theirs = TusClient(f"{site.url}/uploads", headers={"Authorization": f"Bearer {site.token('ann@example.org')}"})
    uploader = theirs.uploader(str(file), chunk_size=3_000_000, metadata={"filename": "talk.mp4"}, upload_checksum=True)
    uploader.upload()
    assert fetched(client, uploader.request.response_headers["video-id"]) == third

    short = third[:-MANY]
    form = client.post("/api/v1/videos", files={"file": ("talk.mp4", short)})
    assert form.status_code == 201 and fetched(client, form.json()["id"]) == short
    assert client.post("/api/v1/images", files={"file": ("logo.png", pictures.logo())}).status_code == 201
    with site.orm():
        kept = [*Video.objects.all(), *Image.objects.all()]
        assert not Upload.objects.exists()
    there = {key.removeprefix("site/") for key in bucket.keys("site/")}
    assert {one.key for one in kept} <= there
    assert not [key for key in there if key.startswith("uploads/")]
    assert not [file for file in site.media.rglob("*") if file.is_file() and "copies" not in file.parts], "nothing here"


def test_a_site_moves_into_a_bucket_while_people_upload(
    make_web_site: Callable[..., Site], bucket: ObjectStorage, talks: list[bytes]
) -> None:
    site = make_web_site(**bucket.env)
    client, there = site.client("ann@example.org"), {}
    before, under_way, between, after = talks

    def come(data: bytes, location: str = "") -> None:
        there[send(client, data, location)] = data

    def restart(**env: str) -> None:
        site.env |= {"STORAGE_URL": "", "STORAGE_ALSO": ""} | env
        site.restart_web()
        for video, data in there.items():
            assert hashlib.sha256(fetched(client, video)).digest() == hashlib.sha256(data).digest()

    address = bucket.url("site")
    come(before)
    location = begun(client, len(under_way), filename="talk.mp4")
    assert patch(client, location, 0, under_way[: 5 * MIB]).status_code == 204
    assert "in STORAGE_ALSO and restart" in site.manage("move_storage", "--to", address).stdout
    restart(STORAGE_ALSO=address)
    come(between)
    restart(STORAGE_URL=address, STORAGE_ALSO=str(site.media))
    assert offset(client, location) == 5 * MIB, "what has arrived is not sent again"
    come(under_way, location)
    come(after)
    assert "Take STORAGE_ALSO away" in site.manage("move_storage", "--to", address).stdout
    shutil.rmtree(site.media)
    site.media.mkdir()
    restart(STORAGE_URL=address)
    assert len(there) == 4
    assert "Files and rows fit together" in site.manage("sweep").stdout
