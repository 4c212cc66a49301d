"""Several machines start at once on one database that is new."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import MySQLdb
import pytest
from django.db import OperationalError

from tests.processes import BASE_DIR
from tests.servers import MariaDB
from tests.settings import free_port
from videoservice import migrating


@pytest.fixture
def fresh_mariadb(tmp_path: Path) -> Iterator[str]:
    server = MariaDB(tmp_path / "mariadb", free_port())
    try:
        server.start()
        server.execute("CREATE DATABASE fresh CHARACTER SET utf8mb4")
        yield f"mysql://root@127.0.0.1:{server.port}/fresh"
    finally:
        server.stop()


def migrate(database: str, data: Path, *options: str) -> subprocess.Popen[str]:
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "videoservice.settings", "DATABASE_URL": database}
    return subprocess.Popen(
        [sys.executable, "manage.py", "migrate", "--no-input", *options],
        cwd=BASE_DIR,
        env=env | {"DATA_DIR": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def assert_three_at_once_succeed(database: str, tmp_path: Path) -> None:
    started = [migrate(database, tmp_path / str(number)) for number in range(3)]
    said = [process.communicate(timeout=300)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], "\n".join(said)
    assert sum("Applying jobs.0001_initial" in text for text in said) == 1, "one of them did it"
    check = migrate(database, tmp_path / "0", "--check")
    said_by_check, _ = check.communicate(timeout=300)
    assert check.returncode == 0, said_by_check


def test_three_servers_migrate_a_fresh_mariadb_at_once(fresh_mariadb: str, tmp_path: Path):
    assert_three_at_once_succeed(fresh_mariadb, tmp_path)


def test_three_servers_migrate_a_fresh_file_at_once(tmp_path: Path):
    assert_three_at_once_succeed(f"sqlite:///{tmp_path / 'shared.sqlite3'}", tmp_path)


def test_a_database_of_one_language_is_refused_before_it_is_used(fresh_mariadb: str, tmp_path: Path):
    host = fresh_mariadb.rpartition("/")[0]
    port = int(host.rpartition(":")[2])
    with contextlib.closing(MySQLdb.connect(host="127.0.0.1", port=port, user="root")) as server:
        server.query("CREATE DATABASE latin CHARACTER SET latin1")
    refused = migrate(f"{host}/latin", tmp_path / "data")
    said, _ = refused.communicate(timeout=300)
    assert refused.returncode != 0
    assert "keeps characters of latin1 only" in said and "ALTER DATABASE `latin`" in said, said


def test_a_statement_that_gets_no_lock_is_made_again_and_others_that_fail_are_not(monkeypatch):
    monkeypatch.setattr(migrating, "LOCK_PAUSE_SECONDS", 0)
    tries: list[int] = []

    def execute(sql: str, *rest: object) -> str:
        tries.append(int(sql))
        if len(tries) < 3:
            raise OperationalError(int(sql), "no")
        return "done"

    assert migrating.again(execute, "1205", None, False, {}) == "done"
    assert len(tries) == 3
    tries.clear()
    with pytest.raises(OperationalError):
        migrating.again(execute, "1050", None, False, {})
    assert len(tries) == 1
