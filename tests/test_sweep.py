"""The sweep tells what of files and rows does not fit together, and mends it only when somebody says so."""

import json
import os
import signal
import time
import tracemalloc
import uuid
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from django.utils import timezone

from jobs import storage
from jobs.errors import InputError
from jobs.models import Artifact, Image, Install, Job, Sweep, Video
from jobs.services import custody, images, jobs, sweeping, trash, uploads
from tests import factories

pytestmark = pytest.mark.django_db
BYTES = b"bytes"


def lie(key, data=BYTES):
    path = storage.path(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return key


def stored():
    root = Path(settings.MEDIA_ROOT)
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()} - {custody.STAMP}


@pytest.fixture
def late(monkeypatch):
    """All that was made for the test is more than an hour old."""
    now, seconds = time.time, 2 * sweeping.YOUNG_SECONDS
    monkeypatch.setattr(sweeping.time, "time", lambda: now() + seconds)
    for model in (Video, Artifact, Image):
        rows = model.with_trash if model is not Image else model.objects
        rows.update(created_at=Now() - timedelta(seconds=seconds))


@pytest.fixture
def kept(db):
    """What rows know of, in every room; some of it lies in the trash."""
    video = factories.video(sha256="a" * 64, size=len(BYTES))
    video.key, video.poster = f"videos/{video.pk}/source.mp4", f"videos/{video.pk}/poster-x.jpg"
    video.save()
    job = factories.job(status=Job.Status.SUCCEEDED, video=video)
    image = Image(owner=video.owner, name="logo.png", size=len(BYTES), sha256="b" * 64, width=1, height=1)
    image.key = images.key_of(image.pk)
    image.save()
    keys = {video.key, video.poster, storage.poster_key(video.pk), image.key, f"cache/{'a' * 64}/levels.npz"}
    for name in ("1/result.mp4", "old-layout.txt"):
        key = f"{storage.artifacts_key(job.pk)}/{name}"
        facts = {"kind": "data", "size": len(BYTES), "media_type": "x/y", "sha256": "c" * 64}
        Artifact.objects.create(job=job, name=name, key=key, **facts)
        keys.add(key)
    running = factories.job(status=Job.Status.RUNNING, video=video)
    keys.add(f"{storage.artifacts_key(running.pk)}/1/half.mp4")
    upload = uploads.begin(video.owner, name="talk.mp4", length=100)
    keys |= {f"videos/{upload.pk}/source.mp4", f"images/{upload.pk}/image.png"}
    trash.remove(job)
    for key in keys:
        lie(key)
    return keys | {f"uploads/{upload.pk}.part"}


@pytest.fixture
def strays(kept):
    """What nothing knows of."""
    job = Job.with_trash.get(status=Job.Status.SUCCEEDED)
    failed = factories.job(status=Job.Status.FAILED, video=job.video)
    keys = {
        f"videos/{uuid.uuid4()}/source.mp4",
        f"images/{uuid.uuid4()}/image.png",
        f"artifacts/{uuid.uuid4()}/1/result.mp4",
        f"{storage.artifacts_key(job.pk)}/2/late.mp4",
        f"{storage.artifacts_key(failed.pk)}/1/half.mp4",
        f"cache/{'d' * 64}/levels.npz",
    }
    return set(map(lie, keys))


@pytest.fixture
def half(kept):
    """What somebody died over."""
    video = Video.objects.get()
    return {lie(f"videos/{video.pk}/{uuid.uuid4()}.poster.jpg"), lie(f"videos/{uuid.uuid4()}/source.mp4.part")}


# Files without rows --------------------------------------------------------------------------------------------------


def test_files_that_no_row_knows_are_told_and_stay(kept, strays, half, late):
    foreign = lie("videos/somebody put this here/notes.txt")
    before = stored()
    report = sweeping.run()
    assert set(report.strays.examples) == strays
    assert set(report.half_moved.examples) == half
    assert (report.strays.count, report.strays.bytes) == (len(strays), len(strays) * len(BYTES))
    assert (report.missing.count, report.differing.count) == (0, 0)
    assert stored() == before
    assert foreign in before


