import contextlib
import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce, Now

from jobs.errors import JobError
from jobs.models.made_at import MadeAtField
from videoservice import tracing

if TYPE_CHECKING:
    from jobs.models.account import Account


class ImportQuerySet(models.QuerySet["Import"]):
    def of(self, owner: "Account") -> "ImportQuerySet":
        return self.filter(owner=owner)

    def active(self) -> "ImportQuerySet":
        return self.filter(status__in=Import.ACTIVE)

    def kept(self) -> "ImportQuerySet":
        """Those of which the bytes that have arrived may still be gone on with."""
        return self.filter(status__in=(*Import.ACTIVE, Import.Status.FAILED))

    def promised_bytes(self) -> int:
        """What is still to come of those under way whose size is known."""
        found = self.active().filter(size_bytes__gt=F("received_bytes"))
        return int(found.aggregate(rest=Sum(F("size_bytes") - F("received_bytes")))["rest"] or 0)

    def due(self) -> "ImportQuerySet":
        """In line, and not put off until later."""
        return self.filter(status=Import.Status.QUEUED, due_at__lte=Now())

    def lost(self) -> "ImportQuerySet":
        """Running by their row, but silent for too long: their worker is gone."""
        silent_since = Now() - timedelta(seconds=settings.LOST_AFTER_SECONDS)
        return self.filter(status=Import.Status.RUNNING, heartbeat_at__lt=silent_since)


