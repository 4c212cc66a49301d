"""Uploads outlive breaks, a lost database and a server that is too busy to look."""

import hashlib
import io
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client as WebClient

from jobs.engine.runtime import subprocess_runner
from jobs.errors import ResourceError
from jobs.models import Account, Upload, Video
from jobs.services import arrivals, uploads
from tests import pictures
from tests.tus import TUS
from tests.uploads.parts import MIB, code, pending, stored


def test_a_break_in_the_middle_of_a_chunk_costs_no_more_than_the_chunk(owner: Account):
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise OSError("the client is gone")
            return super().read(size)

    upload = pending(owner, b"x" * 10, length=10 * MIB)
    with pytest.raises(OSError, match="gone"):
        uploads.append(upload, 10, Broken(b"y" * MIB))
    assert uploads.received(upload) == 10


def test_a_lost_database_does_not_cost_the_upload(owner: Account, talk: bytes, monkeypatch: pytest.MonkeyPatch):
    upload = pending(owner, talk, length=len(talk))
    with monkeypatch.context() as broken:

        def save(self, **options):
            raise OperationalError("the database went away")

        broken.setattr(Video, "save", save)
        with pytest.raises(OperationalError):
            uploads.finish(upload)
    assert stored() == {f"uploads/{upload.pk}.part"}
    assert uploads.finish(upload).sha256 == hashlib.sha256(talk).hexdigest()
    assert not (Path(settings.MEDIA_ROOT) / "uploads" / f"{upload.pk}.part").exists()


def test_a_server_without_room_to_look_does_not_cost_the_upload(
    owner: Account, talk: bytes, monkeypatch: pytest.MonkeyPatch
):
    upload = pending(owner, talk, length=len(talk))
    with monkeypatch.context() as full:

        def probe(*args, **options):
            raise ResourceError("The server's disk is full. Make room, then try again.", code="disk_full")

        full.setattr(arrivals, "probe", probe)
        with pytest.raises(ResourceError):
            uploads.finish(upload)
    assert stored() == {f"uploads/{upload.pk}.part"}
    assert uploads.finish(Upload.objects.get()).sha256 == hashlib.sha256(talk).hexdigest()


def test_a_look_that_the_kernel_ended_does_not_cost_the_upload(
    owner: Account, talk: bytes, monkeypatch: pytest.MonkeyPatch
):
    upload = pending(owner, talk, length=len(talk))
    killed = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
    with monkeypatch.context() as short_of_memory:
        short_of_memory.setattr("jobs.engine.pipelines.probe.command", lambda path, poster: killed)
        with pytest.raises(ResourceError, match="Try again"):
            uploads.finish(upload)
    assert stored() == {f"uploads/{upload.pk}.part"}
    assert uploads.finish(Upload.objects.get()).sha256 == hashlib.sha256(talk).hexdigest()


@pytest.mark.parametrize("name", ["talk.mp4", "logo.png"])
def test_a_server_too_slow_to_look_does_not_cost_the_upload(
    owner: Account, talk: bytes, name: str, monkeypatch: pytest.MonkeyPatch
):
    """On the clock; processor time of its own is what a file is judged by."""
    data = talk if name == "talk.mp4" else pictures.logo()
    kind = Upload.Kind.RECORDING if name == "talk.mp4" else Upload.Kind.IMAGE
    upload = uploads.begin(owner, name=name, length=len(data), kind=kind)
    client = WebClient()
    client.force_login(owner)
    headers = {**TUS, "Upload-Offset": "0"}
    body = "application/offset+octet-stream"
    with monkeypatch.context() as overloaded:
        hurried = subprocess_runner.Limits(wall_seconds=0.01)
        overloaded.setattr("jobs.engine.pipelines.probe.limits", lambda size: hurried)
        overloaded.setattr("jobs.engine.probe.image_sanitizer.LIMITS", hurried)
        answer = client.patch(f"/uploads/{upload.pk}", data, content_type=body, headers=headers)
        assert (answer.status_code, code(answer)) == (503, "server_busy")
        assert int(answer["Retry-After"]) > 0
        assert stored() == {f"uploads/{upload.pk}.part"}
    answer = client.head(f"/uploads/{upload.pk}", headers=TUS)
    assert answer.status_code == 200 and ("Video-Id" in answer or "Image-Id" in answer), "without a byte sent again"