def test_mending_deletes_them_and_nothing_else(kept, strays, half, late):
    foreign = lie("videos/somebody put this here/notes.txt")
    report = sweeping.run(fix=True)
    assert report.strays.mended + report.half_moved.mended == len(strays) + len(half)
    assert stored() == kept | {foreign}
    assert not any(storage.path(key).parent.exists() for key in strays if Path(key).name != "late.mp4")
    assert sweeping.run(fix=True).is_clean


def test_what_is_young_is_none_of_its_business(kept, strays, half):
    assert sweeping.run(fix=True).is_clean
    assert strays | half <= stored()


def test_a_name_that_is_new_counts_as_young_however_old_the_bytes_are(kept, monkeypatch):
    """As a result that has just been kept as a recording, whose row is about to come."""
    long_ago = time.time() - 3 * sweeping.YOUNG_SECONDS
    old = storage.path(lie("scratch/x/old.mp4"))
    os.utime(old, (long_ago, long_ago))
    key = f"videos/{uuid.uuid4()}/source.mp4"
    assert storage.link("scratch/x/old.mp4", key)
    assert sweeping.run(fix=True).is_clean
    assert storage.path(key).exists()


def test_links_are_not_followed(kept, late, tmp_path):
    (tmp_path / "precious.mp4").write_bytes(BYTES)
    folder = storage.path(f"videos/{uuid.uuid4()}")
    folder.mkdir(parents=True)
    (folder / "away").symlink_to(tmp_path)
    sweeping.run(fix=True)
    assert (tmp_path / "precious.mp4").exists()


# Rows without files --------------------------------------------------------------------------------------------------


def test_rows_whose_file_is_gone_are_told_and_marked_only_when_mending(kept, late):
    video = Video.objects.get()
    storage.path(video.key).unlink()
    report = sweeping.run()
    assert report.missing.examples == [f"video {video.pk}: {video.key}"]
    video.refresh_from_db()
    assert video.missing_since is None
    assert sweeping.run(fix=True).missing.mended == 1
    video.refresh_from_db()
    assert video.missing_since is not None
    with pytest.raises(InputError, match="missing from the server"):
        jobs.check(video, "thumbnails", None)
    lie(video.key)
    assert sweeping.run(fix=True).is_clean
    video.refresh_from_db()
    assert video.missing_since is None, "it was put back"


def test_a_result_that_is_known_as_a_recording_is_marked_as_both(kept, late):
    artifact = Artifact.with_trash.get(name="1/result.mp4")
    version = factories.video(id=artifact.pk, artifact=artifact, origin=artifact.job.video, key=artifact.key)
    storage.path(artifact.key).unlink()
    sweeping.run(fix=True)
    artifact.refresh_from_db()
    version.refresh_from_db()
    assert artifact.missing_since and version.missing_since


def test_a_poster_that_is_gone_gives_way_to_the_first_one_and_that_to_none(kept, late):
    video = Video.objects.get()
    for chosen, left in [(video.poster, storage.poster_key(video.pk)), (storage.poster_key(video.pk), "")]:
        storage.path(chosen).unlink()
        assert sweeping.run().missing.examples == [f"poster of video {video.pk}: {chosen}"]
        assert sweeping.run(fix=True).missing.mended == 1
        video.refresh_from_db()
        assert video.poster == left
    assert sweeping.run().is_clean


def test_files_of_another_length_are_told(kept, late):
    video = Video.objects.get()
    lie(video.key, BYTES * 2)
    report = sweeping.run(fix=True)
    assert (report.differing.count, report.differing.mended) == (1, 0)
    assert f"{2 * len(BYTES)} bytes, not {len(BYTES)}" in report.differing.examples[0]
    assert storage.path(video.key).stat().st_size == 2 * len(BYTES)


def test_rows_that_are_young_or_are_being_deleted_are_left_alone(kept, late):
    young = factories.video(key="videos/none/source.mp4")
    going = trash.remove(factories.job(status=Job.Status.FAILED, video=young))
    facts = {"kind": "data", "size": 1, "media_type": "x/y", "sha256": "c" * 64, "key": "artifacts/none/1/x"}
    lost = Artifact.objects.create(job=going.job, name="x", removal=going, **facts)
    Artifact.with_trash.filter(pk=lost.pk).update(created_at=Now() - timedelta(days=2))
    assert sweeping.run().missing.count == 1
    type(going).objects.update(is_going=True)
    assert sweeping.run().is_clean


