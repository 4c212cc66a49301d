"""Recordings and results as the entries of a ZIP file that is made while it is sent."""

import dataclasses
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from django.utils import timezone

from jobs import storage
from jobs.models import Artifact, Video
from jobs.services import naming, uses
from jobs.zip_stream import Entry

LEFT_OUT = "left out.txt"


@dataclasses.dataclass(frozen=True)
class File:
    """`path` is what it is called in the ZIP file, in words of people."""

    path: str
    thing: Video | Artifact


def entries(files: Sequence[File]) -> list[Entry]:
    """Those that are there, each by a path of its own that every system takes; they count as used. What is not in the
    storage any more is told in a text beside. None when nothing is. Raises OSError while the storage is away."""
    there = storage.stats([file.thing.key for file in files])
    found, taken = list[Entry](), {LEFT_OUT}
    for file in files:
        if (stat := there.get(file.thing.key)) is not None:
            changed = timezone.localtime(datetime.fromtimestamp(stat.changed_ns / 1e9, UTC))
            path = naming.free(naming.portable(file.path), taken)
            found.append(Entry(path, stat.size, partial(storage.open_file, file.thing.key), changed))
    uses.note_all([file.thing for file in files if file.thing.key in there])
    gone = [file.path for file in files if file.thing.key not in there]
    return [*found, _told(gone)] if found and gone else found


def _told(paths: Sequence[str]) -> Entry:
    content = b"Missing from the server:\n" + "".join(f"{path}\n" for path in paths).encode()
    return Entry(LEFT_OUT, len(content), lambda: io.BytesIO(content), timezone.localtime())
