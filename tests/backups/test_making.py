"""Backups: all rows of one moment and every file they name, checked by hashes, made while work goes on."""

import json
import time
import uuid

import pytest
from django.db import connection
from django.db.models.functions import Now

from jobs import storage
from jobs.errors import InputError, ResourceError
from jobs.models import Account, Artifact, Video
from jobs.services import backup_rows, backups, restoring
from tests import factories
from tests.backups.installs import emptied, files, put, silent

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_second_backup_reads_only_what_is_new(ann, media, folder):
    backups.make(folder, silent)
    video = factories.video(ann, key=put("videos/2/source.mp4", b"new"))
    read = []
    made = backups.make(folder, read.append)
    assert sum(read) == 3
    assert video.key in made.entries()
    assert len(made.entries()) == len(files(media))


def test_the_same_bytes_are_there_once(ann, media, folder):
    put("videos/3/source.mp4", b"film" * 1000)
    made = backups.make(folder, silent)
    contents = [path for path in (folder / "contents").rglob("*") if path.is_file()]
    assert len(contents) == len({entry.sha256 for entry in made.entries().values()}) == len(made.entries()) - 1


def test_older_backups_go_with_what_only_they_have(ann, media, folder):
    backups.make(folder, silent)
    storage.delete("artifacts/1/1/cut.mp4")
    Artifact.objects.filter(name="cut.mp4").delete()
    made = backups.make(folder, silent)
    assert backups.keep_newest(folder, 1) == 3
    assert [one.name for one in backups.every(folder)] == [made.name]
    assert backups.check(made, silent) == []


def test_a_file_that_goes_while_it_runs_is_not_named_by_its_rows(ann, media, folder, monkeypatch):
    """Somebody deletes a recording after the rows were read, and adds another."""
    write, times = backup_rows.write, []

    def written(target):
        counts = write(target)
        if not times:
            times.append(1)
            put("videos/9/source.mp4", b"late")
            storage.path("videos/1/source.mp4").rename(storage.path("videos/9/other.mp4"))
            later.append(1)
        return counts

    later = []
    taken = backups._taken

    def slow(contents, known, progress):
        if not later:  # it is deleted before anything was copied
            return {}
        Video.objects.update(key="videos/9/source.mp4")
        return taken(contents, known, progress)

    monkeypatch.setattr(backup_rows, "write", written)
    monkeypatch.setattr(backups, "_taken", slow)
    made = backups.make(folder, silent)
    assert made.missing == []
    rows = [json.loads(line) for line in (made.folder / "rows/jobs.video.jsonl").read_text().splitlines()]
    assert rows[0]["fields"]["key"] == "videos/9/source.mp4"


def test_a_file_that_the_storage_lacks_is_told(ann, media, folder):
    storage.delete("artifacts/1/1/cut.mp4")
    assert backups.make(folder, silent).missing == ["artifacts/1/1/cut.mp4"]


def test_rows_are_of_one_moment(ann, folder, media):
    with backup_rows.snapshot():
        before = Video._base_manager.count()
        other = connection.copy()
        try:
            with other.cursor() as cursor:  # nobody waits for the backup
                cursor.execute("UPDATE jobs_video SET title = 'changed'")
                if other.vendor == "mysql":
                    other.commit()
        finally:
            other.close()
        assert Video._base_manager.count() == before
        assert Video._base_manager.get().title != "changed"
    assert Video.objects.get().title == "changed"


def test_what_a_killed_backup_left_is_no_backup_and_goes(ann, media, folder):
    (folder / "2026-01-01T00-00-00Z.part" / "rows").mkdir(parents=True)
    with pytest.raises(InputError):
        backups.find(folder)
    backups.make(folder, silent)
    assert not list(folder.glob("*.part"))


def test_two_backups_at_once_do_not_mix(ann, media, folder):
    with backups._alone(folder), pytest.raises(ResourceError):
        backups.make(folder, silent)


