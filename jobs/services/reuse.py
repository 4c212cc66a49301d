"""Results that are there already: the very same work on the same bytes is not done twice."""

import itertools
import logging
import uuid
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction

from jobs import storage
from jobs.errors import InputError
from jobs.models import Artifact, Job
from jobs.services import parameters, transcripts, versions

log = logging.getLogger(__name__)
MOST_LOOKED_AT = 10
"""Of how many jobs that did the same, the newest, the files are looked for."""


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
    rows = done.exclude(pk=job.pk).order_by("-finished_at").values_list("pk", "params")
    # JSON is compared here: each database has its own idea of when two are equal.
    same = itertools.islice((pk for pk, params in rows.iterator() if params == job.params), MOST_LOOKED_AT)
    return next(filter(None, map(_whole, list(same))), None)


def _whole(pk: UUID) -> Job | None:
    """The job of that id, if it has results and their files are there."""
    job = Job.objects.without_logs().prefetch_related("artifacts").filter(pk=pk).first()
    keys = [one.key for one in job.artifacts.all()] if job else []
    return job if keys and all(map(storage.exists, keys)) else None


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
    """End a job that is in line with the results of its twin, if it has one. False: a worker has to do it, as also
    where the filesystem knows one name a file only: a page does not wait while files are copied. So does one of a
    storage that is away."""
    try:
        other = twin(job)
    except OSError as error:
        log.warning("job %s is done by a worker: %s", job.pk, error)
        return False
    if other is None or not job.start(worker=""):
        return False
    attempt = job.attempt
    artifacts = [_copied(job, attempt, artifact) for artifact in other.artifacts.all()]
    taken = False
    try:
        if _linked_beating(job, attempt, list(zip(other.artifacts.all(), artifacts, strict=True))):
            taken = _recorded(job, attempt, other, artifacts)
    finally:
        if not taken:
            storage.tidy(storage.results_key(job.pk, attempt))
            _put_back(job, attempt)
    return taken


def _linked(pairs: Iterable[tuple[Artifact, Artifact]]) -> bool:
    """Whether the files of results could be given those keys too."""
    try:
        return all(storage.link(original.key, artifact.key) for original, artifact in pairs)
    except OSError as error:  # deleted at this moment, or the storage is away
        log.warning("results are made again: %s", error)
        return False


def _linked_beating(job: Job, attempt: int, pairs: Sequence[tuple[Artifact, Artifact]]) -> bool:
    """As `_linked`; meanwhile it beats, as a bucket takes its time to copy."""
    with ThreadPoolExecutor(1) as pool:
        linking = pool.submit(_linked, pairs)
        while not wait([linking], settings.HEARTBEAT_SECONDS).done:
            job.beat(attempt)
        return linking.result()


def _recorded(job: Job, attempt: int, other: Job, artifacts: list[Artifact]) -> bool:
    """End it with these results. False: it was cancelled meanwhile."""
    with transaction.atomic():
        # No start: nobody worked on it, and what is told of times must not say that somebody was so quick.
        facts = {"reuse_of": other, "source_sha256": other.source_sha256, "started_at": None}
        taken = job.succeed(attempt, **facts)
        if taken:
            Artifact.objects.bulk_create(artifacts)
    return taken


def _put_back(job: Job, attempt: int) -> None:
    """In line as if nothing had been tried. Nobody has worked on it: it waits its turn, and costs what it costs, which
    one that lost its worker does not (`line.Turn`)."""
    with transaction.atomic():
        if job.release(attempt, stage=""):
            Job.objects.filter(pk=job.pk).update(attempt=attempt - 1, started_at=None)
            job.attempt, job.started_at = attempt - 1, None


def _copied(job: Job, attempt: int, artifact: Artifact) -> Artifact:
    pk = uuid.uuid4()
    names = ("position", "kind", "name", "size", "media_type", "sha256", "metadata")
    facts = {name: getattr(artifact, name) for name in names}
    key = f"{storage.results_key(job.pk, attempt)}/{pk}{Path(artifact.key).suffix}"
    return Artifact(id=pk, job=job, key=key, body=artifact.body or artifact.pk, **facts)
