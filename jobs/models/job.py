import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from jobs import clock
from jobs.errors import JobError
from jobs.models.job_queryset import JobQuerySet
from jobs.models.made_at import MadeAtField
from jobs.models.removal import LiveManager, RemovalField
from jobs.models.signals import job_ended
from videoservice import tracing

if TYPE_CHECKING:
    from jobs.models.video import Video
    from jobs.operations.base import Operation

LONG_SECONDS = 60
"""How long work has to have run for its end to be asked about."""


def present(version: "Video | None") -> "Video | None":
    """A result that something works on, unless it has gone to the trash since."""
    return version if version and version.removal_id is None else None


class Job(models.Model):
    """One operation on one recording, or on a result of another job.

        WAITING ----> QUEUED <----> RUNNING ----> SUCCEEDED
           |             |             |  \\
           |             |             |   `----> FAILED   (also from WAITING, when what it waits for did not succeed)
           `-------------+-------------+--------> CANCELLED

    RUNNING goes back to QUEUED only when its worker was lost or stopped; the attempt number rises with every start, and
    an attempt that is no longer the current one can change nothing. Terminal rows are never reopened: a retry is a new
    job that points to the old one. Every change is one conditional UPDATE that raises `version`; the verbs return
    whether they won. All times are the database's.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"  # for another job
        QUEUED = "queued", "Queued"  # for a free worker
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    ACTIVE = (Status.WAITING, Status.QUEUED, Status.RUNNING)
    TERMINAL = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="jobs")
    video = models.ForeignKey("jobs.Video", on_delete=models.CASCADE, related_name="jobs")
    """The recording that it all came from."""
    on_result = models.BooleanField(default=False, editable=False)
    """Whether it works on a result, which `source` or `source_job` tells: both are null when that was deleted."""
    source = models.ForeignKey(
        "jobs.Video", on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="work"
    )
    source_job = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="followers"
    )
    """The job whose result it works on, where that was not there yet when this one was made."""
    source_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    """What it works on, by its bytes; "" while that is not known."""
    run = models.ForeignKey(
        "jobs.Run", on_delete=models.CASCADE, null=True, blank=True, editable=False, related_name="jobs"
    )
    step = models.CharField(max_length=60, blank=True, editable=False)
    """Its name in the chain that `run` runs."""
    handover = models.BooleanField(default=False, editable=False)
    """Whether only further steps read its result, whose audio is therefore without loss."""
    reuse_of = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="reuses"
    )
    """The job that had done the very same before, whose results it took."""
    dropped_at = models.DateTimeField("results dropped at", null=True, blank=True, editable=False)
    operation = models.CharField(max_length=40)
    params = models.JSONField(default=dict, blank=True)
    queue = models.CharField(max_length=20)
    params_shape = models.CharField(max_length=16, blank=True, default="", db_default="", editable=False)
    """Names the version and the names of its parameters, so that a worker knows whether it knows them all
    (`services.knowing`)."""
    load_key = models.CharField(max_length=100, blank=True)
    """What its pace depends on besides the operation, and with `load_seconds` of media and `load_megapixels` how much
    work it is (`services.expectation`)."""
    load_seconds = models.FloatField(default=0)
    load_megapixels = models.FloatField(default=0)
    after = models.ManyToManyField("self", symmetrical=False, related_name="dependants", blank=True)
    retry_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="retries")
    idempotency_key = models.CharField(max_length=200, null=True, blank=True, editable=False)  # noqa: DJ001 null: not unique

    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    progress = models.FloatField(default=0)
    stage = models.CharField(max_length=200, blank=True)
    eta_seconds = models.FloatField(null=True, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True)
    error_detail = models.TextField(blank=True)
    error_permanent = models.BooleanField(default=False, help_text="Trying the very same again is pointless.")
    command_log = models.TextField(blank=True)
    log_tail = models.TextField(blank=True)
    attempt = models.PositiveIntegerField(default=0)
    losses = models.PositiveIntegerField("workers lost", default=0)
    """How many attempts ended because their worker was lost; one that was told to stop does not count."""
    worker = models.CharField(max_length=200, blank=True)
    version = models.PositiveIntegerField(default=0)
    traceparent = models.CharField(
        max_length=tracing.LONGEST, default=tracing.present, db_default="", blank=True, editable=False
    )
    """The trace that it is a part of: of the request, or the work, that made it."""

    created_at = MadeAtField()
    removal = RemovalField()
    queued_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    progress_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    removed_seconds = models.FloatField(null=True, blank=True, editable=False)
    """How much silence it took out, once it has succeeded; None for other work."""
    active_at = models.DateTimeField("last activity", default=timezone.now)
    """The last change of state, which orders the queue page."""
    changed_at = models.DateTimeField("last change", db_default=Now(), editable=False)
    """The last change of anything that is told of it, also of its progress."""
    under_way = models.GeneratedField(
        expression=Case(When(status__in=ACTIVE, then=Value(1)), default=Value(0)),
        output_field=models.SmallIntegerField(),
        db_persist=True,
    )
    """1 until it ends, then 0. The database keeps it, so that an index holds the order of the queue page."""

    objects = LiveManager.from_queryset(JobQuerySet)()
    with_trash = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            # Ascending, to be read backwards: older MariaDBs know no other, and none mixes directions.
            models.Index(fields=["owner", "under_way", "active_at"]),
            models.Index(fields=["owner", "status", "active_at"]),
            # The same for jobs by themselves, which have rows on the queue page: a chain has one for all of its jobs.
            models.Index(fields=["owner", "run", "removal", "under_way", "active_at"], name="job_rows"),
            models.Index(fields=["owner", "run", "removal", "status", "active_at"], name="job_rows_by_state"),
            models.Index(fields=["owner", "removal", "changed_at", "id"], name="job_changes"),
            models.Index(fields=["owner", "removal", "created_at", "id"], name="job_list"),
            models.Index(fields=["removal", "created_at", "id"], name="job_newest"),
            # The rows of a recording's page, of which one may have more jobs than a page shows.
            models.Index(fields=["video", "run", "removal", "under_way", "active_at"], name="job_rows_of_video"),
            models.Index(fields=["operation", "status", "finished_at"]),
            models.Index(fields=["status", "queue", "owner", "queued_at"]),
            models.Index(fields=["video", "operation", "source_sha256"]),
            # Holds all that the figures of a period take, so that no row is looked up for them.
            models.Index(
                fields=["finished_at", "status", "operation", "queue", "queued_at", "started_at", "removed_seconds"],
                name="job_figures",
            ),
        ]
        constraints = [
            # Keys are null when unused: MariaDB has no conditional unique constraint, but lets nulls repeat.
            models.UniqueConstraint(fields=["owner", "idempotency_key"], name="one_job_per_idempotency_key"),
        ]

    def __str__(self) -> str:
        return f"{self.operation} of {self.video_id}"

    def get_absolute_url(self) -> str:
        return reverse("job", args=[self.pk])

    # Verbs -----------------------------------------------------------------------------------------------------------

    def _move(self, where: Q, **changes: Any) -> bool:
        """One conditional UPDATE; on success this object shows the new row."""
        won = Job.objects.filter(where, pk=self.pk).update(version=F("version") + 1, changed_at=Now(), **changes) == 1
        if won:
            self.refresh_from_db()
        return won

    def _turn(self, sources: Iterable[str], target: "Job.Status", only: int | None = None, **changes: Any) -> bool:
        """Change the state from one of `sources`, if given only as that attempt. An end is told in the same
        transaction."""
        where = Q(status__in=list(sources))
        if only is not None:
            where &= Q(attempt=only)
        changes |= {"status": target, "active_at": Now()}
        if target not in self.TERMINAL:
            return self._move(where, **changes)
        with transaction.atomic():
            won = self._move(where, **changes)
            if won:
                job_ended.send(Job, job=self)
        return won

    def enqueue(self) -> bool:
        """Nothing holds it back any more: it is in line for a worker."""
        return self._turn([self.Status.WAITING], self.Status.QUEUED, queued_at=Now(), stage="")

    def wait_for(self, before: "Job") -> bool:
        """Of a step of a chain: wait for another try of its input."""
        won = self._move(Q(status=self.Status.WAITING), source_job=before, stage="")
        if won:
            self.after.set([before])
        return won

    def hold(self, stage: str) -> bool:
        """It goes on waiting, and says what for. Returns whether that is news."""
        return self._move(Q(status=self.Status.WAITING) & ~Q(stage=stage[:200]), stage=stage[:200])

    def start(self, worker: str) -> bool:
        """Claim it for a worker, as a new attempt."""
        now, attempt = Now(), self.attempt + 1
        won = self._turn(
            [self.Status.QUEUED],
            self.Status.RUNNING,
            self.attempt,
            attempt=attempt,
            worker=worker,
            started_at=now,
            heartbeat_at=now,
            progress_at=now,
            progress=0,
            stage="",
            eta_seconds=None,
        )
        if won:
            self.attempt = attempt  # ours, also should the row have gone on to the next one before it was read again
        return won

    def beat(self, attempt: int) -> bool:
        """Say that this attempt is alive. False: it is not the current one any more and has to stop."""
        rows = Job.objects.filter(pk=self.pk, status=self.Status.RUNNING, attempt=attempt)
        return rows.update(heartbeat_at=Now()) == 1

    def advance(self, attempt: int, progress: float, stage: str, eta_seconds: float | None) -> bool:
        """Report measured progress, 0 to 1."""
        now = Now()
        return self._move(
            Q(status=self.Status.RUNNING, attempt=attempt),
            progress=progress,
            stage=stage[:200],
            eta_seconds=eta_seconds,
            progress_at=now,
            heartbeat_at=now,
        )

    def measure(self, load: dict[str, Any]) -> None:
        """Note how much work it is, as is known now that it begins."""
        if any(getattr(self, name) != value for name, value in load.items()):
            Job.objects.filter(pk=self.pk).update(**load)
            self.refresh_from_db(fields=list(load))

    def succeed(self, attempt: int, **changes: Any) -> bool:
        return self._turn(
            [self.Status.RUNNING],
            self.Status.SUCCEEDED,
            attempt,
            finished_at=Now(),
            progress=1,
            stage="",
            eta_seconds=None,
            **changes,
        )

    def fail(self, error: JobError, attempt: int | None = None, **changes: Any) -> bool:
        """End it with an error; from any active state, or only as the given attempt."""
        return self._turn(
            self.ACTIVE if attempt is None else [self.Status.RUNNING],
            self.Status.FAILED,
            attempt,
            finished_at=Now(),
            eta_seconds=None,
            error_code=error.code,
            error_message=error.message,
            error_detail=error.detail,
            error_permanent=error.permanent,
            **changes,
        )

    def cancel(self) -> bool:
        return self._turn(self.ACTIVE, self.Status.CANCELLED, finished_at=Now(), eta_seconds=None)

    def release(self, attempt: int, stage: str = "Starting again", **changes: Any) -> bool:
        """Put it back in line because the worker of this attempt is gone. It keeps its place: `queued_at` stays."""
        return self._turn(
            [self.Status.RUNNING],
            self.Status.QUEUED,
            attempt,
            progress=0,
            stage=stage,
            eta_seconds=None,
            worker="",
            **changes,
        )

    def retell(self, attempt: int, stage: str) -> bool:
        """Say more of why it is back in line after this attempt, if it still is."""
        return self._move(Q(status=self.Status.QUEUED, attempt=attempt), stage=stage[:200])

    # Facts -----------------------------------------------------------------------------------------------------------

    @property
    def is_active(self) -> bool:
        return self.status in self.ACTIVE

    @property
    def subject(self) -> "Video | None":
        """What it works on: None for a result that is not there yet, or not any more."""
        return present(self.source) if self.on_result else self.video

    @property
    def kind(self) -> "Operation[Any]":
        """The operation. Raises KeyError for a slug that this install does not know (any more)."""
        from jobs.operations import registry

        return registry.get(self.operation)

    @property
    def operation_title(self) -> str:
        from jobs.operations import registry

        return registry.title(self.operation)

    @property
    def elapsed_seconds(self) -> float | None:
        """How long it has been running, or ran."""
        if self.started_at is None:
            return None
        return max(0.0, ((self.finished_at or clock.now()) - self.started_at).total_seconds())

    @property
    def has_run_long(self) -> bool:
        """Whether so much work is in it that nobody wants to lose it by a slip of the hand."""
        return (self.elapsed_seconds or 0) >= LONG_SECONDS
