"""The bytes of recordings and results, for those who own them."""

from uuid import UUID

from django.http import Http404, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from jobs.auth.access import owned, signed_in
from jobs.auth.requests import MemberRequest
from jobs.file_response import send
from jobs.models import Artifact, Image
from jobs.services import files, storyboards, uses, versions


@require_safe
@signed_in
def video_file(request: MemberRequest, pk: UUID) -> HttpResponseBase:
    video = versions.owned(request.user, pk)
    uses.note(video)
    return send(request, files.of_video(video))


@require_safe
@signed_in
def video_poster(request: MemberRequest, pk: UUID) -> HttpResponseBase:
    video = versions.owned(request.user, pk)
    return send(request, files.poster_of(video, request.META.get("QUERY_STRING", "")))


@require_safe
@signed_in
def artifact_file(request: MemberRequest, pk: UUID) -> HttpResponseBase:
    artifact = owned(Artifact, request.user, pk)
    uses.note(artifact)
    return send(request, files.of_artifact(artifact))


@require_safe
@signed_in
def storyboard(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The WebVTT file of a storyboard with the addresses of its sheets, for players."""
    artifact = owned(Artifact, request.user, pk)
    if not storyboards.every().filter(pk=artifact.pk).exists():
        raise Http404("this is no storyboard")
    try:
        text = storyboards.cues(artifact)
    except FileNotFoundError as error:
        raise Http404("this storyboard is gone") from error
    return HttpResponse(text, content_type="text/vtt; charset=utf-8", headers={"Cache-Control": "private, no-cache"})


@require_safe
@signed_in
def image_file(request: MemberRequest, pk: UUID) -> HttpResponseBase:
    image = owned(Image, request.user, pk)
    return send(request, files.of_image(image))
