"""The commands `backup` and `restore`, as processes and across databases."""

import io
import os
import signal
import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now

from jobs import storage
from jobs.models import Account, Artifact, Job, Token, Video
from jobs.services import backup_files, backups, restoring
from tests.backups.installs import emptied, silent
from tests.processes import BASE_DIR, Process, run, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_commands_say_that_the_database_failed(ann, media, folder):
    err = io.StringIO()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE jobs_token RENAME TO jobs_elsewhere")
        try:
            with pytest.raises(SystemExit):
                call_command("backup", str(folder), stderr=err)
        finally:
            connection.close()
            with connection.cursor() as again:
                again.execute("ALTER TABLE jobs_elsewhere RENAME TO jobs_token")
    assert err.getvalue().startswith("The backup could not be made: ")
    assert "jobs_token" in err.getvalue()
    assert backups.every(folder) == []


def test_what_is_known_to_be_lost_is_no_failure_each_night(ann, media, folder):
    storage.delete("artifacts/1/1/cut.mp4")
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit):
        call_command("backup", str(folder), stdout=out, stderr=err)
    assert "artifacts/1/1/cut.mp4" in err.getvalue()
    Artifact.objects.filter(name="cut.mp4").update(missing_since=Now())  # as `sweep --fix` does
    call_command("backup", str(folder), stdout=out, stderr=err)
    assert "left out: 1." in out.getvalue()


MAKE = """
import sys
import django
django.setup()
from django.core.management import call_command
from jobs import storage
from jobs.models import Job, Token
from tests import factories
call_command("migrate", verbosity=0)
ann = factories.account("ann@example.org")
key = "videos/1/source.mp4"
storage.path(key).parent.mkdir(parents=True)
storage.path(key).write_bytes(b"film" * 1000)
video = factories.video(ann, title="Gr\\u00fc\\u00dfe \\U0001f600", key=key, size=4000)
job = factories.job(ann, video=video, status=Job.Status.SUCCEEDED, params={"version": 1, "keep": [[0.5, 1]]})
factories.job(ann, video=video, status=Job.Status.WAITING).after.add(job)
print(Token.issue(ann, "Nightly"))
"""


class SQLite:
    """An install of its own with rows on SQLite, whatever the tests run on; its commands are processes."""

    def __init__(self, data):
        self.media = data / "media"
        own = {"DATA_DIR": str(data), "DJANGO_SETTINGS_MODULE": "videoservice.settings"}
        self.env = {
            name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "SECRET_KEY")
        } | own
        self.token = run([sys.executable, "-c", MAKE], cwd=BASE_DIR, env=self.env).stdout.strip()

    def manage(self, *args):
        return run([sys.executable, "manage.py", *map(str, args)], cwd=BASE_DIR, env=self.env)

    def start(self, log, *args):
        return Process(args[0], [sys.executable, "manage.py", *args], log, self.env)


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory):
    return SQLite(tmp_path_factory.mktemp("sqlite") / "data")


def test_rows_of_sqlite_become_rows_of_any_database(sqlite, media, folder):
    sqlite.manage("backup", folder)
    restoring.restore(backups.find(folder), silent)
    video = Video.objects.get()
    assert (video.title, video.duration_seconds) == ("Gr\u00fc\u00dfe \U0001f600", 10)
    assert storage.path(video.key).read_bytes() == b"film" * 1000
    job = Job.objects.get(status=Job.Status.SUCCEEDED)
    assert job.params == {"version": 1, "keep": [[0.5, 1]]}
    assert Job.objects.get(status=Job.Status.WAITING).after.get() == job
    again = backups.make(folder.with_name("again"), silent)
    assert rows(again) == rows(backups.find(folder))
    assert Token.find(sqlite.token).owner == Account.objects.get()


def rows(backup):
    """By model, in whatever order: databases sort UUIDs each in another one."""
    return {file.name: sorted(file.read_text().splitlines()) for file in (backup.folder / "rows").iterdir()}


def _writable(pipe, process):
    """Its descriptor, once somebody reads."""
    assert process.alive, process.said()
    try:
        descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None
    os.set_blocking(descriptor, True)
    return descriptor


@pytest.mark.one_database
def test_a_backup_killed_in_the_middle_leaves_no_backup_and_the_next_is_whole(sqlite, folder, tmp_path):
    late = sqlite.media / "videos/2/source.mp4"
    late.parent.mkdir(parents=True)
    os.mkfifo(late)  # a file whose bytes take as long as we like
    process = sqlite.start(tmp_path / "log", "backup", str(folder))
    pipe = wait_for(lambda: _writable(late, process), "somebody to read it")
    os.write(pipe, bytes(backup_files.BLOCK + 1))
    wait_for(lambda: any(part.stat().st_size for part in folder.glob("contents/*.part")), "half of it to be there")
    process.end(signal.SIGKILL)
    os.close(pipe)
    assert list(folder.glob("*.part"))
    assert list(folder.glob("contents/*.part"))
    assert backups.every(folder) == []
    late.unlink()
    late.write_bytes(b"all of it")
    try:
        said = sqlite.manage("backup", folder).stdout
    finally:
        late.unlink()
    assert "2 files" in said
    assert not list(folder.rglob("*.part"))
    assert backups.check(backups.find(folder), silent) == []