class Import(models.Model):
    """A recording that this server fetches from an address. It becomes a Video with the same id.

        QUEUED <----> RUNNING ----> SUCCEEDED
           |             |  \\
           |             |   `----> FAILED ----> QUEUED (another try, which goes on where this one ended)
           `-------------+--------> CANCELLED

    The bytes lie in a part file like those of an upload; what is `received_bytes` is on the disk for good. RUNNING
    goes back to QUEUED when its worker was lost or stopped, and until `due_at` when the other server breaks off again
    and again. Every change is one conditional UPDATE; the verbs return whether they won. All times are the database's.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    ACTIVE = (Status.QUEUED, Status.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="imports")
    video = models.ForeignKey("jobs.Video", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    """What it became, from when that is there on, and then nobody can cancel it any more. Of one that was refused as
    a duplicate, the recording that was there before."""
    url = models.CharField("address", max_length=2000)
    title = models.CharField(max_length=200, blank=True)
    name = models.CharField("file name", max_length=255, blank=True)
    """"" until the other server told it."""
    work = models.JSONField(default=dict, blank=True)
    """What to do with it: parameters by operation slug, already checked; or a saved chain, by its slug:"""
    pipeline = models.CharField(max_length=80, blank=True)
    allow_duplicate = models.BooleanField(default=False)

    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    received_bytes = models.PositiveBigIntegerField(default=0)
    size_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    """None while, or where, the other server does not say."""
    bytes_per_second = models.FloatField(default=0)
    validator = models.CharField(max_length=255, blank=True)
    """What tells that the bytes there are still those of which some are here: an ETag, or when they were changed."""
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True)
    error_detail = models.TextField(blank=True)
    error_permanent = models.BooleanField(default=False)
    attempt = models.PositiveIntegerField(default=0)
    losses = models.PositiveIntegerField("workers lost", default=0)
    setbacks = models.PositiveIntegerField("times put off", default=0)
    worker = models.CharField(max_length=200, blank=True)

    created_at = MadeAtField()
    queued_at = models.DateTimeField()
    due_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    """Of the first attempt since somebody asked for it (again): the time limit counts from here."""
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    traceparent = models.CharField(
        max_length=tracing.LONGEST, default=tracing.present, db_default="", blank=True, editable=False
    )
    """The trace that it is a part of: of the request, or the work, that made it."""

    objects = ImportQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["owner", "created_at"]),
            models.Index(fields=["status", "queued_at"]),
        ]

    def __str__(self) -> str:
        return self.shown_name

    # Verbs -----------------------------------------------------------------------------------------------------------

    def _move(self, sources: Iterable[str], only: int | Q | None = None, **changes: Any) -> bool:
        """`only` as this attempt, or while this is so."""
        where = Q(pk=self.pk, status__in=list(sources))
        if only is not None:
            where &= only if isinstance(only, Q) else Q(attempt=only)
        won = Import.objects.filter(where).update(**changes) == 1
        if won:
            with contextlib.suppress(Import.DoesNotExist):  # it went with its account, a moment after
                self.refresh_from_db()
        return won

    def start(self, worker: str) -> bool:
        """Claim it for a worker, as a new attempt."""
        attempt = self.attempt + 1
        won = self._move(
            [self.Status.QUEUED],
            self.attempt,
            status=self.Status.RUNNING,
            attempt=attempt,
            worker=worker,
            started_at=Coalesce("started_at", Now()),
            heartbeat_at=Now(),
        )
        if won:
            self.attempt = attempt  # ours, also should the row have gone on to the next one before it was read again
        return won

    def beat(self, attempt: int) -> bool:
        """Say that this attempt is alive. False: it is not the current one any more and has to stop."""
        rows = Import.objects.filter(pk=self.pk, status=self.Status.RUNNING, attempt=attempt)
        return rows.update(heartbeat_at=Now()) == 1

    def advance(self, attempt: int, **facts: Any) -> bool:
        """Note what is known now: how much has arrived, how much there will be, what it is called."""
        return self._move([self.Status.RUNNING], attempt, heartbeat_at=Now(), **facts)

    def succeed(self, attempt: int, video: Any) -> bool:
        return self._move(
            [self.Status.RUNNING],
            attempt,
            status=self.Status.SUCCEEDED,
            video=video,
            received_bytes=video.size,
            size_bytes=video.size,
            bytes_per_second=0,
            finished_at=Now(),
        )

    def fail(self, error: JobError, attempt: int | None = None, **changes: Any) -> bool:
        """End it with an error; from any active state, or only as the given attempt."""
        return self._move(
            self.ACTIVE if attempt is None else [self.Status.RUNNING],
            attempt,
            status=self.Status.FAILED,
            bytes_per_second=0,
            finished_at=Now(),
            error_code=error.code,
            error_message=error.message,
            error_detail=error.detail,
            error_permanent=error.permanent,
            **changes,
        )

    def cancel(self) -> bool:
        """Not once its recording is there: then it has as good as ended."""
        return self._move(
            self.ACTIVE, Q(video=None), status=self.Status.CANCELLED, bytes_per_second=0, finished_at=Now()
        )

    def release(self, attempt: int, seconds: float = 0, **changes: Any) -> bool:
        """Put it back in line: its worker is gone, or it has to wait. It keeps its place."""
        return self._move(
            [self.Status.RUNNING],
            attempt,
            status=self.Status.QUEUED,
            bytes_per_second=0,
            worker="",
            due_at=Now() + timedelta(seconds=seconds),
            **changes,
        )

    def again(self) -> bool:
        """Ask for it once more, after it failed or was cancelled."""
        return self._move(
            [self.Status.FAILED, self.Status.CANCELLED],
            status=self.Status.QUEUED,
            video=None,
            queued_at=Now(),
            due_at=Now(),
            started_at=None,
            finished_at=None,
            losses=0,
            setbacks=0,
            error_code="",
            error_message="",
            error_detail="",
            error_permanent=False,
        )

    def forget_bytes(self) -> None:
        """Its part file is gone: nothing of it is here any more."""
        Import.objects.filter(pk=self.pk).update(received_bytes=0, size_bytes=None, validator="")
        self.received_bytes, self.size_bytes, self.validator = 0, None, ""

    # Facts -----------------------------------------------------------------------------------------------------------

    @property
    def is_active(self) -> bool:
        return self.status in self.ACTIVE

    @property
    def shown_name(self) -> str:
        return self.title or self.name or self.url

    @property
    def place(self) -> str:
        """The other server, as its address names it."""
        return urlsplit(self.url).netloc

    @property
    def progress(self) -> float | None:
        """0 to 1; None while nobody knows how much there will be."""
        if self.status == self.Status.SUCCEEDED:
            return 1.0
        return min(1.0, self.received_bytes / self.size_bytes) if self.size_bytes else None

    @property
    def seconds_left(self) -> float | None:
        if not self.size_bytes or not self.bytes_per_second:
            return None
        return max(0.0, (self.size_bytes - self.received_bytes) / self.bytes_per_second)
