"""Backups of a whole install, made while it runs: all rows of one moment, and every file that they name.

    FOLDER/contents/ab/abcdef…            each content once, by its SHA-256, shared by all backups
    FOLDER/2026-11-30T22-10-05Z/          a backup: it has its name when it is whole
        rows/*.jsonl  files.jsonl         rows by model; key, hash and size of each file
        secret_key                        where it is not given by the environment: other secrets are sealed with it
        backup.json                       what it is of, and the hash of each file above

The files are copied first, which takes long; then the rows are read at one moment, and what came meanwhile is copied.
If a file that these rows name went in between, the rows are read once more, which by then takes seconds.
"""

import contextlib
import dataclasses
import fcntl
import json
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from jobs import build, storage
from jobs.errors import InputError, ResourceError
from jobs.models import Artifact, Image, Install, Video
from jobs.services import backup_files, backup_rows
from jobs.services.backup_files import Contents, Entry, Progress
from videoservice import env

FORMAT = 1
ROUNDS = 5
"""How often rows are read before a file that keeps going missing is told as such."""
NAME = "%Y-%m-%dT%H-%M-%SZ"
SECRET = "secret_key"  # noqa: S105 the name of a file
FILES = "files.jsonl"
FACTS = "backup.json"
LOCK = "lock"


@dataclasses.dataclass(frozen=True)
class Backup:
    """A whole backup. `missing` are keys that rows name and the storage did not have, without those of rows that said
    so already: of these there is the number, `known_missing`."""

    folder: Path
    facts: dict[str, Any]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def missing(self) -> list[str]:
        found: list[str] = self.facts["missing"]
        return found

    @property
    def known_missing(self) -> int:
        found: int = self.facts.get("known_missing", 0)
        return found

    def entries(self) -> dict[str, Entry]:
        """Its files, by key. Raises InputError when the list is damaged."""
        if not _is_whole(self.folder / FILES, self.facts["sha256"][FILES]):
            raise _damaged(self.folder / FILES)
        return backup_files.listed(self.folder / FILES)


def every(folder: Path) -> list[Backup]:
    """The backups in a folder, oldest first. Raises InputError when the facts of one are damaged."""
    found = sorted(path.parent for path in folder.glob(f"*/{FACTS}") if _is_name(path.parent.name))
    return [Backup(one, _facts(one / FACTS)) for one in found]


