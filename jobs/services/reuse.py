"""Results that are there already: the very same work on the same bytes is not done twice."""

import uuid
from pathlib import Path

from django.db import transaction

from jobs import storage
from jobs.errors import InputError
from jobs.models import Artifact, Job
from jobs.services import parameters, transcripts, versions


def twin(job: Job) -> Job | None:
    """The newest job that did the same with the same parameters on the same bytes, if its results are still there."""
    sha256 = job.source_sha256 or _sha256_of_result(job.source_job)
    if not sha256 or _depends_on_transcript(job):
        return None
    done = Job.objects.filter(
        video=job.video_id,
        operation=job.operation,
        source_sha256=sha256,
        handover=job.handover,
        status=Job.Status.SUCCEEDED,
        dropped_at=None,
    )
    for other in done.exclude(pk=job.pk).order_by("-finished_at").prefetch_related("artifacts"):
        files = list(other.artifacts.all())
        if other.params == job.params and files and all(storage.path(one.key).is_file() for one in files):
            return other
    return None


def _sha256_of_result(job: Job | None) -> str:
    """The bytes that work on a job's one result works on, which may not have been looked at yet; "" for none."""
    if job is None:
        return ""
    try:
        return versions.result_of(job).sha256
    except InputError:
        return ""


def _depends_on_transcript(job: Job) -> bool:
    """What was corrected in a transcript since changes what comes out."""
    if not job.kind.reads_transcript(parameters.from_json(job.operation, job.params)):
        return False
    # A result that is not looked at yet has no transcript either.
    return job.subject is not None and transcripts.newest(job.subject) is not None


def take(job: Job) -> bool:
    """End a job that is in line with the results of its twin, if it has one. False: somebody has to do it."""
    if (other := twin(job)) is None or not job.start(worker=""):
        return False
    attempt = job.attempt
    artifacts = [_copied(job, attempt, artifact) for artifact in other.artifacts.all()]
    try:
        for artifact, original in zip(artifacts, other.artifacts.all(), strict=True):
            storage.duplicate(original.key, artifact.key)
        with transaction.atomic():
            # No start: nobody worked on it, and what is told of times must not say that somebody was so quick.
            facts = {"reuse_of": other, "source_sha256": other.source_sha256, "started_at": None}
            taken = job.succeed(attempt, **facts)
            if taken:
                Artifact.objects.bulk_create(artifacts)
    except BaseException as error:
        storage.delete_tree(storage.results_key(job.pk, attempt))
        job.release(attempt, stage="")
        if isinstance(error, FileNotFoundError):  # deleted at this moment
            return False
        raise
    if not taken:
        storage.delete_tree(storage.results_key(job.pk, attempt))
    return taken


def _copied(job: Job, attempt: int, artifact: Artifact) -> Artifact:
    pk = uuid.uuid4()
    names = ("position", "kind", "name", "size", "media_type", "sha256", "metadata")
    facts = {name: getattr(artifact, name) for name in names}
    key = f"{storage.results_key(job.pk, attempt)}/{pk}{Path(artifact.key).suffix}"
    return Artifact(id=pk, job=job, key=key, **facts)
