"""A backup becomes a new install: every row and every file, all or nothing."""

import shutil

import pytest
from django.db import OperationalError, connection

from jobs import storage
from jobs.errors import InputError, ResourceError
from jobs.models import Account, Artifact, Image, Install, Job, Removal, Video
from jobs.services import backup_rows, backups, custody, restoring, search, transcripts, trash
from tests import factories
from tests.backups.installs import emptied, everything, files, put, silent

pytestmark = pytest.mark.django_db(transaction=True)
S = Job.Status


def test_an_install_comes_back_row_by_row_and_byte_by_byte(ann, media, folder):
    identity = Install.get().identity
    rows, bytes_ = everything(), files(media)
    made = backups.make(folder, silent)
    assert made.missing == []
    assert backups.check(made, silent) == []
    emptied(media)
    assert restoring.restore(backups.find(folder), silent) == []
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
    restoring.restore(backups.find(folder), silent)
    assert factories.account("eve@example.org").pk > highest


def test_damage_is_found_and_told_and_the_rest_comes_back(ann, media, folder):
    made = backups.make(folder, silent)
    content = backups.Contents(folder / "contents").path(made.entries()["videos/1/source.mp4"].sha256)
    content.chmod(0o600)
    content.write_bytes(b"fil?" * 1000)
    emptied(media)
    assert restoring.restore(made, silent) == ["videos/1/source.mp4"]
    assert storage.path("artifacts/1/1/cut.mp4").read_bytes() == b"cut"
    assert not list(media.rglob("*.part"))


def test_damaged_rows_are_not_restored(ann, media, folder):
    made = backups.make(folder, silent)
    with (made.folder / "rows/jobs.account.jsonl").open("a") as rows:
        rows.write("\n")
    emptied(media)
    with pytest.raises(InputError) as refused:
        restoring.restore(made, silent)
    assert refused.value.code == "damaged"
    assert not Account.objects.exists()


def test_an_install_in_use_is_not_replaced(ann, media, folder):
    made = backups.make(folder, silent)
    with pytest.raises(InputError) as refused:
        restoring.restore(made, silent)
    assert refused.value.code == "in_use"


def test_a_backup_of_other_migrations_is_refused(ann, media, folder):
    made = backups.make(folder, silent)
    made.facts["migrations"]["jobs"].append("9999_future")
    emptied(media)
    with pytest.raises(InputError) as refused:
        restoring.restore(made, silent)
    assert refused.value.code == "other_version"


def test_the_secret_key_comes_along_for_nobody_else_to_read(ann, media, folder, settings, tmp_path, monkeypatch):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    made = backups.make(folder, silent)
    assert (made.folder / "secret_key").stat().st_mode & 0o77 == 0
    settings.DATA_DIR = tmp_path / "new"
    settings.DATA_DIR.mkdir()
    assert restoring.brings_secret(made)
    restoring.take_secret(made)
    assert (settings.DATA_DIR / "secret_key").read_text() == "the secret of this install"


def test_a_secret_key_that_comes_by_a_file_stays(ann, media, folder, tmp_path, monkeypatch):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    made = backups.make(folder, silent)
    (tmp_path / "own").write_text("of this install")
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "own"))
    assert not restoring.brings_secret(made)


def test_what_is_in_the_trash_comes_back_and_can_be_restored_from_there(ann, media, folder):
    video = Video.objects.get(title__startswith="Gr")
    removal, _ = trash.remove(video), Install.get()
    rows, bytes_ = everything(), files(media)
    assert rows["jobs.removal"]
    backups.make(folder, silent)
    emptied(media)
    restoring.restore(backups.find(folder), silent)
    assert {label: found for label, found in everything().items() if found != rows[label]} == {}
    assert files(media) == bytes_
    assert not Video.objects.filter(pk=video.pk).exists()
    trash.restore(Removal.objects.get(pk=removal.pk))
    assert storage.path(Video.objects.get(pk=video.pk).key).read_bytes() == b"film" * 1000
    assert Artifact.objects.filter(name="cut.mp4").exists()


