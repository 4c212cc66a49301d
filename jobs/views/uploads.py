"""Uploads by chunks, in the tus protocol 1.0.0 (https://tus.io/protocols/resumable-upload)."""

import base64
import binascii
import functools
import json
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, QueryDict
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt

from jobs import forms
from jobs.auth.access import bearer, owned, refused, signed_in
from jobs.auth.limits import not_counted
from jobs.auth.requests import MemberRequest
from jobs.auth.scopes import work
from jobs.errors import InputError, JobError
from jobs.models import Account, Image, Upload, Video
from jobs.services import idempotency, last_choice, pipelines, uploads
from jobs.views import upload_messages
from videoservice import tracing

VERSION = "1.0.0"
LONGEST_KEY = 255
IMAGE_ENDINGS = (".png", ".webp", ".jpg", ".jpeg")
BODY_TYPE = "application/offset+octet-stream"
EXTENSIONS = "creation,creation-with-upload,expiration,checksum,termination"
STATUS = {
    "bad_request": 400,
    "gone": 404,
    "offset": 409,
    "too_large": 413,
    "quota_full": 413,
    "input": 415,
    "busy": 423,
    "in_progress": 409,
    "idempotency_mismatch": 422,
    "checksum": 460,
    "disk_full": 507,
    "invalid": 422,
    "too_many": 429,
    "missing_input": 422,
    "memory_full": 507,
    "resource": 507,
    "server_busy": 503,
}
"""By error code; any other refusal of a recording is 415: it cannot be worked with."""
Handler = Callable[..., HttpResponse]


class BadRequest(JobError):
    """The client and the protocol disagree."""

    code = "bad_request"


def spoken(view: Handler) -> Handler:
    """Speak tus: check the version, find the method behind an override, turn errors into answers."""

    @functools.wraps(view)
    def spoken_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        request.method = request.headers.get("X-HTTP-Method-Override", request.method or "").upper()
        if request.method == "OPTIONS":
            return _options()
        if request.headers.get("Tus-Resumable") != VERSION:
            response: HttpResponse = refused(
                412, "version", f"Send Tus-Resumable: {VERSION}.", **{"Tus-Version": VERSION}
            )
        else:
            try:
                response = view(request, *args, **kwargs)
            except JobError as error:
                response = refused(STATUS.get(error.code, 415), error.code, error.message)
            except Http404:
                response = refused(404, "not_found", "There is no such upload. Start it again.")
        response["Tus-Resumable"] = VERSION
        return response

    return csrf_exempt(spoken_view)


def _options() -> HttpResponse:
    return HttpResponse(
        status=204,
        headers={
            "Tus-Resumable": VERSION,
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(settings.UPLOAD_LIMIT_BYTES),
            "Tus-Checksum-Algorithm": ",".join(uploads.CHECKSUMS),
        },
    )


@spoken
@work
@signed_in
def collection(request: MemberRequest) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["OPTIONS", "POST"])
    if "Upload-Defer-Length" in request.headers:
        raise BadRequest("Say at the start how long the file is: send Upload-Length.")
    key = request.headers.get("Idempotency-Key")
    return _begun(request) if key is None else _begun_once(request, key)


def _begun_once(request: MemberRequest, key: str) -> HttpResponse:
    """More than tus asks for: who missed the answer, and so never learned where its upload is, asks again by the same
    key, and goes on from what a HEAD of that address tells."""
    if not 1 <= len(key) <= LONGEST_KEY:
        raise BadRequest(f"Idempotency-Key has 1 to {LONGEST_KEY} characters.")
    headers = [request.headers.get(name, "") for name in ("Upload-Length", "Upload-Metadata")]
    row = idempotency.claim(request.user, key, json.dumps([request.path, *headers]))
    if row.status is not None:
        return HttpResponse(status=row.status, headers={"Location": row.location, "Idempotency-Replayed": "true"})
    try:
        response = _begun_before(request, row.pk) or _begun(request, row.pk)
        idempotency.keep(row, key, response.status_code, response["Location"], "")
    except JobError:
        idempotency.release(row)
        raise
    except BaseException:
        idempotency.leave(row)
        raise
    return response


def _begun_before(request: MemberRequest, pk: UUID) -> HttpResponse | None:
    """What a request made that ended before its answer was kept."""
    if not (Upload.objects.of(request.user).filter(pk=pk).exists() or uploads.made(request.user, pk)):
        return None
    return HttpResponse(status=201, headers={"Location": f"{request.path}/{pk}"})


def _begun(request: MemberRequest, pk: UUID | None = None) -> HttpResponse:
    length = _whole_number(request, "Upload-Length")
    checksum = _checksum(request)
    facts = metadata(request.headers.get("Upload-Metadata", ""))
    upload = uploads.begin(
        request.user,
        name=facts.get("filename") or facts.get("name", ""),
        length=length,
        title=facts.get("title", ""),
        work=_work(facts.get("work", ""), request.user),
        pipeline=_pipeline(facts, request.user),
        kind=_kind(facts),
        pk=pk,
    )
    if upload.kind == Upload.Kind.RECORDING and "work" in facts and bearer(request) is None:
        last_choice.keep(request.user, QueryDict(facts["work"]))
    response = _state(upload, 0)
    if request.headers.get("Content-Type") == BODY_TYPE:
        try:
            response = _take(request, upload, 0, checksum)
        except JobError:
            uploads.abort(upload)  # the client was never told where it is
            raise
        except OSError:  # it broke off, or the storage is away; who has a key asks again, and goes on
            if pk is None:
                uploads.forget(upload)
            raise
    response.status_code = 201
    response["Location"] = f"{request.path}/{upload.pk}"  # the page and the API each have their own address for it
    return response


