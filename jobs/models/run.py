import uuid
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from jobs.models.job import Job, present
from jobs.models.made_at import MadeAtField
from jobs.models.removal import LiveManager, RemovalField
from jobs.models.signals import run_finished

if TYPE_CHECKING:
    from jobs.models.account import Account
    from jobs.models.video import Video


UNSUCCESSFUL = (Job.Status.FAILED, Job.Status.CANCELLED)


class RunQuerySet(models.QuerySet["Run"]):
    def of(self, owner: "Account") -> "RunQuerySet":
        return self.filter(owner=owner)

    def active(self) -> "RunQuerySet":
        return self.filter(under_way=1)


class Run(models.Model):
    """A chain of work on one recording: its steps as they were when it was started, and a job for each.

    Its state follows from those of its jobs and is written down by `follow`, so that the queue page can be read in the
    order of an index. Unlike a job it can be taken up again: a retry makes new jobs for the steps that did not succeed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="runs")
    video = models.ForeignKey("jobs.Video", on_delete=models.CASCADE, related_name="runs")
    """The recording that it all came from."""
    on_result = models.BooleanField(default=False, editable=False)
    """Whether its first steps work on a result, `source`, which is null when that was deleted."""
    source = models.ForeignKey(
        "jobs.Video", on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="runs_on"
    )
    slug = models.CharField("chain", max_length=80, blank=True)
    """That of the saved chain that it is."""
    name = models.CharField(max_length=200)
    steps = models.JSONField(default=list)
    idempotency_key = models.CharField(max_length=200, null=True, blank=True, editable=False)  # noqa: DJ001 null: not unique
    status = models.CharField(max_length=10, choices=Job.Status.choices, default=Job.Status.QUEUED)
    version = models.PositiveIntegerField(default=0)
    created_at = MadeAtField()
    removal = RemovalField()
    is_tidy = models.BooleanField(default=False, editable=False)
    """Whether the files that were only on the way have been dropped."""
    finished_at = models.DateTimeField(null=True, blank=True)
    active_at = models.DateTimeField("last activity", default=timezone.now)
    under_way = models.GeneratedField(
        expression=Case(When(status__in=Job.ACTIVE, then=Value(1)), default=Value(0)),
        output_field=models.SmallIntegerField(),
        db_persist=True,
    )

    objects = LiveManager.from_queryset(RunQuerySet)()
    with_trash = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["owner", "removal", "under_way", "active_at"], name="run_rows"),
            models.Index(fields=["owner", "removal", "status", "active_at"], name="run_rows_by_state"),
            models.Index(fields=["owner", "removal", "created_at", "id"], name="run_list"),
            models.Index(fields=["video", "removal", "under_way", "active_at"], name="run_rows_of_video"),
            models.Index(fields=["status", "finished_at"]),
        ]
        constraints = [
            models.UniqueConstraint(fields=["owner", "idempotency_key"], name="one_run_per_idempotency_key"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("run", args=[self.pk])

    def follow(self, *, changed: bool = True) -> None:
        """Take the state that follows from its jobs. `changed`: something else of what it shows has changed, too."""
        with transaction.atomic():
            row = Run.objects.select_for_update().filter(pk=self.pk).first()
            if row is None:
                return
            inputs = {step["name"]: step["input"] for step in row.steps}
            jobs = latest(row.jobs.without_logs())
            status = state_of(jobs, inputs)
            changes: dict[str, Any] = {}
            if status != row.status:
                ended = status in Job.TERMINAL
                changes = {"status": status, "active_at": Now(), "finished_at": Now() if ended else None}
            if changes or changed:
                Run.objects.filter(pk=self.pk).update(version=F("version") + 1, **changes)
            if row.is_active and jobs and status in Job.TERMINAL:  # without jobs it is being deleted
                run_finished.send(Run, run=row)
        self.refresh_from_db()

    @property
    def subject(self) -> "Video | None":
        """What its first steps work on; None for a result that is not there any more."""
        return present(self.source) if self.on_result else self.video

    @property
    def is_active(self) -> bool:
        return self.status in Job.ACTIVE


def state_of(jobs: Mapping[str, Job], inputs: Mapping[str, str | None]) -> str:
    """The state of a chain from the jobs of its steps and the steps' inputs, each by the step's name: it ends when
    nothing in it can go on by itself."""
    states = {job.status for job in jobs.values()}
    if any(job.is_active and not is_held(name, jobs, inputs) for name, job in jobs.items()):
        begun = any(job.attempt for job in jobs.values())
        return Job.Status.RUNNING if begun else Job.Status.QUEUED
    for status in UNSUCCESSFUL:
        if status in states:
            return status
    return Job.Status.SUCCEEDED


def is_held(name: str, jobs: Mapping[str, Job], inputs: Mapping[str, str | None]) -> bool:
    """Whether a step waits for one that did not succeed, by however many others."""
    if jobs[name].status != Job.Status.WAITING:
        return False
    step = inputs.get(name)
    while step is not None and step in jobs and jobs[step].status == Job.Status.WAITING:
        step = inputs.get(step)
    return step is not None and step in jobs and jobs[step].status in UNSUCCESSFUL


def latest(jobs: Iterable[Job]) -> dict[str, Job]:
    """The job that counts for each step, by its name: of several, after a retry, the one that was not tried again."""
    found = sorted(jobs, key=lambda job: job.created_at)
    again = {job.retry_of_id for job in found}
    return {job.step: job for job in found if job.pk not in again}
