"""The boundary between RQ and the work: takes an id, re-reads the row, and turns every way it can end into a state."""

import contextlib
import dataclasses
import functools
import hashlib
import logging
import os
import socket
import time
import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import Error, InterfaceError, OperationalError, connection, transaction

from jobs import spans, storage
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.runtime import resource_limits
from jobs.engine.runtime.failures import as_job_error
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.errors import Cancelled, InputError, Released
from jobs.heart import stopped
from jobs.models import Artifact, Job, Video
from jobs.operations.base import Context, Draft, Operation
from jobs.progress import LifeSigns
from jobs.services import (
    expectation,
    figures,
    going_on,
    inputs,
    lifecycle,
    line,
    losses,
    parameters,
    quota,
    reconcile,
    result_size,
    sources,
    transcripts,
    versions,
)
from jobs.worker import MediaWorker, horse_name
from videoservice import tracing

log = logging.getLogger(__name__)
AWAY = (OperationalError, InterfaceError)
"""What the database's libraries raise when it cannot be reached, or went away in the middle."""
LOOKING_SECONDS = 3600
"""After how long finding out what a result is counts as hanging; its child has tighter bounds by the file's size."""
PAUSE_SECONDS = 1.0
PATIENCE_SECONDS = 600.0
"""How often, and for how long, it is tried to publish a result while the storage is away, and to record it while the
database is."""
STORAGE_PAUSE_SECONDS = 5.0
"""How long a worker that has met a storage that is away takes nothing: else it would only turn the line over."""


def take_turn(queue: str) -> None:
    """Do the job whose turn it is in a queue. Returns quietly when there is none.

    When the database is away, so that nobody knows how it ended, the reconciler does what the row then asks for.
    """
    try:
        if job := line.take(queue, own_name()):
            attempt_job(job)
    except AWAY as error:
        log.warning("the database went away under work of %s: %s", queue, error)
        connection.close()


def run_job(job_id: str) -> None:
    """Do this job, whoever's turn it is; otherwise as `take_turn`."""
    try:
        job = Job.objects.select_related("video", "owner").filter(pk=job_id).first()
        if job and job.start(own_name()):
            attempt_job(job)
    except AWAY as error:
        log.warning("the database went away under job %s: %s", job_id, error)
        connection.close()


def own_name() -> str:
    """What rows of jobs that this process does call it."""
    return horse_name(os.environ.get("RQ_WORKER_ID", socket.gethostname()), os.getpid())


def attempt_job(job: Job) -> None:
    """Do a job that this process has just started, to whatever end."""
    MediaWorker.note.write(job.pk)
    lifecycle.started(job)
    with spans.attempt(job, job.queue, job.operation) as span:
        attempt, commands = job.attempt, spans.Commands()
        try:
            work(job, commands)
        except Released:
            span.note({"videoservice.outcome": "released"})
            reconcile.recover(job, losses.STOPPED)
            return
        except Cancelled as stop:
            log.info("job %s was stopped", job.pk)
            span.note({"videoservice.outcome": stop.code})
            going_on.forget_ended(job.pk)
            return
        except storage.StorageAway as error:
            span.note({"videoservice.outcome": "storage away"})
            await_storage(job, error)
            return
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 the one place that catches everything: a job always ends in a state
            failure = as_job_error(error)
            log.warning("job %s failed: %s: %s", job.pk, failure.code, failure.detail or failure.message)
            span.fail(failure.code)
            job.fail(failure, attempt, **logs(commands))
        lifecycle.ended(job)
        going_on.forget_ended(job.pk)


def await_storage(job: Job, error: storage.StorageAway) -> None:
    """Put a job back in its place, with all that is kept of it, and be slow to take the next."""
    log.warning("the storage is away under job %s: %s", job.pk, error)
    reconcile.put_back(job, losses.AWAY)
    connection.close()
    time.sleep(STORAGE_PAUSE_SECONDS)


def work(job: Job, commands: CommandLog) -> None:
    """Run the operation and publish its results."""
    operation = offered(job)
    params = parameters.from_json(job.operation, job.params)
    attempt = job.attempt
    with LifeSigns(job, LOOKING_SECONDS):  # a storage may be slow to answer, and results may have to be looked at
        subject = versions.subject(job)
        info = subject.info
        if job.source_job_id:  # it was not there yet when the job was made
            parameters.refuse_unfit(job.operation, info)
            operation.check(info, params)
        others = inputs.find(job.owner, subject, job.operation, params)
        kept = going_on.parts_of(job)
    job.measure(expectation.fields(info, job.operation, params, others.infos.values()))
    load = together(info, *others.infos.values())
    with (
        quota.held_for(job, attempt, functools.partial(result_size.expected, job, info)),
        storage.scratch(job.pk, attempt) as scratch,
        LifeSigns(job, operation.timeout_seconds(load, params), kept) as signs,
        spans.fetched(sources.excerpts(subject, operation.places(info, params))) as source,
        storage.measured(subject.sha256) as cache,
        others.files() as files,
        transcripts.file_of(subject) as transcript,
    ):
        with contextlib.suppress(OSError):  # it may well need less
            storage.make_room(2 * load.size_bytes)
        context = Context(
            source=source,
            info=info,
            inputs=files,
            input_infos=others.infos,
            input_names=others.names,
            scratch=scratch,
            cache=cache,
            title=title_of(job, subject),
            progress=signs.progress,
            log=commands,
            handover=job.handover,
            file_name=subject.name,
            kept=kept,
            transcript=transcript,
        )
        with (
            resource_limits.held(
                load, settings.JOB_MEMORY_BYTES or resource_limits.share_bytes(settings.HEAVY_WORKERS)
            ),
            tracing.span("work"),
        ):
            drafts = operation.run(context, params)
        publish_results(job, attempt, drafts, commands, signs)
        learn(job, signs)
        index(job)