def test_the_storage_is_no_place_for_it(ann, media):
    with pytest.raises(InputError):
        backups.make(media / "backups", silent)


def _damage(folder, made, key):
    content = backups.Contents(folder / "contents").path(made.entries()[key].sha256)
    content.chmod(0o600)
    content.write_bytes(bytes(content.stat().st_size))
    return content


def test_what_a_check_finds_damaged_is_copied_by_the_next_backup(ann, media, folder):
    made = backups.make(folder, silent)
    content = _damage(folder, made, "videos/1/source.mp4")
    assert backups.check(made, silent) == ["videos/1/source.mp4"]
    assert content.with_suffix(".damaged").exists()
    assert backups.check(made, silent) == ["videos/1/source.mp4"]
    made = backups.make(folder, silent)
    assert content.read_bytes() == b"film" * 1000
    assert not content.with_suffix(".damaged").exists()
    assert [backups.check(one, silent) for one in backups.every(folder)] == [[], []]


def test_damage_that_nobody_found_goes_when_the_bytes_are_read_again(ann, media, folder):
    content = _damage(folder, backups.make(folder, silent), "videos/1/source.mp4")
    storage.path("videos/1/source.mp4").touch()
    backups.make(folder, silent)
    assert content.read_bytes() == b"film" * 1000


def test_a_damaged_content_is_kept_until_there_is_a_whole_one(ann, media, folder):
    """Most of a recording may be better than none."""
    made = backups.make(folder, silent)
    content = _damage(folder, made, "videos/1/source.mp4")
    backups.check(made, silent)
    backups.keep_newest(folder, 1)
    assert content.with_suffix(".damaged").exists()


def test_a_damaged_list_of_files_hides_nothing_and_deletes_nothing(ann, media, folder):
    made = backups.make(folder, silent)
    with (made.folder / "files.jsonl").open("a") as lines:
        lines.write("{")
    contents = set((folder / "contents").rglob("*"))
    with pytest.raises(InputError) as refused:
        backups.keep_newest(folder, 1)
    assert refused.value.code == "damaged"
    assert set((folder / "contents").rglob("*")) == contents
    read = []
    made = backups.make(folder, read.append)  # as if there were none before
    assert sum(read) == sum(entry.size for entry in made.entries().values())
    assert backups.check(made, silent) == []


def test_two_backups_in_one_second_have_a_name_each(ann, media, folder):
    assert len({backups.make(folder, silent).name for _ in range(3)}) == 3


def test_only_what_backups_left_is_cleared_away(ann, media, folder):
    contents = folder / "contents"
    contents.mkdir(parents=True)
    foreign = [folder / "film.part", contents / "film.part", contents / "ab" / "notes.txt"]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_text("somebody's")
    left = contents / f"{uuid.uuid4()}.part"
    left.write_text("half")
    backups.make(folder, silent)
    backups.keep_newest(folder, 1)
    assert not left.exists()
    assert all(path.exists() for path in foreign)


def test_a_long_copy_may_outlive_the_connection(ann, media, folder):
    if connection.vendor != "mysql":
        pytest.skip("SQLite's lasts")
    slept = []

    def slow(count):
        if not slept:
            slept.append(1)
            with connection.cursor() as cursor:
                cursor.execute("SET SESSION wait_timeout = 1")
            time.sleep(2)

    made = backups.make(folder, slow)
    assert made.missing == []
    emptied(media)
    slept.clear()
    assert restoring.restore(made, slow) == []
    assert Account.objects.exists()


def test_rows_that_say_what_is_missing_are_counted_and_not_read_again(ann, media, folder, monkeypatch):
    storage.delete("artifacts/1/1/cut.mp4")
    Artifact.objects.filter(name="cut.mp4").update(missing_since=Now())
    write, times = backup_rows.write, []
    monkeypatch.setattr(backup_rows, "write", lambda target: (times.append(1), write(target))[1])
    made = backups.make(folder, silent)
    assert (made.missing, made.known_missing, len(times)) == ([], 1, 1)
