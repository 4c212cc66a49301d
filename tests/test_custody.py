"""Nothing of an upload is lost whenever its process dies, and no database judges the files of another."""

import hashlib
import io
import os
import signal
import stat
import sys
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection, connections
from django.utils import timezone

from jobs import storage
from jobs.engine.pipelines.probe import Probed
from jobs.models import Artifact, Image, Install, Job, Upload, Video
from jobs.services import arrivals, custody, images, reconcile, sweeping, uploads, videos
from tests import factories

BYTES = b"not looked at here" * 1000
LONG_AGO = time.time() - 3 * 24 * 3600


def lie(key: str, data: bytes = BYTES) -> Path:
    path = storage.path(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def grow_old() -> None:
    """Everything in the storage was last changed long ago."""
    for path in Path(settings.MEDIA_ROOT).rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))


def stored() -> set[str]:
    """All files but the stamp."""
    root = Path(settings.MEDIA_ROOT)
    files = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    return files - {custody.STAMP}


OURS = ("/uploads.py", "/videos.py", "/arrivals.py", "/folder.py", "/disk.py")
LOOKED: list[Path] = []
"""What was probed."""

# Dying at any moment -------------------------------------------------------------------------------------------------


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probing is left out: it changes nothing."""

    def probe(path: Path, *, poster: Path, **options: Any) -> Probed:
        LOOKED.append(path)
        poster.write_bytes(b"a poster")
        return Probed(factories.info(), hashlib.sha256(path.read_bytes()).hexdigest(), poster)

    monkeypatch.setattr(arrivals, "probe", probe)


def dies_at_step(number: int, work: Callable[[], Any]) -> bool:
    """Do the work in a process that is killed at the given line of ours after probing; whether it came so far."""
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        steps = iter(range(number))

        def trace(frame: FrameType, event: str, argument: Any) -> Any:
            if not frame.f_code.co_filename.endswith(OURS):
                return None
            if event == "line" and LOOKED and next(steps, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "links", [True, pytest.param(False, marks=pytest.mark.one_database)], ids=["links", "no links"]
)
def test_an_upload_survives_a_kill_at_any_moment(looked_at: None, links: bool, monkeypatch: pytest.MonkeyPatch):
    if not links:  # as on a FAT disk

        def link(*names: Any) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", link)
    owner, number, died = factories.account(), 0, True
    while died:
        LOOKED.clear()
        upload = uploads.begin(owner, name="talk.mp4", length=len(BYTES))
        storage.upload_path(upload.pk).write_bytes(BYTES)
        died = dies_at_step(number, lambda upload=upload: uploads.finish(upload))
        uploads.expire()
        if Upload.objects.filter(pk=upload.pk).exists():
            uploads.finish(upload)
        video = Video.objects.get(pk=upload.pk)
        assert storage.path(video.key).read_bytes() == BYTES, f"killed at step {number}"
        assert storage.path(video.poster).read_bytes() == b"a poster"
        number += 1
    assert number > 30, "each line was tried"
    reconcile.sweep()
    monkeypatch.setattr(sweeping, "YOUNG_SECONDS", -1)
    sweeping.run(fix=True)
    rows = Video.objects.values_list("key", "poster")
    assert stored() == {key for row in rows for key in row}, "and nothing else is left"
    assert not Upload.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_row_of_which_only_the_answer_was_lost_is_there(looked_at: None, monkeypatch: pytest.MonkeyPatch):
    wrapper = type(connections["default"])
    commit, lost = wrapper.commit, list[bool]()

    def lose(self: Any) -> None:
        commit(self)
        if not lost and Video.objects.exists():
            lost.append(True)
            raise OperationalError("the connection broke")

    owner = factories.account()
    monkeypatch.setattr(wrapper, "commit", lose)
    video = videos.receive(owner, lie("uploads/x.part"), name="talk.mp4")
    assert storage.path(video.key).read_bytes() == BYTES
    assert Video.objects.get() == video
    assert lost


class Disk:
    """What the disk holds for sure, by the number of a file or folder; a name counts once its folder is synced."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: dict[int, int] = {}
        self.names: dict[int, set[str]] = {}
        for name in ("fsync", "fdatasync"):
            monkeypatch.setattr(os, name, self.watched(getattr(os, name)))

    def watched(self, sync: Callable[[int], None]) -> Callable[[int], None]:
        def watched(descriptor: int) -> None:
            sync(descriptor)
            status = os.fstat(descriptor)
            self.sizes[status.st_ino] = status.st_size
            if stat.S_ISDIR(status.st_mode):
                self.names[status.st_ino] = set(os.listdir(descriptor))

        return watched

    def holds(self, file: Path) -> bool:
        status, root = file.stat(), Path(settings.MEDIA_ROOT).resolve()
        way = [file, *(parent for parent in file.parents if root in parent.parents)]
        named = all(entry.name in self.names.get(entry.parent.stat().st_ino, ()) for entry in way)
        return named and self.sizes.get(status.st_ino) == status.st_size


