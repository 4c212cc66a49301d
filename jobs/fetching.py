"""Fetching a recording from its address: the boundary between RQ and the work, as `jobs.tasks` is for jobs.

An attempt asks for what is still missing, and asks again by itself when the connection breaks. When nothing came for
some tries it is put off, so that the worker is free meanwhile. What has arrived goes the way of an upload.
"""

import logging
import os
import time
from collections import deque
from io import FileIO
from typing import Any

from django.conf import settings
from django.db import Error, connection, transaction

from jobs import publish, spans, storage, tasks
from jobs.engine.runtime.failures import as_job_error
from jobs.errors import Cancelled, JobError, Released, ResourceError, TimedOut
from jobs.heart import Heart, stopped
from jobs.models import Import, Room, Video
from jobs.services import imports, keeping, losses, quota, uploads, videos
from jobs.services.download import Begun, PartOnly, download
from jobs.services.outbound import TooSlow, Unreachable
from jobs.worker import MediaWorker
from videoservice import tracing

log = logging.getLogger(__name__)
REPORT_SECONDS = 1.0
"""The least time between two reports, at which also all that has arrived is put on the disk for good."""
PACE_SECONDS = 10.0
"""Over how long the pace is measured."""
PAUSES_SECONDS = (1.0, 2.0, 4.0)
"""Before each try after one that brought nothing."""
PUT_OFF_SECONDS = (60, 300, 1200)
"""How long it waits in line when these tries brought nothing, but something had come before."""
BUSY_SECONDS = 5
STORAGE_SECONDS = 20
"""How long one that has come waits in line while the storage is away."""
DRIP_SECONDS, DRIP_BYTES = 60.0, 64 * 1024
"""How little, in how long, is as good as nothing."""
LOOKING_SECONDS = 3600
"""After how long looking at what came counts as hanging; its child has tighter bounds by the file's size."""


def take_turn(queue: str) -> None:
    """Fetch what is next in line, or copy what is to become a recording of its own. Returns quietly when there is
    nothing. When the database is away the reconciler puts it back in line later."""
    try:
        if row := imports.take(tasks.own_name()):
            attempt_import(row)
            imports.forget_elsewhere()
        else:
            keeping.take_turn()
    except tasks.AWAY as error:
        log.warning("the database went away under an import: %s", error)
        connection.close()


def attempt_import(row: Import) -> None:
    """Do one that this process has just started, to whatever end."""
    MediaWorker.note.write(row.pk)
    with spans.attempt(row, imports.QUEUE, "import") as span:
        end_of(row, span)


def end_of(row: Import, span: tracing.Span) -> None:
    attempt = row.attempt
    try:
        with imports.held(row) as part:
            work(row, part)
    except Released:
        imports.recover(row, losses.STOPPED)
    except Cancelled:
        log.info("import %s was stopped", row.pk)
        span.note({"videoservice.outcome": "cancelled"})
        imports.forget_cancelled(row)
    except imports.BusyElsewhere:
        row.release(attempt, BUSY_SECONDS)
    except storage.StorageAway as error:
        log.warning("import %s waits, as the storage is away: %s", row.pk, error)
        if row.release(attempt, STORAGE_SECONDS):
            publish.tell([row.owner_id])
    except tasks.AWAY:
        raise
    except Unreachable as error:
        span.fail(error.code)
        put_off(row, error, attempt)
    except Exception as error:  # noqa: BLE001 the one place that catches everything: it always ends in a state
        failure = as_job_error(error)
        log.warning("import %s failed: %s: %s", row.pk, failure.code, failure.detail or failure.message)
        span.fail(failure.code)
        imports.fail(row, failure, attempt)


def put_off(row: Import, error: JobError, attempt: int) -> None:
    """Wait in line for a server that had sent something and then failed; give up after some times, or at once where
    nothing ever came."""
    row = Import.objects.filter(pk=row.pk).first() or row  # it may be gone, then neither verb finds it
    if row.received_bytes and row.setbacks < len(PUT_OFF_SECONDS):
        log.info("import %s is put off: %s", row.pk, error)
        if row.release(attempt, PUT_OFF_SECONDS[row.setbacks], setbacks=row.setbacks + 1, error_message=error.message):
            publish.tell([row.owner_id])
    else:
        imports.fail(row, error, attempt)


def work(row: Import, part: FileIO) -> None:
    """Fetch what is missing, then make a recording of it."""
    attempt, deadline = row.attempt, deadline_of(row)
    video = imports.made(row)
    with Heart(row, deadline - time.monotonic() + LOOKING_SECONDS) as heart:
        if video is None:
            with tracing.span("fetch from the address"):
                all_of(row, part, deadline)
            video = received(row)
        else:
            claim(row, attempt, video)
            videos.start(video, row.work, row.pipeline)
            storage.upload_path(row.pk).unlink(missing_ok=True)
        heart.end()
        if not row.succeed(attempt, video):  # it is another attempt's, which finds the recording
            raise stopped()
    publish.tell([row.owner_id])


def received(row: Import) -> Video:
    """Raises Cancelled when nobody wants it any more; then nothing has been made."""
    attempt = row.attempt
    facts = {name: getattr(row, name) for name in ("name", "title", "work", "pipeline", "allow_duplicate", "pk")}
    part = storage.upload_path(row.pk)
    return videos.receive(row.owner, part, claim=lambda video: claim(row, attempt, video), **facts)


