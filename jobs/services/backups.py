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
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from jobs import build, storage
from jobs.errors import InputError, ResourceError
from jobs.models import Account, Artifact, Image, Install, Video
from jobs.services import backup_files, backup_rows, custody
from jobs.services.backup_files import Contents, Damaged, Entry, Progress

FORMAT = 1
ROUNDS = 5
"""How often rows are read before a file that keeps going missing is told as such."""
NAME = "%Y-%m-%dT%H-%M-%SZ"
SECRET = "secret_key"  # noqa: S105 the name of a file


@dataclasses.dataclass(frozen=True)
class Backup:
    """A whole backup. `missing` are keys that rows name and the storage did not have."""

    folder: Path
    facts: dict[str, Any]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def missing(self) -> list[str]:
        found: list[str] = self.facts["missing"]
        return found

    def entries(self) -> dict[str, Entry]:
        return backup_files.listed(self.folder / "files.jsonl")


def every(folder: Path) -> list[Backup]:
    """The backups in a folder, oldest first."""
    found = sorted(path.parent for path in folder.glob("*/backup.json") if _is_name(path.parent.name))
    return [Backup(one, json.loads((one / "backup.json").read_text(encoding="utf-8"))) for one in found]


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
    if folder.resolve().is_relative_to(storage.path("")):
        raise InputError("The folder lies in the storage itself. Choose one elsewhere.", code="folder")
    with _alone(folder):
        at = datetime.now(UTC)
        part = folder / f"{at.strftime(NAME)}.part"
        for left in folder.glob("*.part"):  # of a backup that was killed
            shutil.rmtree(left)
        (part / "rows").mkdir(parents=True, mode=0o700)
        try:
            return _made(folder, part, at, progress)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _made(folder: Path, part: Path, at: datetime, progress: Progress) -> Backup:
    contents, before, install = Contents(folder / "contents"), every(folder), Install.get()
    entries = _taken(contents, before[-1].entries() if before else {}, progress)
    for _ in range(ROUNDS):
        with backup_rows.snapshot():
            counts, wanted = backup_rows.write(part / "rows"), _named()
        entries |= _taken(contents, entries, progress)
        missing = sorted(wanted - entries.keys())
        if not missing:
            break
    with (part / "files.jsonl").open("w", encoding="utf-8") as out:
        out.writelines(entries[key].to_line() for key in sorted(entries))
    _keep_secret(part)
    hashes = {one: backup_files.hashed(part / one, _silent) for one in _parts(part)}
    facts: dict[str, Any] = {
        "format": FORMAT,
        "version": build.ours(),
        "made_at": at.isoformat(),
        "install": str(install.identity),
        "migrations": backup_rows.migrations(),
        "rows": counts,
        "files": len(entries),
        "bytes": sum(entry.size for entry in entries.values()),
        "missing": missing,
        "sha256": hashes,
    }
    (part / "backup.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    for name in ("backup.json", *hashes):
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
    """The keys that rows name."""
    columns = [(Video._base_manager, "key"), (Video._base_manager, "poster"), (Artifact._base_manager, "key")]
    found = [rows.values_list(column, flat=True) for rows, column in (*columns, (Image._base_manager, "key"))]
    return {key for keys in found for key in keys if key}


def _keep_secret(part: Path) -> None:
    source = Path(settings.DATA_DIR) / SECRET
    if not os.environ.get("SECRET_KEY") and source.is_file():
        (part / SECRET).touch(mode=0o600)
        (part / SECRET).write_bytes(source.read_bytes())


def _parts(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.glob("**/*") if path.is_file())


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One backup, restore or check at a time in a folder."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ResourceError("Another backup is being made there. Wait for its end.", code="busy") from error
        yield


def keep_newest(folder: Path, count: int) -> int:
    """Delete older backups, and what only they have. Returns how many bytes of contents that were."""
    with _alone(folder):
        found = every(folder)
        for old in found[:-count]:
            shutil.rmtree(old.folder)
        wanted = {entry.sha256 for one in found[-count:] for entry in one.entries().values()}
        return Contents(folder / "contents").forget(wanted)


# Checking and restoring ----------------------------------------------------------------------------------------------


def check(backup: Backup, progress: Progress) -> list[str]:
    """What of a backup is damaged or missing: names of its own files, and keys."""
    hashes: dict[str, str] = backup.facts["sha256"]
    own = [name for name, sha256 in hashes.items() if not _is_whole(backup.folder / name, sha256)]
    if "files.jsonl" in own:
        return own
    contents = Contents(backup.folder.parent / "contents")
    entries = backup.entries().values()
    damaged = {sha256 for sha256 in {one.sha256 for one in entries} if not contents.check(sha256, progress)}
    return own + sorted(entry.key for entry in entries if entry.sha256 in damaged)


def _is_whole(file: Path, sha256: str) -> bool:
    return file.is_file() and backup_files.hashed(file, _silent) == sha256


def restore(backup: Backup, progress: Progress) -> list[str]:
    """Make this new install what was backed up. Returns the keys of files that are damaged or missing there.

    Files come first and rows last, all or none: killed in between, it can be run again. Raises InputError for an
    install that is in use, and a backup of another version or with damaged rows.
    """
    _refuse_unfit(backup)
    contents, lost = Contents(backup.folder.parent / "contents"), []
    for entry in backup.entries().values():
        try:
            contents.give(entry, progress)
        except (Damaged, FileNotFoundError):
            lost.append(entry.key)
    backup_rows.read(backup.folder / "rows", backup.facts["rows"])
    storage.path(custody.STAMP).unlink(missing_ok=True)
    custody.is_ours(Install.get())
    return lost


def _refuse_unfit(backup: Backup) -> None:
    if Account.objects.exists():
        raise InputError(
            "This install has accounts already, and a restore would replace all that is here. Restore into a new one: "
            "set DATA_DIR, and DATABASE_URL if need be.",
            code="in_use",
        )
    here, there = backup_rows.migrations(), backup.facts["migrations"]
    if backup.facts["format"] != FORMAT or any(here[app] != there[app] for app in here.keys() & there.keys()):
        raise InputError(
            f"The backup was made by version {backup.facts['version']}, and this is {build.ours()}. Restore it with "
            "that version, then upgrade.",
            code="other_version",
        )
    own = [name for name, sha256 in backup.facts["sha256"].items() if not _is_whole(backup.folder / name, sha256)]
    if own:
        raise InputError(f"The backup is damaged: {', '.join(own)}. Take another one.", code="damaged")


def restore_secret(backup: Backup) -> bool:
    """Take the backup's secret key for this install's, where the environment gives none; whether that was done."""
    source = backup.folder / SECRET
    if os.environ.get("SECRET_KEY") or not source.is_file():
        return False
    part = Path(settings.DATA_DIR) / f"{SECRET}.part"
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_bytes(source.read_bytes())
    part.replace(Path(settings.DATA_DIR) / SECRET)
    return True
