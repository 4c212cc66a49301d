"""Recordings: let in from a whole file, and deleted with all that belongs to them."""

import contextlib
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.db import IntegrityError

from jobs import publish, storage
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.pipelines.probe import Probed
from jobs.errors import InputError
from jobs.models import Account, Artifact, Job, Removal, Video
from jobs.models.sort_name import sort_name
from jobs.operations import registry
from jobs.operations.base import Operation, Params
from jobs.services import arrivals, jobs, naming, parameters, pipelines, quota, runs, steps, versions
from jobs.services.whole_files import WholeFile
from videoservice import tracing


class DuplicateVideo(InputError):
    """The owner has the very same bytes already, maybe in the trash; `video` is the first recording of them."""

    def __init__(self, video: Video) -> None:
        where, use, self.code = "already there", "Use", "duplicate"
        if video.removal_id:
            where, use, self.code = "in the trash", "Restore", "duplicate_in_trash"
        super().__init__(f"This recording is {where} as “{video.title}”. {use} that one, or allow duplicates.")
        self.video = video


NAMED_AT_ONCE = 500


@tracing.span("receive a recording")
def receive(
    owner: Account,
    file: Path | WholeFile,
    *,
    name: str,
    title: str = "",
    work: Mapping[str, Mapping[str, Any]] | None = None,
    pipeline: str = "",
    allow_duplicate: bool = True,
    pk: uuid.UUID | None = None,
    claim: Callable[[Video], None] = lambda video: None,
) -> Video:
    """Make a recording of a whole file, and begin `work` on it (stored parameters by operation slug), or the saved
    chain of the slug `pipeline`.

    Work that needs a picture is left out on sound alone (see `left_out`); other work that does not fit is refused.

    The file is gone afterwards; it must lie on the storage's filesystem. Raises InputError when it is no recording or
    does not allow the work, DuplicateVideo and OverQuota; then nothing is left of it. Any other error, as
    ResourceError, is not the file's fault: it stays where it was, for another try. So it does when `claim`, which is
    asked in the transaction that makes the row, raises Cancelled.
    """
    pk = pk or uuid.uuid4()
    came = file if isinstance(file, WholeFile) else WholeFile(file)
    poster = came.path.with_name(f"{pk}.poster.jpg")
    try:
        with quota.held(owner, came.size, pk):
            probed = arrivals.probed(came.path, poster)
            refuse_unfit(fitting(work or {}, probed.info), probed.info)
            if not allow_duplicate:
                refuse_duplicate(owner, probed.sha256)
            video = _new(owner, pk, probed, naming.file_name(name), naming.clean(title)[:200] or naming.title(name))
            _keep(video, came, probed, claim)
        came.settle(video.key, video.sha256)
    except InputError:
        came.drop()
        raise
    finally:
        poster.unlink(missing_ok=True)
    start(video, work or {}, pipeline)
    publish.tell([owner.pk])
    return video


def _new(owner: Account, pk: uuid.UUID, probed: Probed, name: str, title: str) -> Video:
    return Video(
        id=pk,
        owner=owner,
        title=title,
        name=name,
        key=storage.source_key(pk, naming.ending(probed.info)),
        size=probed.info.size_bytes,
        sha256=probed.sha256,
        kind=probed.info.kind,
        duration_seconds=float(probed.info.duration),
        details=probed.info.to_json(),
    )


def _keep(video: Video, file: WholeFile, probed: Probed, claim: Callable[[Video], None]) -> None:
    """Publish the files, then the row, which is the truth.

    Until the row is there the upload keeps its own name for the bytes: whoever dies at any moment in between has lost
    nothing, and the next try begins anew. When the row cannot be made the file is where it was, too. Should two be at
    it, as one whose lease ran out and the next one, the row is of whoever is first, and the other's files go.
    """
    try:
        file.share(video.key, video.sha256)
        if probed.poster:
            video.poster = storage.poster_key(video.pk)
            storage.publish(probed.poster, video.poster)
    except BaseException:
        file.take_back(video.key)
        raise

    def undo() -> None:
        file.take_back(video.key)
        arrivals.discard(video)

    arrivals.record(video, undo, lambda: claim(video))


def left_out(work: Mapping[str, Mapping[str, Any]], info: MediaInfo) -> list[Operation[Any]]:
    """The chosen operations that are not done because they need a picture and the recording is sound only.

    The page ticks them before it knows what comes, and sound alone is welcome; so the recording is kept and the rest
    is done. A recording without the sound that an operation needs is refused instead: it may well be the wrong file,
    or one that lost its sound on the way, and nothing of what was asked for would come of it.
    """
    if info.video is not None:
        return []
    return [operation for operation in registry.every() if operation.slug in work and operation.accepts == "video"]


