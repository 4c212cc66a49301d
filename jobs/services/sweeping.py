"""What lies in the storage held against what the database knows, both ways: files without rows, rows without files.

It only tells, unless somebody asks it to mend: then files that nothing knows are deleted, and rows without files are
marked, so that pages say so instead of failing. What is younger than an hour, or belongs to work or uploads under way,
is none of its business. Neither are part files of uploads and scratch folders, which have rules of their own. Files are
listed once, a thousand at a time where they lie in a bucket, and rows held against that list: a hundred bytes of memory
a file. Only of what the list does not have, or has otherwise, the storage is asked again before it is judged.
"""

import dataclasses
import logging
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from jobs import storage, wording
from jobs.models import Artifact, Image, Install, Sweep, Video
from jobs.services import custody, videos

log = logging.getLogger(__name__)

Sizes = dict[int, int]
"""Of files, by the hashes of their keys."""
YOUNG_SECONDS = 3600
"""For how long nothing may have changed in what is looked at."""
NIGHT = range(2, 6)
"""Hours of the site's time zone in which it is done by itself."""
EXAMPLES = 20
"""How many of each kind are named."""
HALF_MOVED = re.compile(r".*(\.part|\.stamp|[0-9a-f-]{36}\.(poster\.jpg|image\.png))")
"""Names that files have only until they are whole and in their place."""


@dataclasses.dataclass
class Finding:
    """Things of one kind: how many, the bytes of their files, some of them by name, and how many were mended."""

    count: int = 0
    bytes: int = 0
    mended: int = 0
    examples: list[str] = dataclasses.field(default_factory=list)

    def add(self, name: str, size: int) -> None:
        self.count += 1
        self.bytes += size
        if len(self.examples) < EXAMPLES:
            self.examples.append(name)


@dataclasses.dataclass
class Report:
    """`strays` are files without rows, `half_moved` those of them that somebody died over, `missing` rows without
    files, `differing` files that are not as long as their rows say."""

    files: int = 0
    rows: int = 0
    seconds: float = 0
    strays: Finding = dataclasses.field(default_factory=Finding)
    half_moved: Finding = dataclasses.field(default_factory=Finding)
    missing: Finding = dataclasses.field(default_factory=Finding)
    differing: Finding = dataclasses.field(default_factory=Finding)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Report":
        findings = {name: Finding(**stored[name]) for name in KINDS}
        return cls(stored["files"], stored["rows"], stored["seconds"], **findings)

    @property
    def is_clean(self) -> bool:
        return not any(getattr(self, name).count for name in KINDS)

    @property
    def sentences(self) -> list[str]:
        """One for each kind that there is something of, as an operator reads it."""
        return [sentence for kind in KINDS for sentence in self.sentences_of(kind)]

    def sentences_of(self, kind: str) -> list[str]:
        found: Finding = getattr(self, kind)
        if not found.count:
            return []
        size = f" ({wording.size(found.bytes)})" if found.bytes else ""
        mended = f", {wording.count(found.mended)} of them mended" if found.mended else ""
        return [f"{KINDS[kind]}: {wording.count(found.count)}{size}{mended}."]


KINDS = {
    "strays": "Files that no row knows",
    "half_moved": "Files that somebody died over",
    "missing": "Rows whose file is gone",
    "differing": "Files that are not as long as they should be",
}


def run(*, fix: bool = False) -> Report:
    """Compare, and with `fix` mend. Only for a storage that `custody.is_ours`."""
    started, report = time.monotonic(), Report()
    sizes: Sizes = {}
    for room in custody.ROOMS:
        for names, there in custody.listed(room):
            sizes |= {hash(found.key): found.size for found in there}
            _look_at_files(report, there, custody.ROOMS[room](names), room, fix)
    _look_at_posters(report, sizes, fix)
    for rows in (Video.with_trash.uploaded(), Artifact.with_trash.all(), Image.objects.all()):
        _look_at_rows(report, rows, sizes, fix)
    report.seconds = round(time.monotonic() - started, 2)
    Sweep.record(report.to_json(), is_fix=fix)
    return report


