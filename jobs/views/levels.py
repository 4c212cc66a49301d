"""What was heard of a recording over time, for the waveform and the plan on its page."""

import asyncio
import gzip
from typing import Literal
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from jobs.auth.access import refused, signed_in
from jobs.auth.requests import MemberRequest
from jobs.errors import Busy, JobError
from jobs.services import plans, versions

Asked = tuple[Literal["loudness", "voice"], int | Literal["all"]]


@require_safe
@signed_in
async def levels(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The bytes of `level_quantizer`; `?detector=voice` for voice instead of loudness, `?track=0` for one track.

    Who goes away before it is measured ends that, unless somebody else waits for the same.
    """
    video = await sync_to_async(versions.owned)(request.user, pk)
    try:
        detector, track = asked(request)
    except ValueError:
        return refused(422, "params", "Ask for detector loudness or voice, and track all or a number from 0.")
    etag = f'W/"{video.sha256[:32]}-{plans.heard_version(detector)}-{track}"'
    always = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding, Cookie"}
    if known := get_conditional_response(request, etag):
        for name, value in always.items():
            known[name] = value
        return known
    try:
        body = await plans.heard(video, detector, track)
    except FileNotFoundError as error:
        raise Http404("the file of this recording is gone") from error
    except Busy as error:
        return refused(503, error.code, error.message)
    except JobError as error:
        return refused(422, error.code, error.message)
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        body = await asyncio.to_thread(gzip.compress, body, 5, mtime=0)
        always["Content-Encoding"] = "gzip"
    return HttpResponse(body, headers=always, content_type="application/octet-stream")


def asked(request: HttpRequest) -> Asked:
    """Raises ValueError."""
    detector, track = request.GET.get("detector", "loudness"), request.GET.get("track", "all")
    if detector not in ("loudness", "voice"):
        raise ValueError(detector)
    return ("voice" if detector == "voice" else "loudness"), (int(track) if track != "all" else "all")