def fitting(work: Mapping[str, Mapping[str, Any]], info: MediaInfo) -> dict[str, Mapping[str, Any]]:
    """The work without what is left out."""
    unfit = {operation.slug for operation in left_out(work, info)}
    return {slug: stored for slug, stored in work.items() if slug not in unfit}


def refuse_unfit(work: Mapping[str, Mapping[str, Any]], info: MediaInfo) -> None:
    """Raise InputError when one of the chosen operations cannot be done on this recording."""
    for slug, stored in work.items():
        params = _params(slug, stored)
        parameters.refuse_unfit(slug, info)
        registry.get(slug).check(info, params)


def refuse_duplicate(owner: Account, sha256: str) -> None:
    if first := first_of(owner, sha256) or trashed(owner, sha256):
        raise DuplicateVideo(first)


def trashed(owner: Account, sha256: str) -> Video | None:
    """The recording of these bytes that the owner can have back from the trash."""
    found = Video.with_trash.of(owner).uploaded().filter(sha256=sha256, removal__is_going=False)
    return found.filter(removal__kind=Removal.Kind.RECORDING).order_by("created_at").first()


def first_of(owner: Account, sha256: str, *, besides: Video | None = None) -> Video | None:
    """The owner's first recording of these bytes."""
    found = Video.objects.of(owner).uploaded().filter(sha256=sha256).order_by("created_at")
    return (found.exclude(pk=besides.pk) if besides else found).first()


def start(video: Video, work: Mapping[str, Mapping[str, Any]], pipeline: str = "") -> None:
    """Begin what was ordered together with the upload: a saved chain, or the chosen operations as one. Safe to repeat:
    all is made once, and nothing on what has been removed meanwhile."""
    if video.removal_id:
        return
    key = f"upload-{video.pk}"
    with contextlib.suppress(IntegrityError):  # somebody else was made to repeat it at the same moment
        if pipeline:
            _start_pipeline(video, pipeline, key)
        elif len(fit := fitting(work, video.info)) == 1:
            ((slug, stored),) = fit.items()
            if not jobs.find_idempotent(video.owner, f"{key}-{slug}"):
                jobs.create_ordered(video, slug, _params(slug, stored), f"{key}-{slug}")
        elif fit and not runs.find_idempotent(video.owner, key):
            chain = steps.chained(fit)
            runs.start_ordered(video, chain, steps.summary(chain), key)


def _start_pipeline(video: Video, slug: str, key: str) -> None:
    """One that was deleted meanwhile is nothing to do."""
    found = pipelines.find(video.owner, slug)
    if found is None or runs.find_idempotent(video.owner, key):
        return
    if chain := steps.fitting(pipelines.chain_of(found), video.info):
        runs.start_ordered(video, chain, found.name, key, slug)


def _params(slug: str, stored: Mapping[str, Any]) -> Params:
    try:
        return parameters.from_json(slug, stored)
    except KeyError as error:
        raise InputError(f"There is no work called “{slug}” here. Choose again.", code="unknown_operation") from error


def delete(video: Video, *, with_followers: bool = False) -> None:
    """Delete a recording with its jobs, their results and all files. Running work stops because its row is gone; work
    on other recordings that needs this one fails with a sentence.

    Of a result only that is deleted; raises InputError while work under way needs it, unless that is to be stopped.
    """
    if video.artifact:
        return delete_result(video.artifact, with_followers=with_followers)
    results = list(Artifact.with_trash.filter(job__video=video).values_list("pk", flat=True))
    for job in Job.with_trash.filter(video=video):
        jobs.erase(job)
    pk, owner_id = video.pk, video.owner_id
    video.delete()
    storage.tidy(storage.recording_key(pk))
    jobs.fail_needing(video.owner, "recording", pk, *results)
    if not Video.with_trash.filter(sha256=video.sha256).exists():
        storage.forget(video.sha256)
    publish.tell([owner_id])
    return None


def delete_result(artifact: Artifact, *, with_followers: bool = False) -> None:
    job = artifact.job
    jobs.stop_needing(jobs.needing_results(job, [artifact]), with_followers)
    Artifact.with_trash.filter(pk=artifact.pk).delete()
    storage.delete(artifact.key)
    versions.forget([artifact])
    publish.tell([job.owner_id])


def name_unsorted() -> None:
    """Give recordings that an older version made the name that lists are ordered by."""
    rows = Video.with_trash.filter(sort_name="")
    while found := list(rows.only("pk", "title")[:NAMED_AT_ONCE]):
        for video in found:
            video.sort_name = sort_name(video.title)
        Video.with_trash.bulk_update(found, ["sort_name"])
