"""The database that the environment names, and how long it is waited for."""

from pathlib import Path
from typing import Any

import dj_database_url

from videoservice import env


def read(file: Path, seconds: int) -> dict[str, Any]:
    """What DATABASE_URL names, or SQLite in this file. A statement is waited for so many seconds."""
    config: dict[str, Any] = dict(dj_database_url.parse(env.text("DATABASE_URL", f"sqlite:///{file}")))
    return config | (of_sqlite() if config["ENGINE"].endswith("sqlite3") else of_mysql(seconds))


def of_sqlite() -> dict[str, Any]:
    options = {
        # Writers take their lock at the start of a transaction: waiting works then, upgrading a read lock fails.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # What was said to be done has to be done after a power cut too.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
    return {"OPTIONS": options, "CONN_MAX_AGE": None}  # opening it again costs as much as three queries


def of_mysql(seconds: int) -> dict[str, Any]:
    options = {
        "charset": "utf8mb4",
        "isolation_level": "read committed",
        # The times that it gives are UTC, as those that we store; who waits for a row gives up before the answer.
        "init_command": f"SET time_zone = '+00:00', innodb_lock_wait_timeout = {max(1, seconds * 2 // 3)}",
        "connect_timeout": min(5, seconds),
        "read_timeout": seconds,
        "write_timeout": seconds,
    }
    # The server has few connections, and threads that wait for work would keep theirs.
    return {"OPTIONS": options, "CONN_MAX_AGE": 0}