def test_pages_say_plainly_what_is_missing(client, kept, late):
    video = Video.objects.get()
    job = factories.job(video.owner, video=video, status=Job.Status.SUCCEEDED)
    facts = {"kind": "video", "size": 1, "media_type": "video/mp4", "sha256": "c" * 64}
    Artifact.objects.create(
        job=job, name="cut.mp4", key="artifacts/none/1/cut.mp4", missing_since=timezone.now(), **facts
    )
    Video.objects.update(missing_since=timezone.now())
    client.force_login(video.owner)
    page = client.get(video.get_absolute_url()).content.decode()
    assert "The file is missing from the server" in page
    assert "<video" not in page.partition("jobs-rows")[0]
    assert page.count('<span class="chip failed">Missing</span>') == 2  # of the original, and of what was made of it
    assert "“cut.mp4” is missing from the server." in client.get(job.get_absolute_url()).content.decode()
    assert "its file is missing" in page and "data-do=" not in page


# By command and at night ---------------------------------------------------------------------------------------------


def swept(*options):
    out = StringIO()
    try:
        call_command("sweep", *options, stdout=out)
    except SystemExit as end:
        return out.getvalue(), end.code
    return out.getvalue(), 0


def test_the_command_tells_mends_and_ends_with_what_it_found(kept, strays, late):
    told, code = swept()
    assert code == 1
    assert f"Files that no row knows: {len(strays)} ({len(strays) * len(BYTES)} bytes)." in told
    assert all(key in told for key in strays)
    stored_json, code = swept("--json")
    assert (code, json.loads(stored_json)["strays"]["count"]) == (1, len(strays))
    told, code = swept("--fix")
    assert (code, f"{len(strays)} of them mended" in told) == (0, True)
    told, code = swept()
    assert (code, "Files and rows fit together." in told) == (0, True)


def test_the_command_touches_no_storage_of_another_database(kept, strays, late):
    custody.is_ours(Install.get())
    Install.objects.update(identity=uuid.uuid4())
    with pytest.raises(CommandError, match="belongs to another database"):
        swept("--fix")
    assert strays <= stored()


def test_of_several_machines_one_sweeps_a_night_and_only_tells(kept, strays, late):
    assert not sweeping.nightly(), "nothing is old in a new install"
    Install.objects.update(swept_at=timezone.now() - timedelta(hours=31))
    assert [sweeping.nightly() for _ in range(2)] == [True, False]
    assert strays <= stored()
    found, report = sweeping.last()
    assert (Sweep.objects.count(), found.is_fix, report.strays.count) == (1, False, len(strays))


@pytest.mark.parametrize(("hour", "does"), [(3, True), (14, False)])
def test_it_waits_for_the_night_unless_that_was_missed(db, monkeypatch, hour, does):
    Install.get()
    Install.objects.update(swept_at=timezone.now() - timedelta(hours=22))
    now = timezone.localtime().replace(hour=hour)
    monkeypatch.setattr(sweeping.timezone, "localtime", lambda: now)
    assert sweeping.nightly() is does


@pytest.mark.django_db(transaction=True)
def test_the_reconciler_does_it_beside_its_rounds(db, monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    Install.get()
    Install.objects.update(swept_at=timezone.now() - timedelta(hours=31))
    call_command("reconcile", once=True)
    assert Sweep.objects.count() == 1


def test_operators_see_the_last_report(client, kept, strays, late):
    client.force_login(factories.account("root@example.org", is_staff=True, is_superuser=True))
    assert "have not been compared yet" in client.get("/operators/").content.decode()
    sweeping.run()
    page = client.get("/operators/").content.decode()
    assert f"Files that no row knows: {len(strays)}" in page
    sweeping.run(fix=True)
    sweeping.run()
    assert "They fit together." in client.get("/operators/").content.decode()


LONG = "long" * 50
"""Of a name: who held the names of all files would take twice as much for each."""


def test_more_files_take_hardly_more_memory(db, late, monkeypatch):
    monkeypatch.setattr(custody, "AT_ONCE", 20)
    peaks = []
    for _ in range(3):
        for _ in range(150):
            lie(f"artifacts/{uuid.uuid4()}/1/{LONG}/{LONG}/{LONG}/{LONG}.mp4", b"")
        tracemalloc.start()
        report = sweeping.run()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert report.strays.count == 450
    assert peaks[2] - peaks[1] < 150 * 800, "two numbers for each file, and the names of the folders"
