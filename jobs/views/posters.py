"""Choosing which picture stands for a recording."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse

from jobs.auth.access import owned
from jobs.auth.requests import MemberRequest
from jobs.errors import JobError
from jobs.models import Artifact, Video
from jobs.services import posters, versions
from jobs.views.jobs import done
from jobs.views.members import changes

HEADER = "X-Poster"
"""Tells a page with scripts the address of the poster for its player."""


@changes("queue")
def choose(request: MemberRequest, pk: UUID) -> HttpResponse:
    artifact = owned(Artifact, request.user, pk)
    try:
        posters.choose(artifact)
        messages.success(request, "This picture is the poster now.")
    except JobError as error:
        messages.error(request, error.message)
    return changed(request, artifact.job.subject or artifact.job.video)


@changes("video", "pk")
def take_back(request: MemberRequest, pk: UUID) -> HttpResponse:
    video = versions.owned(request.user, pk)
    posters.take_back(video)
    messages.success(request, "The first poster is back.")
    return changed(request, video)


def changed(request: MemberRequest, video: Video) -> HttpResponse:
    response = done(request)
    response[HEADER] = video.poster_url
    return response