def _facts(file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(file.read_bytes())
    except ValueError as error:
        raise _damaged(file) from error
    return found


def _damaged(file: Path) -> InputError:
    return InputError(f"{file} is damaged. Move the folder that it is in elsewhere.", code="damaged")


def _is_name(text: str) -> bool:
    with contextlib.suppress(ValueError):
        return datetime.strptime(text, NAME).replace(tzinfo=UTC) is not None
    return False


def find(folder: Path, name: str = "") -> Backup:
    """This one, or the newest. Raises InputError."""
    found = [one for one in every(folder) if name in ("", one.name)]
    if not found:
        raise InputError(f"There is no backup{f' {name}' if name else ''} in {folder}.", code="no_backup")
    return found[-1]


# Making --------------------------------------------------------------------------------------------------------------


def make(folder: Path, progress: Progress) -> Backup:
    """Back everything up. Raises InputError for a folder that cannot be one of backups, ResourceError while another
    backup is being made there."""
    if storage.holds(folder):
        raise InputError("The folder lies in the storage itself. Choose one elsewhere.", code="folder")
    with _alone(folder):
        _clear(folder)
        at = _moment(folder)
        part = folder / f"{at.strftime(NAME)}.part"
        (part / "rows").mkdir(parents=True, mode=0o700)
        try:
            return _made(folder, part, at, progress)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _clear(folder: Path) -> None:
    """Delete what a backup that was killed left, and nothing else that somebody may have there."""
    for left in folder.glob("*.part"):
        if _is_name(left.stem):
            shutil.rmtree(left)
    Contents(folder / "contents").clear()


def _moment(folder: Path) -> datetime:
    """Now, or the next second when this one has given a backup its name."""
    while (folder / (at := datetime.now(UTC)).strftime(NAME)).exists():
        time.sleep(1 - at.microsecond / 1e6)
    return at


def _known(folder: Path) -> dict[str, Entry]:
    """What the newest backup had. Without it, or when its list is damaged, all files are read again."""
    before = every(folder)
    with contextlib.suppress(InputError):
        return before[-1].entries() if before else {}
    return {}


def _made(folder: Path, part: Path, at: datetime, progress: Progress) -> Backup:
    contents, install = Contents(folder / "contents"), Install.get()
    entries = _taken(contents, _known(folder), progress)
    for _ in range(ROUNDS):
        with backup_rows.snapshot():
            migrations, counts = backup_rows.migrations(), backup_rows.write(part / "rows")
            wanted, known_missing = _named(), _known_missing()
        entries |= _taken(contents, entries, progress)
        missing = sorted(wanted - entries.keys())
        if not missing:
            break
    with (part / FILES).open("w", encoding="utf-8") as out:
        out.writelines(entries[key].to_line() for key in sorted(entries))
    _keep_secret(part)
    hashes = {one: backup_files.hashed_file(part / one, _silent) for one in _parts(part)}
    facts: dict[str, Any] = {
        "format": FORMAT,
        "version": build.ours(),
        "made_at": at.isoformat(),
        "install": str(install.identity),
        "migrations": migrations,
        "rows": counts,
        "files": len(entries),
        "bytes": sum(entry.size for entry in entries.values()),
        "missing": missing,
        "known_missing": len(known_missing - entries.keys()),
        "sha256": hashes,
    }
    (part / FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")
    for name in (FACTS, *hashes):
        storage.sync(part / name)
    whole = part.rename(part.with_suffix(""))
    storage.sync(folder)
    return Backup(whole, facts)


def _silent(count: int) -> None:
    """Nobody watches."""


def _taken(contents: Contents, known: dict[str, Entry], progress: Progress) -> dict[str, Entry]:
    found = (contents.take(key, known.get(key), progress) for key in backup_files.stored())
    return {entry.key: entry for entry in found if entry}


def _named() -> set[str]:
    """The keys that rows name, without those of which they say that the file is missing."""
    keys = [rows.filter(missing_since=None).values_list("key", flat=True) for rows in _marked()]
    posters, images = Video._base_manager.values_list("poster", flat=True), Image._base_manager
    return {key for found in (*keys, posters, images.values_list("key", flat=True)) for key in found if key}


def _known_missing() -> set[str]:
    return {key for rows in _marked() for key in rows.exclude(missing_since=None).values_list("key", flat=True)}


def _marked() -> list[Any]:
    """The rows that a sweep marks when their file is gone."""
    return [Video._base_manager.all(), Artifact._base_manager.all()]


def _keep_secret(part: Path) -> None:
    source = Path(settings.DATA_DIR) / SECRET
    if not env.text("SECRET_KEY") and source.is_file():
        (part / SECRET).touch(mode=0o600)
        (part / SECRET).write_bytes(source.read_bytes())


def _parts(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.glob("**/*") if path.is_file())


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else writes or reads in a folder of backups. Raises ResourceError when somebody does."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / LOCK).open("w") as lock:
        _lock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def kept(backup: Backup) -> Iterator[None]:
    """Nobody deletes what is read, though others may read it too. Raises ResourceError while somebody writes there, and
    InputError when it has gone by now."""
    file = backup.folder.parent / LOCK
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # a copy that is read only: nobody writes there
            file.touch()
        with contextlib.suppress(FileNotFoundError):
            _lock(stack.enter_context(file.open()), fcntl.LOCK_SH)
        if not backup.folder.is_dir():
            raise InputError(f"The backup {backup.name} has just been deleted.", code="no_backup")
        yield


def _lock(file: IO[str], how: int) -> None:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ResourceError(
            "Another backup, check or restore is at work there. Wait for its end.", code="busy"
        ) from error


def keep_newest(folder: Path, count: int) -> int:
    """Delete older backups, and what only they have. Returns how many bytes of contents that were. Raises InputError,
    and deletes nothing, when it cannot be read what the newer ones have."""
    with _alone(folder):
        found = every(folder)
        wanted = {entry.sha256 for one in found[-count:] for entry in one.entries().values()}
        for old in found[:-count]:
            shutil.rmtree(old.folder)
        return Contents(folder / "contents").forget(wanted)


# Checking -----------------------------------------------------------------------------------------------------------


def check(backup: Backup, progress: Progress) -> list[str]:
    """What of a backup is damaged or missing: names of its own files, and keys. Contents that are damaged are put away,
    and the next backup copies them again from the storage. Raises as `kept` does."""
    with kept(backup):
        own = own_damaged(backup)
        if FILES in own:
            return own
        contents = Contents(backup.folder.parent / "contents")
        entries = backup.entries().values()
        damaged = {sha256 for sha256 in {one.sha256 for one in entries} if not contents.check(sha256, progress)}
        return own + sorted(entry.key for entry in entries if entry.sha256 in damaged)


def own_damaged(backup: Backup) -> list[str]:
    """Names of its own files that are damaged or missing."""
    return [name for name, sha256 in backup.facts["sha256"].items() if not _is_whole(backup.folder / name, sha256)]


def _is_whole(file: Path, sha256: str) -> bool:
    return file.is_file() and backup_files.hashed_file(file, _silent) == sha256
