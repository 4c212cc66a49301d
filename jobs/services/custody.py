"""Which files in the storage belong to what the database knows, and what becomes of the others.

Rows are deleted before their files, and files are in place before their rows: who dies in between leaves files that
nothing knows. They are moved to the trash, a folder for each day, where an operator finds them for a week.

A database judges only the storage of its own install: both carry the install's identity. A storage without one is
taken over by a database that knows some of it.
"""

import contextlib
import functools
import logging
import os
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path, PurePosixPath
from uuid import UUID

from django.utils import timezone

from jobs import storage
from jobs.models import Artifact, Image, Import, Install, Job, Upload, Video
from jobs.services import images

log = logging.getLogger(__name__)
STAMP = "install"
"""The key of the file that has the install's identity."""
OLD_SECONDS = 24 * 3600
"""How long nothing may have changed in what is swept."""
EVERY = timedelta(hours=6)
KEPT_DAYS = 7
"""How long the trash is kept."""
AT_ONCE = 500
"""Names in one query."""
UUIDS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HASHES = re.compile(r"[0-9a-f]{64}")
Keys = set[str]


# Whose it is ---------------------------------------------------------------------------------------------------------


def is_ours(install: Install) -> bool:
    """Whether this database may judge what lies in the storage."""
    stamp = storage.path(STAMP)
    if not stamp.exists() and _knows_some():
        _stamp(stamp, install)
    try:
        is_known = stamp.read_text().strip() == str(install.identity)
    except FileNotFoundError:
        is_known = False
    if not is_known:
        _warn(stamp, install.identity)
    return is_known


@functools.cache
def _warn(stamp: Path, identity: UUID) -> None:
    log.warning(
        "The files in %s seem to belong to another database than this one, so nothing is cleared away there. "
        "Check DATABASE_URL and DATA_DIR; if both are right, write %s into %s.",
        stamp.parent,
        identity,
        stamp,
    )


def _knows_some() -> bool:
    """Whether something in the storage is this database's, or nothing is anybody's."""
    found = [(room, names) for room in ("videos", "images", "artifacts") if (names := _names(room))]
    return not found or any(ROOMS[room](part) for room, names in found for part in _parts(names))


def _stamp(stamp: Path, install: Install) -> None:
    """Of several databases that try at once one wins."""
    part = stamp.with_name(f"{uuid.uuid4()}.stamp")
    storage.make_folder(stamp.parent)
    part.write_text(f"{install.identity}\n")
    storage.sync(part)
    try:
        with contextlib.suppress(FileExistsError):
            os.link(part, stamp)
    except OSError:  # a filesystem that knows one name a file only
        part.replace(stamp)
    part.unlink(missing_ok=True)
    storage.sync(stamp.parent)


# What is known -------------------------------------------------------------------------------------------------------


def _of_videos(names: list[str]) -> Keys:
    rows = Video.with_trash.filter(pk__in=names).values_list("pk", "key", "poster")
    known = {key for pk, *keys in rows for key in (*keys, storage.poster_key(pk))}
    return known | {storage.recording_key(pk) for pk in _arriving(names)}


def _of_images(names: list[str]) -> Keys:
    known = set(Image.objects.filter(pk__in=names).values_list("key", flat=True))
    return known | {images.folder(pk) for pk in _arriving(names)}


def _of_artifacts(names: list[str]) -> Keys:
    known = set(Artifact.with_trash.filter(job__in=[UUID(name) for name in names]).values_list("key", flat=True))
    running = Job.with_trash.filter(pk__in=names, status=Job.Status.RUNNING).values_list("pk", flat=True)
    return known | {storage.artifacts_key(pk) for pk in running}


def _of_cache(names: list[str]) -> Keys:
    known = Video.with_trash.filter(sha256__in=names).values_list("sha256", flat=True)
    return {f"cache/{sha256}" for sha256 in known}


def _arriving(names: list[str]) -> Iterable[UUID]:
    coming = Upload.objects.filter(pk__in=names), Import.objects.active().filter(pk__in=names)
    return [pk for rows in coming for pk in rows.values_list("pk", flat=True)]


ROOMS: dict[str, Callable[[list[str]], Keys]] = {
    "videos": _of_videos,
    "images": _of_images,
    "artifacts": _of_artifacts,
    "cache": _of_cache,
}
"""By folder of the storage: the keys that the database knows below some of its folders."""


# What becomes of the others ------------------------------------------------------------------------------------------


def sweep() -> int:
    """Move what nothing knows to the trash, and empty that of long ago. Returns how many files and folders it moved.
    Only for a storage that `is_ours`."""
    strays = [stray for room in ROOMS for stray in _strays(room)]
    for key in strays:
        log.warning("nothing knows of %s; it is kept in the trash for %d days", key, KEPT_DAYS)
        storage.discard(key)
    for day in _days_of_trash():
        if day < timezone.now().date() - timedelta(days=KEPT_DAYS):
            storage.delete_tree(f"trash/{day.isoformat()}")
    return len(strays)


def _strays(room: str) -> Iterator[str]:
    # The folders first: what is made in between is not among them.
    old = [name for name in _names(room) if _unchanged_seconds(storage.path(f"{room}/{name}")) > OLD_SECONDS]
    for part in _parts(old):
        known = ROOMS[room](part)
        used = known | {parent.as_posix() for key in known for parent in PurePosixPath(key).parents}
        for folder in (f"{room}/{name}" for name in part):
            if folder not in used:
                yield folder
            elif folder not in known:
                inside = (f"{folder}/{entry.name}" for entry in _inside(storage.path(folder)))
                yield from (key for key in inside if key not in used)


def _names(room: str) -> list[str]:
    """The folders of a room that have names such as we give."""
    form = HASHES if room == "cache" else UUIDS
    return sorted(entry.name for entry in _inside(storage.path(room)) if form.fullmatch(entry.name))


def _inside(folder: Path) -> list[Path]:
    """What is in a folder; nothing is in one that is not there, or is just going."""
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _parts(names: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(names), AT_ONCE):
        yield names[first : first + AT_ONCE]


def _unchanged_seconds(folder: Path) -> float:
    """How long ago something changed in it; none at all for one that is just going."""
    try:
        return time.time() - max(entry.stat().st_mtime for entry in (folder, *folder.iterdir()))
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _days_of_trash() -> Iterator[date]:
    for entry in _inside(storage.path("trash")):
        with contextlib.suppress(ValueError):
            yield date.fromisoformat(entry.name)
