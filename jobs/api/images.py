from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Query, Router, Status

from jobs import storage
from jobs.api import forms
from jobs.api.auth import owner, work
from jobs.api.documented import BYTES, IMAGE, failures
from jobs.api.errors import ApiError, invalid, of_job_error
from jobs.api.idempotency import idempotent
from jobs.api.image_schemas import ImageDeleted, ImageList, ImageOut
from jobs.api.schemas import Page, path_of
from jobs.auth.access import owned
from jobs.engine.probe.image_sanitizer import MAXIMUM_BYTES
from jobs.errors import InputError
from jobs.file_response import send
from jobs.models import Image
from jobs.services import files, images, jobs, quota, uploads

router = Router(tags=["Images"])
AROUND_BYTES = 1 << 20
"""What a multipart body may have around its file."""


def uploaded(request: HttpRequest) -> TemporaryUploadedFile:
    """The file of a multipart body, on disk. The body is only now read."""
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if length > MAXIMUM_BYTES + AROUND_BYTES:
        raise ApiError(413, "too_large", f"An image has at most {MAXIMUM_BYTES >> 20} MB. Export it smaller.")
    if request.content_type != "multipart/form-data":
        raise ApiError(415, "content_type", "Send the image as the field “file” of multipart/form-data.")
    uploads.refuse_overfull(length)
    quota.refuse(owner(request), length)
    storage.uploads_folder()  # where Django puts the file while it arrives
    file = request.FILES.get("file")
    if not isinstance(file, TemporaryUploadedFile):
        raise invalid([("file", "Send the image in this field.")])
    return file


def sent(request: HttpRequest, **rest: Any) -> Any:
    """What a form holds, by the bytes of its file."""
    uploaded(request)
    return forms.content(request)


@router.post(
    "",
    response={201: ImageOut, **failures(413, 415, 422)},
    summary="Upload an image",
    openapi_extra=IMAGE,
    url_name="images",
)
@work
@idempotent(asked=sent)
def upload_image(request: HttpRequest, response: HttpResponse) -> Status[ImageOut]:
    """Take a PNG, WebP or JPEG for use in work, such as the logo of a watermark: its id is what the parameters name.

    What it is is found out from its content. It is kept as a PNG, upright and in sRGB, until nothing has used it for a
    month. The same can be done through `/uploads` (tus), with `kind image` in the metadata.
    """
    file = uploaded(request)
    try:
        image = images.receive(owner(request), Path(file.temporary_file_path()), name=file.name or "unnamed")
    except InputError as error:
        raise of_job_error(error, 422 if error.code == "too_many" else 415) from error
    response["Location"] = path_of("image", image.pk)
    return Status(201, ImageOut.of(image))


@router.get("", response={200: ImageList, **failures(422)}, summary="List images")
def list_images(request: HttpRequest, query: Query[Page]) -> ImageList:
    """Your images, newest first."""
    found = Image.objects.of(owner(request)).order_by("-created_at", "pk")
    return ImageList(items=[ImageOut.of(image) for image in found[query.part]], count=found.count())


@router.get("/{uuid:image_id}", response={200: ImageOut, **failures(404)}, summary="Get an image", url_name="image")
def get_image(request: HttpRequest, image_id: UUID) -> ImageOut:
    """What is known of an image; its bytes are at `url`."""
    return ImageOut.of(owned(Image, owner(request), image_id))


@router.delete("/{uuid:image_id}", response={200: ImageDeleted, **failures(404)}, summary="Delete an image")
def delete_image(request: HttpRequest, image_id: UUID) -> ImageDeleted:
    """Delete an image. Work under way that needs it fails."""
    image = owned(Image, owner(request), image_id)
    needing = len(jobs.needing(image.owner, "image", image.pk))
    gone = ImageDeleted(id=image.pk, name=image.name, jobs=needing, bytes=image.size)
    images.delete(image)
    return gone


@router.api_operation(["HEAD"], "/{uuid:image_id}/file", include_in_schema=False)
@router.get("/{uuid:image_id}/file", url_name="image_file", summary="Download an image", openapi_extra=BYTES)
def image_file(request: HttpRequest, image_id: UUID) -> HttpResponseBase:
    """The PNG that was made of the uploaded image."""
    return send(request, files.of_image(owned(Image, request.user, image_id)))
