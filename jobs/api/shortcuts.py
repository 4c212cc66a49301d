"""A recording and work on it in one call, for programs that know no other: what they send goes the usual ways."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from ninja import Router, Status
from pydantic import Field

from jobs.api import forms
from jobs.api.auth import owner, work
from jobs.api.documented import failures, form_of
from jobs.api.errors import ApiError, invalid, of_job_error
from jobs.api.idempotency import idempotent, name_of
from jobs.api.job_schemas import JobOut
from jobs.api.jobs import shown
from jobs.api.parameters import checked
from jobs.auth.access import owned
from jobs.errors import InputError
from jobs.models import Account, Image, Job, Video
from jobs.services import images, jobs, uploads, videos

router = Router(tags=["Shortcuts"])
WATERMARK, EXTRACT = "watermark", "extract-audio"
UNKNOWN_ID = "00000000-0000-0000-0000-000000000000"


class WorkOut(JobOut):
    """The job, and where its result is."""

    url: str | None = Field(description="Path of the first result, usable with the same token; null until it is there.")

    @classmethod
    def told(cls, job: Job) -> "WorkOut":
        out = shown([job])[0]
        return cls(**out.dict(), url=out.artifacts[0].url if out.artifacts else None)


def sent(request: HttpRequest, **rest: Any) -> Any:
    forms.take_in(request)
    return forms.content(request)


@router.post(
    "/video/watermark",
    response={201: WorkOut, **failures(409, 413, 415, 422)},
    summary="Mark a recording with an image",
    openapi_extra=form_of(video="The recording.", image="PNG, WebP or JPEG; none where the parameter `text` is given."),
)
@work
@idempotent(asked=sent)
def watermark(request: HttpRequest, response: HttpResponse) -> Status[WorkOut]:
    """`POST /videos`, `POST /images` and `POST /jobs` in one. The parameters of `watermark` are those of the query or
    fields of the form: `?x_offset=10&y_offset=10`. A recording that is here already is used again."""
    return begun(request, response, WATERMARK)


@router.get("/video/watermark/{uuid:job_id}", response={200: WorkOut, **failures(404)}, summary="How the mark comes on")
def watermarked(request: HttpRequest, job_id: UUID) -> WorkOut:
    """As `GET /jobs/{id}`, with the address of the result at hand."""
    return found(request, WATERMARK, job_id)


@router.post(
    "/audio/extract",
    response={201: WorkOut, **failures(409, 413, 415, 422)},
    summary="Take the audio out of a recording",
    openapi_extra=form_of(video="The recording."),
)
@work
@idempotent(asked=sent)
def extract(request: HttpRequest, response: HttpResponse) -> Status[WorkOut]:
    """`POST /videos` and `POST /jobs` in one. The parameters of `extract-audio` are those of the query or fields of the
    form: `?format=mp3`. A recording that is here already is used again."""
    return begun(request, response, EXTRACT)


@router.get("/audio/extract/{uuid:job_id}", response={200: WorkOut, **failures(404)}, summary="How the audio comes out")
def extracted(request: HttpRequest, job_id: UUID) -> WorkOut:
    """As `GET /jobs/{id}`, with the address of the result at hand."""
    return found(request, EXTRACT, job_id)


def found(request: HttpRequest, slug: str, job_id: UUID) -> WorkOut:
    job = owned(Job, owner(request), job_id)
    if job.operation != slug:
        raise Http404("another kind of work")
    return WorkOut.told(job)


def begun(request: HttpRequest, response: HttpResponse, slug: str) -> Status[WorkOut]:
    account, name = owner(request), name_of(request)
    job = (jobs.find_idempotent(account, name) if name else None) or made(request, account, slug, name)
    response["Location"] = f"{request.path.rstrip('/')}/{job.pk}"
    return Status(201, WorkOut.told(job))


def made(request: HttpRequest, account: Account, slug: str, name: str | None) -> Job:
    """Take in the files and put the work in line. What is refused leaves neither behind."""
    forms.take_in(request)
    recording = file_in(request, "video")
    if recording is None:
        raise invalid([("video", "Send the recording in this field.")])
    logo = file_in(request, "image") if slug == WATERMARK else None
    params = {**request.GET.dict(), **request.POST.dict()}
    checked(slug, params | ({"image": UNKNOWN_ID} if logo else {}), None, None)
    image = received_image(account, logo) if logo else None
    try:
        video, is_new = received(account, recording)
    except BaseException:
        forget(image, None)
        raise
    try:
        return started(account, video, slug, params | ({"image": str(image.pk)} if image else {}), name)
    except (InputError, ApiError):
        forget(image, video if is_new else None)
        raise


def started(account: Account, video: Video, slug: str, params: Mapping[str, Any], name: str | None) -> Job:
    return jobs.create(account, video, slug, checked(slug, params, video.info, account), idempotency_key=name)


def file_in(request: HttpRequest, field: str) -> TemporaryUploadedFile | None:
    file = request.FILES.get(field)
    return file if isinstance(file, TemporaryUploadedFile) else None


def received_image(account: Account, file: TemporaryUploadedFile) -> Image:
    try:
        return images.receive(account, Path(file.temporary_file_path()), name=file.name or "unnamed")
    except InputError as error:
        raise of_job_error(error, 422 if error.code == "too_many" else 415) from error


def received(account: Account, file: TemporaryUploadedFile) -> tuple[Video, bool]:
    """The recording, and whether it is new."""
    path = Path(file.temporary_file_path())
    try:
        return uploads.receive(account, path, name=file.name or "", allow_duplicate=False), True
    except uploads.DuplicateVideo as error:
        if error.code != "duplicate":  # it waits in the trash
            raise ApiError(409, error.code, error.message, {"video": str(error.video.pk)}) from error
        return error.video, False
    except InputError as error:
        raise of_job_error(error, 415) from error


def forget(image: Image | None, video: Video | None) -> None:
    if image:
        images.delete(image)
    if video:
        videos.delete(video)