def test_jobs_come_back_with_the_files_that_they_need(ann, media, folder):
    """Another recording and an image, named by their ids; and the poster of a recording."""
    put("images/7/logo.png", b"logo")
    logo = Image.objects.create(
        owner=ann, name="logo.png", key="images/7/logo.png", size=4, sha256="0", width=1, height=1
    )
    sound = factories.video(
        ann, key=put("videos/7/source.wav", b"sound"), poster=put("videos/7/poster.webp", b"poster")
    )
    params = {"version": 1, "audio": str(sound.pk), "logo": str(logo.pk)}
    job = factories.job(ann, params=params, video=factories.video(ann, key=put("videos/8/source.mp4", b"8")))
    backups.make(folder, silent)
    emptied(media)
    restoring.restore(backups.find(folder), silent)
    params = Job.objects.get(pk=job.pk).params
    sound = Video.objects.get(pk=params["audio"])
    assert storage.path(sound.key).read_bytes() == b"sound"
    assert storage.path(sound.poster).read_bytes() == b"poster"
    assert storage.path(Image.objects.get(pk=params["logo"]).key).read_bytes() == b"logo"


def test_nobody_deletes_what_is_being_restored_or_checked(ann, media, folder):
    refused = []

    def meanwhile(count):
        if not refused:
            with pytest.raises(ResourceError) as busy:
                backups.keep_newest(folder, 1)
            refused.append(busy.value.code)
            backups.check(made, lambda count: None)  # others may read

    made = backups.make(folder, silent)
    emptied(media)
    assert restoring.restore(made, meanwhile) == []
    assert refused == ["busy"]
    refused.clear()
    assert backups.check(made, meanwhile) == []
    assert refused == ["busy"]


def test_a_backup_that_went_is_told_as_such(ann, media, folder):
    made = backups.make(folder, silent)
    shutil.rmtree(made.folder)
    emptied(media)
    with pytest.raises(InputError) as refused:
        restoring.restore(made, silent)
    assert refused.value.code == "no_backup"


def test_who_signs_up_while_files_are_copied_is_not_deleted(ann, media, folder):
    made = backups.make(folder, silent)
    emptied(media)
    with pytest.raises(InputError) as refused:
        restoring.restore(made, lambda count: factories.account("early@example.org"))
    assert refused.value.code == "in_use"
    assert list(Account.objects.values_list("email", flat=True)) == ["early@example.org"]
    assert not Video.objects.exists()


def test_nobody_signs_up_between_the_last_look_and_the_end(ann, media):
    emptied(media)
    other = connection.copy()
    impatient = "SET SESSION innodb_lock_wait_timeout = 1" if other.vendor == "mysql" else "PRAGMA busy_timeout = 100"
    facts = {"email": "early@example.org", "date_joined": "2026-01-01 00:00:00", "is_active": 1, "is_staff": 0}
    empty = dict.fromkeys(("password", "name", "default_pipeline", "time_zone", "dates", "theme"), "")
    facts |= {"is_superuser": 0, **empty}
    sign_up = f"INSERT INTO jobs_account ({', '.join(facts)}) VALUES ({', '.join(['%s'] * len(facts))})"
    try:
        with other.cursor() as cursor:
            cursor.execute(impatient)
            with backup_rows.replacing():
                assert not Account.objects.exists()
                with pytest.raises(OperationalError, match=r"[Ll]ock"):
                    cursor.execute(sign_up, list(facts.values()))
            cursor.execute(sign_up, list(facts.values()))
    finally:
        other.close()
    assert Account.objects.get().email == "early@example.org"


def test_the_secret_key_and_the_rows_come_together(ann, media, folder, settings, tmp_path, monkeypatch):
    """Killed in between, the next run would take the install for one in use, and never bring the key."""

    def killed(backup):
        take(backup)
        raise KeyboardInterrupt

    monkeypatch.delenv("SECRET_KEY", raising=False)
    made = backups.make(folder, silent)
    emptied(media)
    settings.DATA_DIR = tmp_path / "new"
    settings.DATA_DIR.mkdir()
    take = restoring.take_secret
    monkeypatch.setattr(restoring, "take_secret", killed)
    with pytest.raises(KeyboardInterrupt):
        restoring.restore(made, silent)
    assert (settings.DATA_DIR / "secret_key").exists()
    assert not Account.objects.exists()
    monkeypatch.setattr(restoring, "take_secret", take)
    restoring.restore(made, silent)
    assert (settings.DATA_DIR / "secret_key").read_text() == "the secret of this install"
    assert Account.objects.exists()


def test_an_install_in_use_keeps_its_secret_key(ann, media, folder, settings, tmp_path, monkeypatch):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    made = backups.make(folder, silent)
    (tmp_path / "secret_key").write_text("another by now")
    with pytest.raises(InputError):
        restoring.restore(made, silent)
    assert (tmp_path / "secret_key").read_text() == "another by now"
