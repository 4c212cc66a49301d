"""Which files in the storage belong to what the database knows.

Files are in place before their rows, so who dies in between leaves files that nothing knows (`sweeping` finds them).
A database judges only the storage of its own install: both carry the install's identity. A storage without one is
taken over by a database that knows some of it.
"""

import functools
import itertools
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from uuid import UUID

from jobs import storage
from jobs.models import Artifact, Image, Import, Install, Job, Upload, Video
from jobs.services import images

log = logging.getLogger(__name__)
STAMP = "install"
"""The key of the file that has the install's identity."""
AT_ONCE = 500
"""Names in one query."""
UUIDS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HASHES = re.compile(r"[0-9a-f]{64}")
Keys = set[str]


# Whose it is ---------------------------------------------------------------------------------------------------------


def is_ours(install: Install) -> bool:
    """Whether this database may judge what lies in the storage."""
    if not storage.exists(STAMP) and _knows_some():
        storage.put_new(f"{install.identity}\n".encode(), STAMP)
    try:
        is_known = storage.read(STAMP).decode().strip() == str(install.identity)
    except FileNotFoundError:
        is_known = False
    if not is_known:
        _warn(storage.place(STAMP), install.identity)
    return is_known


@functools.cache
def _warn(stamp: str, identity: UUID) -> None:
    log.warning(
        "The files in %s seem to belong to another database than this one, so nothing is cleared away there. "
        "Check DATABASE_URL and DATA_DIR; if both are right, write %s into %s.",
        stamp.rpartition("/")[0],
        identity,
        stamp,
    )


def _knows_some() -> bool:
    """Whether something in the storage is this database's, or nothing is anybody's."""
    found = [(room, there) for room in ("videos", "images", "artifacts") if (there := names(room))]
    return not found or any(ROOMS[room](part) for room, there in found for part in parts(there))


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


# Looking ------------------------------------------------------------------------------------------------------------


def names(room: str) -> list[str]:
    """The folders of a room that have names such as we give."""
    form = _form(room)
    return [name for name in storage.folders(room) if form.fullmatch(name)]


def listed(room: str) -> Iterator[tuple[list[str], list[storage.Found]]]:
    """The folders of a room that have names such as we give, and all their files: as many at a time as one query
    takes."""
    form = _form(room)
    by_folder = itertools.groupby(storage.listed(room), lambda found: found.key.split("/")[1])
    ours = ((name, list(files)) for name, files in by_folder if form.fullmatch(name))
    while part := list(itertools.islice(ours, AT_ONCE)):
        yield [name for name, _ in part], [found for _, files in part for found in files]


def _form(room: str) -> re.Pattern[str]:
    return HASHES if room == "cache" else UUIDS


def parts(names: list[str]) -> Iterator[list[str]]:
    """As many as one query takes."""
    for first in range(0, len(names), AT_ONCE):
        yield names[first : first + AT_ONCE]