def is_chunk(request: HttpRequest) -> bool:
    """The network bounds how many of them come."""
    return request.method == "PATCH" and request.headers.get("Content-Type") == BODY_TYPE


@spoken
@not_counted(is_chunk)
@work
@signed_in
def upload(request: MemberRequest, pk: UUID) -> HttpResponse:
    if request.method == "HEAD":
        return _head(request, pk)
    if request.method == "PATCH":
        found = owned(Upload, request.user, pk)
        # Each chunk may come with a trace of its own; what becomes of the upload is a part of that which began it.
        with tracing.span("take a chunk", found.traceparent):
            return _patch(request, found)
    if request.method == "DELETE":
        uploads.abort(owned(Upload, request.user, pk))
        return HttpResponse(status=204)
    return HttpResponseNotAllowed(["DELETE", "HEAD", "OPTIONS", "PATCH"])


def _head(request: MemberRequest, pk: UUID) -> HttpResponse:
    """How far the upload is. The answer to its last chunk may have been lost: then what it became is here already, or
    what has arrived is whole but was never looked at."""
    made = uploads.made(request.user, pk)
    if made is None:
        found = owned(Upload, request.user, pk)
        offset = uploads.received(found)
        response = _state(found, offset) if offset < found.length else _finish(request, found)
        name, length = found.name, found.length
    else:
        response = _finished(made, made.size)
        name, length = made.name, made.size
    response.status_code = 200
    response["Upload-Length"] = str(length)
    response["Upload-Metadata"] = f"filename {base64.b64encode(name.encode()).decode()}"
    response["Cache-Control"] = "no-store"
    return response


def _patch(request: HttpRequest, upload: Upload) -> HttpResponse:
    if request.headers.get("Content-Type") != BODY_TYPE:
        return refused(415, "content_type", f"Send the bytes as {BODY_TYPE}.")
    offset, checksum = _whole_number(request, "Upload-Offset"), _checksum(request)
    facts = metadata(request.headers.get("Upload-Metadata", ""))
    if "work" in facts:  # more than tus asks for: who goes on with an upload may have changed their mind about it
        uploads.order(upload, _work(facts["work"], upload.owner), _pipeline(facts, upload.owner))
    return _take(request, upload, offset, checksum)


def _take(request: HttpRequest, upload: Upload, offset: int, checksum: uploads.Checksum | None) -> HttpResponse:
    offset = uploads.append(upload, offset, request, checksum)
    return _finish(request, upload) if offset == upload.length else _state(upload, offset)


def _finish(request: HttpRequest, upload: Upload) -> HttpResponse:
    made = uploads.finish(upload)
    if isinstance(made, Video) and bearer(request) is None:  # a script shows no pages
        upload_messages.tell_left_out(request, made, upload.work)
        upload_messages.tell_duplicate(request, made)
    return _finished(made, upload.length)


def _finished(made: Video | Image, offset: int) -> HttpResponse:
    header = "Image-Id" if isinstance(made, Image) else "Video-Id"
    return HttpResponse(status=204, headers={"Upload-Offset": str(offset), header: str(made.pk)})


def _state(upload: Upload, offset: int) -> HttpResponse:
    expires = http_date(upload.expires_at.timestamp())
    return HttpResponse(status=204, headers={"Upload-Offset": str(offset), "Upload-Expires": expires})


# Reading the request -------------------------------------------------------------------------------------------------


def _whole_number(request: HttpRequest, header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise BadRequest(f"{header} has to be a whole number of bytes.")
    return int(text)


def _checksum(request: HttpRequest) -> uploads.Checksum | None:
    """What the chunk in the body has to hash to, if the client said."""
    header = request.headers.get("Upload-Checksum")
    if header is None:
        return None
    algorithm, _, digest = header.partition(" ")
    if algorithm not in uploads.CHECKSUMS:
        raise BadRequest(f"Use one of these checksums: {', '.join(uploads.CHECKSUMS)}.")
    return uploads.Checksum(algorithm, _decoded(digest, "Upload-Checksum"))


def metadata(header: str) -> dict[str, str]:
    """Upload-Metadata as a dict: pairs `key base64`, parted by commas; a key alone stands for an empty value."""
    pairs = (pair.strip().partition(" ") for pair in header.split(",") if pair.strip())
    try:
        return {key: _decoded(value.strip(), "Upload-Metadata").decode() for key, _, value in pairs}
    except UnicodeDecodeError as error:
        raise BadRequest("Upload-Metadata has to be UTF-8 behind its base64.") from error


def _decoded(text: str, header: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest(f"{header} has to be written in base64.") from error


def _kind(facts: dict[str, str]) -> Upload.Kind:
    """What comes: as `kind` says, else by the `filetype` or the ending of the name. Its content is checked later."""
    if facts.get("kind") in Upload.Kind.values:
        return Upload.Kind(facts["kind"])
    name = (facts.get("filename") or facts.get("name", "")).lower()
    is_image = facts.get("filetype", "").startswith("image/") or name.endswith(IMAGE_ENDINGS)
    return Upload.Kind.IMAGE if is_image else Upload.Kind.RECORDING


def _pipeline(facts: Mapping[str, str], owner: Account) -> str:
    """The saved chain to run on the recording: one that is named, else the account's own where no work is named."""
    return pipelines.ordered(owner, facts.get("pipeline", "" if "work" in facts else None))


def _work(text: str, owner: Account) -> dict[str, dict[str, Any]]:
    """What to do with the recording, from the fields of the upload form."""
    if not text:
        return {}
    try:
        return forms.work_of(QueryDict(text), owner)
    except ValidationError as error:
        raise InputError(" ".join(error.messages), code="invalid") from error
