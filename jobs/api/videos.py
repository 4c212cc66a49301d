import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Query, Router, Status

from jobs import publish
from jobs.api import forms, imports, parts
from jobs.api.auth import owner, work
from jobs.api.documented import BYTES, UPLOAD, failures
from jobs.api.errors import ApiError, invalid, of_job_error
from jobs.api.idempotency import idempotent
from jobs.api.import_schemas import ImportOut
from jobs.api.parameters import checked
from jobs.api.plan_schemas import PlanIn, PlanOut
from jobs.api.schemas import path_of
from jobs.api.trash import put_away, removed
from jobs.api.video_schemas import VideoDeleted, VideoList, VideoOut, VideoPatch, VideoQuery
from jobs.errors import InputError
from jobs.file_response import send
from jobs.models import Account, Artifact, Job, Removal, Video
from jobs.services import files, naming, pipelines, plans, tags, trash, uploads, uses, versions
from jobs.services.wanted import Wanted

router = Router(tags=["Videos"])
NO_PARAMS = PlanIn(params={})


def uploaded(request: HttpRequest) -> tuple[TemporaryUploadedFile, str, str]:
    """The file of a multipart body on disk, its title, and what to do with a duplicate. The body is only now read."""
    forms.take_in(request)
    file = request.FILES.get("file")
    duplicate = request.POST.get("duplicate") or request.GET.get("duplicate") or "refuse"
    if not isinstance(file, TemporaryUploadedFile):
        raise invalid([("file", "Send the recording in this field.")])
    if duplicate not in ("allow", "refuse"):
        raise invalid([("duplicate", "Use allow or refuse.")])
    return file, request.POST.get("title", ""), duplicate


def sent(request: HttpRequest, **rest: Any) -> Any:
    """What a form holds, by the bytes of its file, or which address to fetch."""
    if imports.is_asked(request):
        return imports.wanted(request).model_dump()
    uploaded(request)
    return forms.content(request)


@router.post(
    "",
    response={201: VideoOut, 202: ImportOut, **failures(409, 413, 415, 422)},
    summary="Upload a recording, or have one fetched",
    openapi_extra=UPLOAD,
)
@work
@idempotent(asked=sent)
def upload_video(request: HttpRequest, response: HttpResponse) -> Status[VideoOut] | Status[ImportOut]:
    """Take a whole recording in one request. Larger ones go in chunks through `/uploads` (tus 1.0.0).

    What it is is found out from its content. The same bytes a second time are refused with 409, with the id of the
    first recording as `detail.video`, unless `duplicate` is `allow`; with the code `duplicate_in_trash` that recording
    waits to be restored.

    With JSON that names an address the server fetches it from there: 202 with an import, at `Location`, that tells how
    far it is. Only what everybody on the internet may read is fetched; a break of the connection is gone on from.
    """
    if imports.is_asked(request):
        return imports.begin(request, response)
    file, title, duplicate = uploaded(request)
    pipeline = pipelines.ordered(owner(request), request.POST.get("pipeline"))
    try:
        video = uploads.receive(
            owner(request),
            Path(file.temporary_file_path()),
            name=file.name or "",
            title=title,
            pipeline=pipeline,
            allow_duplicate=duplicate == "allow",
        )
    except uploads.DuplicateVideo as error:
        detail = {"video": str(error.video.pk)}
        raise ApiError(409, error.code, error.message, detail) from error
    except InputError as error:
        raise of_job_error(error, 415) from error
    response["Location"] = path_of("video", video.pk)
    return Status(201, VideoOut.of(video))


def wanted(account: Account, query: VideoQuery) -> Any:
    """The rows of the recordings that a query is for."""
    asked = {"q": query.search, "kind": query.kind or "", "state": query.state or "", "tag": query.tag}
    found = Wanted.of(asked).recordings(account)
    bounds = {
        "size": query.size,
        "created_at__gte": query.created_after,
        "created_at__lt": query.created_before,
        "duration_seconds__gte": query.min_seconds,
        "duration_seconds__lte": query.max_seconds,
    }
    return found.filter(**{name: bound for name, bound in bounds.items() if bound is not None})


@router.get("", response={200: VideoList, **failures(422)}, summary="List recordings")
def list_videos(request: HttpRequest, query: Query[VideoQuery]) -> VideoList:
    """Your recordings, newest first unless `order` says otherwise; by title as people count, without case and accents.
    Each word of `search` has to be in title, name or a tag."""
    order = query.order.replace("title", "sort_name")
    part = parts.part(wanted(owner(request), query), query, order)
    return VideoList(items=VideoOut.each(part.rows), count=part.count, next=part.following)


