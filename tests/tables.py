"""A database without rows that has all tables, migrated once for all runs of tests on the same migrations.

Migrating takes as much of a processor as five hundred tests; that it works, and at once, tests/test_migrating.py asks.
"""

import contextlib
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.processes import BASE_DIR, run
from tests.servers import MariaDB
from videoservice import preparing

FOLDER = BASE_DIR / ".pytest_cache"


def put(database: Path) -> None:
    """Make this file of SQLite, which is not there yet."""
    kept = _kept("sqlite3")
    with _alone(kept):
        if not kept.exists():
            with tempfile.TemporaryDirectory() as data:
                _migrate(f"sqlite:///{data}/new.sqlite3", data)
                _keep(Path(data) / "new.sqlite3", kept)
        shutil.copyfile(kept, database)


def load(server: MariaDB, name: str) -> None:
    """Make the database of this name there."""
    server.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    kept = _kept("sql")
    with _alone(kept):
        if kept.exists():
            server.load(name, kept.read_text())
            return
        with tempfile.TemporaryDirectory() as data:
            _migrate(f"mysql://root@127.0.0.1:{server.port}/{name}", data)
            dump = Path(data) / "dump"
            dump.write_text(server.dump(name))
            _keep(dump, kept)


def _kept(kind: str) -> Path:
    return FOLDER / f"tables-{preparing.tables_digest(kind)}.{kind}"


@contextlib.contextmanager
def _alone(kept: Path) -> Iterator[None]:
    """Of several runs, one migrates."""
    kept.parent.mkdir(exist_ok=True)
    with (kept.parent / f"tables{kept.suffix}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _migrate(url: str, data: str) -> None:
    own = {"DJANGO_SETTINGS_MODULE": "videoservice.settings", "DATABASE_URL": url, "DATA_DIR": data}
    run([sys.executable, "manage.py", "migrate", "-v0"], cwd=BASE_DIR, env=os.environ | own)


def _keep(made: Path, kept: Path) -> None:
    """Whole or not at all, and nothing of other migrations."""
    for outdated in kept.parent.glob(f"tables-*{kept.suffix}"):
        outdated.unlink()
    shutil.copyfile(made, kept.with_suffix(".part"))
    kept.with_suffix(".part").rename(kept)
