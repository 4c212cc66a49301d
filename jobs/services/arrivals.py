"""What files that arrive have in common, uploads and results alike: looked at in turn, then put into a row."""

import threading
from collections.abc import Callable
from pathlib import Path

from django.db import DatabaseError, connection, transaction

from jobs import storage
from jobs.engine.pipelines.probe import Probed, probe
from jobs.engine.runtime import processors, sandbox
from jobs.errors import JobError
from jobs.models import Image, Video
from jobs.services import events

PROBES = threading.BoundedSemaphore(processors.available())
"""Many uploads that end together must not take the machine down."""

WARM = ("jobs.engine.pipelines.probe", "jobs.engine.video.thumbnails")
"""What takes most of the time in which a short recording is looked at: these imports."""


def allow_warm() -> None:
    """Let this process have them done before files arrive."""
    sandbox.allow_warm(*WARM)


def announced() -> None:
    """A file is to arrive."""
    sandbox.warm()


def probed(file: Path, poster: Path) -> Probed:
    """What a recording is, when its turn has come. Raises as `probe` does."""
    with PROBES:
        return probe(file, poster=poster)


def record(row: Video | Image, undo: Callable[[], None], claim: Callable[[], None] = lambda: None) -> None:
    """Insert the row of files that are in place. `undo` is called when it surely could not be inserted; also when
    another has made it meanwhile, of files of its own: `row` is that one then. `claim` is asked in the same
    transaction, and raises JobError when the row must not come to be.

    While nobody can tell, because the database is away, the files stay: it may be that only the answer was lost. The
    next try, or the sweep, finds out.
    """
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            if isinstance(row, Video):
                events.came(row)
            claim()
    except (DatabaseError, JobError) as error:
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        there = type(row)._base_manager.filter(pk=row.pk).first()
        if there is None or there.key != row.key:
            undo()
        if there is None or isinstance(error, JobError):  # told to stop, maybe a moment after
            raise
        row.refresh_from_db()


def discard(video: Video) -> None:
    """Delete the files of a recording whose row did not come to be. The poster has one place for all who try."""
    storage.discard(video.key)
    if video.poster and not Video.with_trash.filter(pk=video.pk).exists():
        storage.discard(video.poster)
