"""Results as recordings: each that is one gets a row of its own, with its facts, when somebody first asks for it."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404

from jobs import storage
from jobs.engine.pipelines.probe import Probed
from jobs.errors import InputError
from jobs.models import Account, Artifact, Job, Video
from jobs.models.artifact import ArtifactQuerySet
from jobs.operations import registry
from jobs.prepared_row import Given, PreparedRow
from jobs.services import arrivals, naming

KINDS = (Artifact.Kind.VIDEO, Artifact.Kind.AUDIO)
RECORDING = PreparedRow(
    lambda: Video.objects.filter(owner=Given("owner", Account._meta.pk), pk=Given("pk", Video._meta.pk)).select_related(
        "origin"
    )
)
"""One of an owner, by its id: players ask for it with every range."""


def every() -> ArtifactQuerySet:
    """The results that are recordings."""
    return Artifact.objects.filter(kind__in=KINDS, job__status=Job.Status.SUCCEEDED)


def of_video(video: Video) -> ArtifactQuerySet:
    """The results that were made of a recording, by whatever way, newest first."""
    found = every().filter(job__video=video.root).select_related("job__source", "recording__keeping")
    return found.order_by("-job__finished_at", "position")


def _of_each() -> ArtifactQuerySet:
    """For annotating recordings: the results that stand for the whole of them, without those that only steps of a chain
    read."""
    other = [operation.slug for operation in registry.every() if not operation.makes_versions]
    return every().filter(job__video=OuterRef("pk"), job__handover=False).exclude(job__operation__in=other)


def newest_of_each() -> Any:
    """For annotating recordings: the id of their newest finished version, None without one."""
    return Subquery(_of_each().order_by("-job__finished_at").values("pk")[:1])


def count_of_each() -> Any:
    """For annotating recordings: how many versions there are, the original among them."""
    counted = _of_each().order_by().values("job__video").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted), 0) + 1


def find(owner: Account, pk: UUID | str) -> Video | None:
    """A recording of this owner by its id, or the result of that id as one.

    Raises as `of` does.
    """
    found = known(owner, pk)
    return of(found) if isinstance(found, Artifact) else found


def known(owner: Account, pk: UUID | str) -> Video | Artifact | None:
    """As `find`, but looks into no file: a result that nobody has looked at yet is only a result."""
    if found := RECORDING.find(owner=owner.pk, pk=pk):
        return found
    return Artifact.objects.of(owner).filter(pk=pk, kind__in=KINDS).select_related("job__video").first()


def owned(owner: Account, pk: UUID) -> Video:
    """As `find`, or 404, also for a result whose file is gone."""
    try:
        found = find(owner, pk)
    except InputError as error:
        raise Http404(error.message) from error
    if found is None:
        raise Http404("no recording of this owner")
    return found


def of(artifact: Artifact) -> Video:
    """A result as a recording. What it is is found out once, in a bounded child as for uploads, and kept.

    Raises InputError for a result that is none or whose file is gone, and ResourceError.
    """
    found = Video.objects.filter(pk=artifact.pk).select_related("origin").first()
    if found:
        return found
    if artifact.kind not in KINDS:
        raise InputError(
            f"“{artifact.name}” is neither video nor audio, so no further work can be done on it.", code="no_recording"
        )
    if not storage.exists(artifact.key):
        raise gone()
    with (
        storage.drafting(storage.poster_key(artifact.pk), ".poster.jpg") as poster,
        storage.fetch(artifact.key, artifact.sha256) as file,
    ):
        return _kept(artifact, arrivals.probed(file, poster))


def result_of(job: Job) -> Artifact:
    """The one result of a job that further work can be done on.

    Raises InputError when it has none, or several.
    """
    found = list(job.artifacts.filter(kind__in=KINDS)[:2])
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(
            f"“{job.operation_title}” has made several recordings. Choose one of its results to go on with.",
            code="several_results",
        )
    if job.dropped_at or job.removal_id or Artifact.with_trash.filter(job=job, kind__in=KINDS).exists():
        raise gone()
    raise InputError(
        f"“{job.operation_title}” has made no video or audio that work could go on with.", code="no_result"
    )


def subject(job: Job) -> Video:
    """What a job works on. Raises InputError when that is gone or not one recording, and ResourceError."""
    if (found := job.subject) is not None:
        return found
    if job.source_job is None:
        raise gone()
    version = of(result_of(job.source_job))
    Job.objects.filter(pk=job.pk).update(source=version, source_sha256=version.sha256)
    job.source, job.source_sha256 = version, version.sha256
    return version


def gone() -> InputError:
    return InputError(
        "The result that this was to work on has been deleted. Choose another one, or make it again.",
        code="missing_source",
    )


def _kept(artifact: Artifact, probed: Probed) -> Video:
    job, info = artifact.job, probed.info
    video = Video(
        id=artifact.pk,
        owner_id=job.owner_id,
        artifact=artifact,
        origin_id=job.video_id,
        title=naming.title(artifact.name)[:200],
        name=artifact.name,
        key=artifact.key,
        size=artifact.size,
        sha256=artifact.sha256,
        kind=info.kind,
        duration_seconds=float(info.duration),
        details=info.to_json(),
    )
    if probed.poster:
        video.poster = storage.poster_key(video.pk)
        probed.poster.chmod(0o644)
        storage.publish(probed.poster, video.poster)
    try:
        with transaction.atomic():
            if not Artifact.objects.select_for_update().filter(pk=artifact.pk).exists():
                raise IntegrityError("removed meanwhile")
            video.save(force_insert=True)
    except IntegrityError as error:  # somebody else was quicker, or it was deleted meanwhile
        if found := Video.objects.filter(pk=artifact.pk).first():
            return found
        storage.tidy(storage.recording_key(artifact.pk))
        raise gone() from error
    return video


def forget(artifacts: Iterable[Artifact]) -> None:
    """To be called after results were deleted: drop what was kept about them as recordings."""
    for artifact in artifacts:
        storage.tidy(storage.recording_key(artifact.pk))
        if not Video.with_trash.filter(sha256=artifact.sha256).exists():
            storage.forget(artifact.sha256)