@pytest.mark.django_db
def test_what_is_acknowledged_is_on_the_disk(looked_at: None, monkeypatch: pytest.MonkeyPatch):
    disk, owner = Disk(monkeypatch), factories.account()
    upload = uploads.begin(owner, name="talk.mp4", length=len(BYTES))
    for first in (0, 1000):
        part = storage.upload_path(upload.pk)
        chunk = BYTES[first : 1000 if not first else len(BYTES)]
        uploads.append(upload, first, io.BytesIO(chunk))
        assert disk.sizes[part.stat().st_ino] == first + len(chunk)
        assert part.name in disk.names[part.parent.stat().st_ino]
    record = arrivals.record

    def checked(row: Video, *rest: Callable[[], None]) -> None:
        assert disk.holds(storage.path(row.key)) and disk.holds(storage.path(row.poster)), "before there is a row"
        record(row, *rest)

    monkeypatch.setattr(arrivals, "record", checked)
    assert uploads.finish(upload) == Video.objects.get()


@pytest.mark.django_db
def test_sqlite_acknowledges_only_what_is_on_the_disk():
    if connection.vendor != "sqlite":
        pytest.skip("MariaDB does so by itself")
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
        assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)


# Whose it is ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def kept(db: None) -> set[str]:
    """What rows know of, in every room."""
    video = factories.video(sha256="a" * 64)
    video.key, video.poster = f"videos/{video.pk}/source.mp4", f"videos/{video.pk}/poster-x.jpg"
    video.save()
    job = factories.job(status=Job.Status.SUCCEEDED, video=video)
    image = Image(owner=video.owner, name="logo.png", size=1, sha256="b" * 64, width=1, height=1)
    image.key = images.key_of(image.pk)
    image.save()
    keys = {video.key, video.poster, storage.poster_key(video.pk), image.key, f"cache/{'a' * 64}/levels.npz"}
    for name in ("1/result.mp4", "old-layout.txt"):
        key = f"{storage.artifacts_key(job.pk)}/{name}"
        Artifact.objects.create(job=job, kind="data", name=name, key=key, size=1, media_type="x/y", sha256="c" * 64)
        keys.add(key)
    running = factories.job(status=Job.Status.RUNNING, video=video)
    keys.add(f"{storage.artifacts_key(running.pk)}/1/half.mp4")
    upload = uploads.begin(video.owner, name="talk.mp4", length=100)
    keys |= {f"uploads/{upload.pk}.part", f"videos/{upload.pk}/source.mp4", f"images/{upload.pk}/image.png"}
    for key in keys:
        lie(key)
    return keys


@pytest.fixture
def strays(kept: set[str]) -> set[str]:
    """What nothing knows of."""
    job = Artifact.objects.get(name="1/result.mp4").job
    failed = factories.job(status=Job.Status.FAILED, video=job.video)
    keys = {
        f"videos/{uuid.uuid4()}/source.mp4",
        f"videos/{job.video.pk}/{uuid.uuid4()}.poster.jpg",
        f"images/{uuid.uuid4()}/image.png",
        f"artifacts/{uuid.uuid4()}/1/result.mp4",
        f"{storage.artifacts_key(job.pk)}/2/late.mp4",
        f"{storage.artifacts_key(failed.pk)}/1/half.mp4",
        f"cache/{'d' * 64}/levels.npz",
    }
    for key in keys:
        lie(key)
    return keys


def test_a_database_does_not_judge_the_files_of_another(kept: set[str], strays: set[str], caplog: Any):
    reconcile.sweep()
    assert storage.path(custody.STAMP).read_text().strip() == str(Install.objects.get().identity)
    left, scratch = lie("uploads/of-the-other.part"), lie(f"{storage.scratch_key(uuid.uuid4(), 1)}/half")
    grow_old()
    Install.objects.update(identity=uuid.uuid4(), swept_at=timezone.now() - timedelta(days=3))  # a wrong DATABASE_URL
    everything = stored()
    reconcile.sweep()
    assert stored() == everything
    assert left.exists() and scratch.exists()
    assert "another database" in caplog.text and "DATABASE_URL" in caplog.text


def test_an_empty_database_takes_no_storage_over(db: None):
    lie(f"videos/{uuid.uuid4()}/source.mp4")
    grow_old()
    assert not custody.is_ours(Install.get())
    reconcile.sweep()
    assert len(stored()) == 1
    assert not storage.path(custody.STAMP).exists()


def test_a_storage_without_a_stamp_is_taken_over_by_who_knows_some_of_it(kept: set[str], strays: set[str]):
    assert custody.is_ours(Install.get())
    storage.path(custody.STAMP).write_text(str(uuid.uuid4()))
    assert not custody.is_ours(Install.get()), "once only"


def test_a_result_is_on_the_disk_before_its_row(db: None, monkeypatch: pytest.MonkeyPatch):
    disk = Disk(monkeypatch)
    storage.publish(lie("scratch/x/result.mp4"), "artifacts/x/1/result.mp4")
    assert disk.holds(storage.path("artifacts/x/1/result.mp4"))