def nightly() -> bool:
    """Compare and tell, once a night for all machines; by day only what could not be done at night. Returns whether it
    was this machine's turn."""
    install, is_night = Install.get(), timezone.localtime().hour in NIGHT
    if not custody.is_ours(install) or not install.take_turn(timedelta(hours=20 if is_night else 30)):
        return False
    videos.name_unsorted()
    for sentence in run().sentences:
        log.warning("the sweep has found: %s `manage.py sweep` names them, `--fix` mends.", sentence)
    return True


def last() -> tuple[Sweep, Report] | None:
    """The newest report, and when it was made."""
    found = Sweep.objects.first()
    return (found, Report.from_json(found.report)) if found else None


# Files without rows --------------------------------------------------------------------------------------------------


def _look_at_files(report: Report, there: list[storage.Found], known: set[str], room: str, fix: bool) -> None:
    """The files were asked for first: what is made in between is not among them."""
    for found in there:
        key, size = found.key, found.size
        report.files += 1
        if time.time() - found.changed < YOUNG_SECONDS or _is_known(key, known):
            continue
        finding = report.half_moved if HALF_MOVED.fullmatch(PurePosixPath(key).name) else report.strays
        finding.add(key, size)
        if fix:
            storage.delete_with_folders(key, room)
            finding.mended += 1


def _is_known(key: str, known: set[str]) -> bool:
    """Whether the database knows a file, or a folder around it as a whole."""
    return key in known or any(parent.as_posix() in known for parent in PurePosixPath(key).parents)


# Rows without files --------------------------------------------------------------------------------------------------


def _look_at_rows(report: Report, rows: QuerySet[Any], sizes: Sizes, fix: bool) -> None:
    """What is just being deleted for good, or is younger than an hour, is left out."""
    marks = rows.model is not Image
    old = rows.order_by("pk").exclude(created_at__gt=Now() - timedelta(seconds=YOUNG_SECONDS))
    if marks:
        old = old.exclude(removal__is_going=True)
    columns = ("pk", "key", "size", *(("missing_since",) if marks else ()))
    for pk, key, size, *mark in _in_parts(old.values_list(*columns)):
        report.rows += 1
        length = size if sizes.get(hash(key)) == size else _length(key)
        if length is None:
            report.missing.add(f"{rows.model._meta.verbose_name} {pk}: {key}", 0)
            report.missing.mended += fix and marks and _mark(rows.model, pk, key, Now())
            continue
        if fix and any(mark):  # it was put back
            _mark(rows.model, pk, key, None)
        if length != size:
            report.differing.add(f"{key}: {length} bytes, not {size}", abs(length - size))


def _look_at_posters(report: Report, sizes: Sizes, fix: bool) -> None:
    """Of recordings and results. Without its file there is none, or again the one that was found when it came."""
    rows = Video.with_trash.exclude(poster="").exclude(removal__is_going=True).order_by("pk")
    for pk, key in _in_parts(rows.values_list("pk", "poster")):
        if hash(key) in sizes or _length(key) is not None:
            continue
        report.missing.add(f"poster of video {pk}: {key}", 0)
        if fix:
            first = storage.poster_key(pk)
            left = first if key != first and _length(first) is not None else ""
            report.missing.mended += Video.with_trash.filter(pk=pk, poster=key).update(poster=left)


def _in_parts(rows: QuerySet[Any]) -> Iterator[Any]:
    """One row after the other, without a cursor: MariaDB would send all of them at once."""
    after: dict[str, Any] = {}
    while part := list(rows.filter(**after)[: custody.AT_ONCE]):
        yield from part
        after = {"pk__gt": part[-1][0]}


def _length(key: str) -> int | None:
    """In bytes; None for what is not there."""
    try:
        return storage.stat(key).size
    except (FileNotFoundError, ValueError):
        return None


def _mark(model: Any, pk: Any, key: str, since: Any) -> bool:
    """Note since when the file of a row is missing, unless the row has gone or has another file by now."""
    if not model.with_trash.filter(pk=pk, key=key).update(missing_since=since):
        return False
    if model is Artifact:  # the row of a result that is worked on like a recording
        Video.with_trash.filter(pk=pk).update(missing_since=since)
    return True
