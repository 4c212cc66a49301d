"""Backups: all rows of one moment and every file they name, checked by hashes, made while work goes on."""

import io
import json
import shutil
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from jobs import storage
from jobs.errors import InputError, ResourceError
from jobs.models import Account, Artifact, Install, Job, Token, Video
from jobs.services import backup_files, backup_rows, backups, custody, search, transcripts
from tests import factories, transcribed

pytestmark = pytest.mark.django_db(transaction=True)
S = Job.Status


@pytest.fixture
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.DATA_DIR = tmp_path
    settings.MEDIA_ROOT.mkdir()
    (tmp_path / "secret_key").write_text("the secret of this install")
    return settings.MEDIA_ROOT


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "backups"


def put(key, content):
    storage.path(key).parent.mkdir(parents=True, exist_ok=True)
    storage.path(key).write_bytes(content)
    return key


@pytest.fixture
def ann(media):
    """With a recording, its result, a transcript, a token, a webhook, and a job that waits for another."""
    ann = factories.account("ann@example.org")
    video = factories.video(ann, title="Grüße \U0001f600", key=put("videos/1/source.mp4", b"film" * 1000))
    job = factories.job(ann, video=video, status=S.SUCCEEDED, params={"version": 1, "keep": [[0.5, 1]]})
    Artifact.objects.create(
        job=job, kind="video", name="cut.mp4", key=put("artifacts/1/1/cut.mp4", b"cut"), size=3, media_type="video/mp4"
    )
    waiting = factories.job(ann, video=video, status=S.WAITING)
    waiting.after.add(job)
    transcripts.index_of(transcribed.keep(video, transcribed.transcript((1.0, "a harvest")), media))
    Token.issue(ann, "Nightly")
    return ann


def everything():
    """All rows as they are, by model."""
    return {
        model._meta.label_lower: sorted(map(str, model._base_manager.values_list())) for model in backup_rows.kept()
    }


def files(root):
    return {
        path.relative_to(root): path.read_bytes() for room in backup_files.ROOMS for path in (root / room).rglob("*.*")
    }


def silent(count):
    pass


def emptied(media):
    """As a new install is."""
    Account.objects.all().delete()
    for model in reversed(backup_rows.kept()):
        model._base_manager.all().delete()
    shutil.rmtree(media)
    media.mkdir()


def test_an_install_comes_back_row_by_row_and_byte_by_byte(ann, media, folder):
    identity = Install.get().identity
    rows, bytes_ = everything(), files(media)
    made = backups.make(folder, silent)
    assert made.missing == []
    assert backups.check(made, silent) == []
    emptied(media)
    assert backups.restore(backups.find(folder), silent) == []
    assert everything() == rows
    assert files(media) == bytes_
    assert Install.get().identity == identity
    assert custody.is_ours(Install.get())
    assert Account.objects.get().check_password("correct horse battery")
    transcripts.catch_up()
    assert len(search.find(Account.objects.get(), "harvest").moments) == 1


def test_new_rows_get_new_numbers_after_a_restore(ann, media, folder):
    backups.make(folder, silent)
    highest = Account.objects.get().pk
    emptied(media)
    backups.restore(backups.find(folder), silent)
    assert factories.account("eve@example.org").pk > highest


def test_a_second_backup_reads_only_what_is_new(ann, media, folder):
    backups.make(folder, silent)
    video = factories.video(ann, key=put("videos/2/source.mp4", b"new"))
    read = []
    made = _next(folder, read.append)
    assert sum(read) == 3
    assert video.key in made.entries()
    assert len(made.entries()) == len(files(media))


def _next(folder, progress):
    """Names go by seconds."""
    for one in backups.every(folder):
        one.folder.rename(one.folder.with_name("2020-01-01T00-00-00Z"))
    return backups.make(folder, progress)


def test_the_same_bytes_are_there_once(ann, media, folder):
    put("videos/3/source.mp4", b"film" * 1000)
    made = backups.make(folder, silent)
    contents = [path for path in (folder / "contents").rglob("*") if path.is_file()]
    assert len(contents) == len({entry.sha256 for entry in made.entries().values()}) == len(made.entries()) - 1


def test_older_backups_go_with_what_only_they_have(ann, media, folder):
    backups.make(folder, silent)
    storage.delete("artifacts/1/1/cut.mp4")
    Artifact.objects.filter(name="cut.mp4").delete()
    made = _next(folder, silent)
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


def test_damage_is_found_and_told_and_the_rest_comes_back(ann, media, folder):
    made = backups.make(folder, silent)
    content = backups.Contents(folder / "contents").path(made.entries()["videos/1/source.mp4"].sha256)
    content.chmod(0o600)
    content.write_bytes(b"fil?" * 1000)
    assert backups.check(made, silent) == ["videos/1/source.mp4"]
    emptied(media)
    assert backups.restore(made, silent) == ["videos/1/source.mp4"]
    assert storage.path("artifacts/1/1/cut.mp4").read_bytes() == b"cut"
    assert not list(media.rglob("*.part"))


def test_damaged_rows_are_not_restored(ann, media, folder):
    made = backups.make(folder, silent)
    with (made.folder / "rows/jobs.account.jsonl").open("a") as rows:
        rows.write("\n")
    emptied(media)
    with pytest.raises(InputError) as refused:
        backups.restore(made, silent)
    assert refused.value.code == "damaged"
    assert not Account.objects.exists()


def test_an_install_in_use_is_not_replaced(ann, media, folder):
    made = backups.make(folder, silent)
    with pytest.raises(InputError) as refused:
        backups.restore(made, silent)
    assert refused.value.code == "in_use"


def test_a_backup_of_other_migrations_is_refused(ann, media, folder):
    made = backups.make(folder, silent)
    made.facts["migrations"]["jobs"].append("9999_future")
    emptied(media)
    with pytest.raises(InputError) as refused:
        backups.restore(made, silent)
    assert refused.value.code == "other_version"


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


def test_the_secret_key_comes_along_for_nobody_else_to_read(ann, media, folder, settings, tmp_path, monkeypatch):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    made = backups.make(folder, silent)
    assert (made.folder / "secret_key").stat().st_mode & 0o77 == 0
    settings.DATA_DIR = tmp_path / "new"
    settings.DATA_DIR.mkdir()
    assert backups.restore_secret(made)
    assert (settings.DATA_DIR / "secret_key").read_text() == "the secret of this install"


def test_commands_say_what_they_did_in_sentences(ann, media, folder):
    out, err = io.StringIO(), io.StringIO()
    call_command("backup", str(folder), keep=2, stdout=out, stderr=err)
    call_command("backup", str(folder), check=True, stdout=out, stderr=err)
    assert "is whole" in out.getvalue()
    with pytest.raises(SystemExit):
        call_command("restore", str(folder), stdout=out, stderr=err)
    assert "This install has accounts already" in err.getvalue()
    emptied(media)
    call_command("restore", str(folder), stdout=out, stderr=err)
    assert "Restored 2" in out.getvalue()
    assert Path(storage.path("videos/1/source.mp4")).is_file()
    with pytest.raises(SystemExit):
        call_command("backup", "/proc/nowhere", stdout=out, stderr=err)
    assert "could not be made" in err.getvalue()