def claim(row: Import, attempt: int, video: Video) -> None:
    """Of whoever cancels and the recording the first one wins: with its recording a row cannot be cancelled any more.
    Raises Cancelled."""
    if not row.advance(attempt, video=video):
        raise stopped()


def all_of(row: Import, part: FileIO, deadline: float) -> None:
    """Ask until all is there. A try that brought more than a drip gives it as many others; one that only took long is
    not followed by another at once."""
    pauses = iter(PAUSES_SECONDS)
    while True:
        before = row.received_bytes
        report = Report(row, part)
        try:
            download(row, part, max(1.0, deadline - time.monotonic()), report.begins, report.arrives)
            return report.end()
        except Unreachable as error:
            if time.monotonic() > deadline - 1:
                raise too_long() from error
            report.end()
            if row.received_bytes - before >= DRIP_BYTES:
                pauses = iter(PAUSES_SECONDS)
                row.advance(row.attempt, setbacks=0)
                if isinstance(error, PartOnly):
                    continue
            if isinstance(error, TooSlow) or (pause := next(pauses, None)) is None:
                raise
            log.info("import %s is asked for again in %.0f s: %s", row.pk, pause, error)
            time.sleep(pause)


def deadline_of(row: Import) -> float:
    """Until when all has to be there, on this process' own clock; the database told how much of it is used up. Raises
    TimedOut when all is."""
    assert row.started_at and row.heartbeat_at
    left = settings.IMPORT_MINUTES * 60 - (row.heartbeat_at - row.started_at).total_seconds()
    if left <= 0:
        raise too_long()
    return time.monotonic() + left


def too_long() -> TimedOut:
    return TimedOut(
        f"This did not come within {settings.IMPORT_MINUTES} minutes, which is the limit. Try again to go on with it, "
        "or download it yourself and upload it."
    )


class Report:
    """What one request brings, told to the row; and what stops it on the way: no room, no pace, no longer wanted."""

    def __init__(self, row: Import, part: FileIO) -> None:
        self.row, self.part, self.attempt = row, part, row.attempt
        self.there = row.received_bytes
        self._reported = self._slow_since = time.monotonic()
        self._slow_from = 0
        self._marks: deque[tuple[float, int]] = deque()

    def begins(self, begun: Begun) -> None:
        """Raises InputError, OverQuota and ResourceError when there is no room for it, Cancelled when nobody wants it
        any more."""
        if begun.size is not None and begun.size != self.row.size_bytes:
            uploads.refuse_size(begun.size)
        storage.make_room(begun.size or 0)
        owner = self.row.owner
        with transaction.atomic():
            Room.hold(owner)
            counted = max(self.row.received_bytes, self.row.size_bytes or 0)
            quota.refuse(owner, max(begun.size or 0, begun.offset) - counted)
            facts = {"size_bytes": begun.size, "name": begun.name, "validator": begun.validator}
            if not self.row.advance(self.attempt, received_bytes=begun.offset, **facts):
                raise stopped()
        publish.tell([owner.pk])
        self.there = self._slow_from = begun.offset
        self._marks.append((time.monotonic(), begun.offset))

    def arrives(self, there: int) -> None:
        """Raises as `begins` does, and TooSlow."""
        self.there, now = there, time.monotonic()
        if now - self._reported < REPORT_SECONDS:
            return
        self._reported = now
        self._marks.append((now, there))
        while now - self._marks[0][0] > PACE_SECONDS and len(self._marks) > 2:
            self._marks.popleft()
        if self._free_bytes() < uploads.MARGIN_BYTES:
            raise ResourceError(
                "The server's disk is full. What has arrived is kept: make room, or ask the operator to, then try "
                "again.",
                code="disk_full",
            )
        self._refuse_drip(now)
        self.keep()
        if self.row.size_bytes is None:
            quota.refuse(self.row.owner, 0)

    def _free_bytes(self) -> int:
        """How much more can come: a bucket takes any, but it comes to this machine's disk first."""
        disk = os.fstatvfs(self.part.fileno())
        return min(storage.free_bytes(), disk.f_bavail * disk.f_frsize)

    def keep(self) -> None:
        """Put what has arrived on the disk for good, and say so."""
        os.fdatasync(self.part.fileno())
        (since, had), (now, has) = self._marks[0], self._marks[-1]
        pace = (has - had) / (now - since) if now > since else 0.0
        self._tell(received_bytes=self.there, bytes_per_second=pace)

    def end(self) -> None:
        """The request is over, well or not."""
        if self._marks:
            self.keep()

    def _refuse_drip(self, now: float) -> None:
        if now - self._slow_since < DRIP_SECONDS:
            return
        if self.there - self._slow_from < DRIP_BYTES:
            raise TooSlow("The other server sends hardly anything. Try again later.")
        self._slow_since, self._slow_from = now, self.there

    def _tell(self, **facts: Any) -> None:
        """While the database is away the bytes go on arriving."""
        try:
            current = self.row.advance(self.attempt, **facts)
        except Error as error:
            log.warning("could not report on import %s: %s", self.row.pk, error)
            connection.close()
            return
        if not current:
            raise stopped()
        publish.tell([self.row.owner_id])