@router.get("/{uuid:video_id}", response={200: VideoOut, **failures(404)}, summary="Get a recording", url_name="video")
def get_video(request: HttpRequest, video_id: UUID) -> VideoOut:
    """What is known of a recording, or of a result that is video or audio, by its id."""
    return VideoOut.of(versions.owned(owner(request), video_id))


@router.patch(
    "/{uuid:video_id}",
    response={200: VideoOut, **failures(404, 422)},
    summary="Rename a recording, tag it, or keep it for good",
)
@work
def rename_video(request: HttpRequest, video_id: UUID, patch: VideoPatch) -> VideoOut:
    """What is pinned stays, whatever the retention. Of a result this is what `PATCH /artifacts/{id}` says."""
    video = versions.owned(owner(request), video_id)
    title = naming.clean(patch.title or "")
    if patch.title is not None and not title:
        raise invalid([("title", "Write a title.")])
    if patch.tags is not None:  # what may be refused comes first
        tags.put(video, patch.tags)
    if title:
        video.title = title
        video.save(update_fields=["title"])
    if patch.pinned is not None:
        uses.pin(video, patch.pinned)
    publish.tell([video.owner_id])
    return VideoOut.of(video)


@router.delete("/{uuid:video_id}", response={200: VideoDeleted, **failures(404, 409)}, summary="Delete a recording")
def delete_video(request: HttpRequest, video_id: UUID, permanently: bool = False) -> VideoDeleted:
    """Put a recording with its jobs and all results into the trash, or with `permanently=1` delete it for good, also
    from there. Work under way on it is stopped. Of a result only that goes; 409 while work under way needs it."""
    account = owner(request)
    removal = trash.find(account, video_id) if permanently else None
    kept = Video.with_trash.of(account).filter(pk=video_id, removal=removal).first() if removal else None
    video = kept or versions.owned(account, video_id)
    artifacts = Artifact.with_trash.filter(job__video=video, removal=removal)
    count, size = artifacts.count(), artifacts.aggregate(size=Sum("size"))["size"] or 0
    jobs = Job.with_trash.filter(video=video, removal=removal).count()
    until = put_away(video, removal, permanently)
    return VideoDeleted(
        id=video_id, title=video.title, jobs=jobs, artifacts=count, bytes=video.size + size, trashed_until=until
    )


@router.post("/{uuid:video_id}/restore", response={200: VideoOut, **failures(404, 409)}, summary="Restore a recording")
@work
def restore_video(request: HttpRequest, video_id: UUID) -> VideoOut:
    """Take a recording, or a result, out of the trash with all that went along. Work that was stopped stays so."""
    account = owner(request)
    trash.restore(removed(account, video_id, Removal.Kind.RECORDING, Removal.Kind.RESULT))
    return VideoOut.of(versions.owned(account, video_id))


@router.post(
    "/{uuid:video_id}/cut-plan",
    response={200: PlanOut, **failures(404, 422, 503)},
    summary="Plan a cut without rendering it",
)
@work
async def cut_plan(request: HttpRequest, video_id: UUID, body: PlanIn = NO_PARAMS) -> dict[str, Any]:
    """What `silence-cut` would keep with these parameters. The first plan of a recording measures its sound; further
    ones answer at once."""
    account = owner(request)
    video = await sync_to_async(versions.owned)(account, video_id)
    params = await asyncio.to_thread(checked, plans.OPERATION, body.params, video.info, account)
    return await plans.cut_plan(video, params)


@router.api_operation(["HEAD"], "/{uuid:video_id}/file", include_in_schema=False)
@router.get(
    "/{uuid:video_id}/file",
    url_name="video_file",
    summary="Download a recording",
    openapi_extra=BYTES,
)
def video_file(request: HttpRequest, video_id: UUID) -> HttpResponseBase:
    """The uploaded bytes. `Range`, `If-Range` and `If-None-Match` are honoured."""
    video = versions.owned(owner(request), video_id)
    uses.note(video)
    return send(request, files.of_video(video))


@router.api_operation(["HEAD"], "/{uuid:video_id}/poster", include_in_schema=False)
@router.get("/{uuid:video_id}/poster", url_name="video_poster", summary="Get the poster", openapi_extra=BYTES)
def video_poster(request: HttpRequest, video_id: UUID) -> HttpResponseBase:
    """A picture of the recording (JPEG)."""
    return send(request, files.poster_of(versions.owned(owner(request), video_id)))