def index(job: Job) -> None:
    """Let search find what was heard. It has ended well, whatever becomes of this: the reconciler makes it good."""
    try:
        transcripts.index_of(job)
    except (Error, OSError) as error:
        log.warning("the transcript of job %s is indexed later: %s", job.pk, error)
        connection.close()


def learn(job: Job, signs: LifeSigns) -> None:
    """Let others know how long it took, unless an attempt before did a part of it. It has ended well, whatever becomes
    of this."""
    if signs.went_on:
        return
    try:
        expectation.learn(job, signs.pace.profile(time.monotonic()))
    except Error as error:
        log.warning("nothing was learnt from job %s: %s", job.pk, error)
        connection.close()


def together(info: MediaInfo, *others: MediaInfo) -> MediaInfo:
    """The facts about all that work reads, as far as they bound it: length and bytes in all, the largest picture."""
    pictures = [one.video for one in (info, *others) if one.video]
    return dataclasses.replace(
        info,
        duration=sum((one.duration for one in others), info.duration),
        size_bytes=sum((one.size_bytes for one in others), info.size_bytes),
        video=max(pictures, key=lambda video: video.width * video.height, default=None),
    )


def title_of(job: Job, subject: Video) -> str:
    """What results are named by: in a chain all by what it began with, as names would grow with each step."""
    while job.run_id and job.source_job and job.source_job.run_id == job.run_id:
        job = job.source_job
        subject = job.subject or job.video
    return subject.title


def offered(job: Job) -> Operation[Any]:
    """The job's operation. Raises InputError for one that this install does not know any more."""
    try:
        return job.kind
    except KeyError as error:
        raise InputError(
            "This kind of work is not offered any more. Choose another.", detail=job.operation, code="unknown_operation"
        ) from error


@tracing.span("publish the results")
def publish_results(job: Job, attempt: int, drafts: list[Draft], commands: CommandLog, signs: LifeSigns) -> None:
    """Move the results into place and end the job, all or nothing.

    The folder is the attempt's own: one that lost its job, and learns of it late, can take nothing from the others.
    """
    artifacts = [artifact_of(job, attempt, position, draft) for position, draft in enumerate(drafts)]
    try:
        for artifact, draft in zip(artifacts, drafts, strict=True):
            publish_one(draft.path, artifact, signs)
        signs.end()
        record(job, attempt, artifacts, commands)
    except AWAY:  # the row may have its end, and then needs the files; whoever finds that it has not deletes them
        raise
    except BaseException:
        storage.tidy(storage.results_key(job.pk, attempt))
        raise


def publish_one(file: Path, artifact: Artifact, signs: LifeSigns) -> None:
    """Waits for a storage that is away, which is none of the time that the work may take.

    Raises StorageAway when that takes too long, and what it was told to stop with.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        began = time.monotonic()
        try:
            return storage.publish(file, artifact.key, artifact.sha256)
        except storage.StorageAway as error:
            if time.monotonic() > deadline:
                raise
            log.warning("could not publish a result of job %s: %s", artifact.job_id, error)
            signs.progress(signs.fraction, f"Waiting: {losses.AWAY.what}")
            time.sleep(PAUSE_SECONDS)
            signs.allow(time.monotonic() - began)


def record(job: Job, attempt: int, artifacts: list[Artifact], commands: CommandLog) -> None:
    """Write the rows of the results and the end of the job, waiting for a database that is away.

    Raises Cancelled when the attempt is not the current one any more.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    removed = figures.removed_seconds(job.operation, [artifact.metadata for artifact in artifacts])
    while True:
        try:
            with transaction.atomic():
                if job.succeed(attempt, removed_seconds=removed, **logs(commands)):
                    Artifact.objects.bulk_create(artifacts)
                    return
            if recorded(job, attempt):  # an earlier try, of which only the answer was lost
                return
            raise stopped()
        except AWAY as error:
            connection.close()
            if time.monotonic() > deadline:
                raise
            log.warning("could not record the end of job %s: %s", job.pk, error)
            time.sleep(PAUSE_SECONDS)


def recorded(job: Job, attempt: int) -> bool:
    return Job.objects.filter(pk=job.pk, status=Job.Status.SUCCEEDED, attempt=attempt).exists()


def artifact_of(job: Job, attempt: int, position: int, draft: Draft) -> Artifact:
    pk = uuid.uuid4()
    with draft.path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Artifact(
        id=pk,
        job=job,
        position=position,
        kind=draft.kind,
        name=draft.name,
        key=f"{storage.results_key(job.pk, attempt)}/{pk}{Path(draft.name).suffix.lower()}",
        size=draft.path.stat().st_size,
        media_type=draft.media_type,
        sha256=sha256,
        metadata=dict(draft.metadata),
    )


def logs(commands: CommandLog) -> dict[str, str]:
    return {"command_log": "\n".join(commands.commands), "log_tail": commands.text}
