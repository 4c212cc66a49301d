"""The page of a recording: its parts by themselves, as they are asked for when they change, and its results packed."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs.auth.access import signed_in
from jobs.auth.requests import MemberRequest
from jobs.live.recording import STATES, Parts
from jobs.models import Account, Import, Video
from jobs.services import imports, naming, results, retention, tags, uses, versions
from jobs.services.version_list import Version
from jobs.views import cutting, gone, transcripts
from jobs.views.members import member
from jobs.zip_response import zipped

TEMPLATES = {name: f"videos/_{name}.html" for name in STATES} | {"storyboard": "videos/_scrub.html"}


@member
@require_safe
def part(request: MemberRequest, pk: UUID, name: str) -> HttpResponse:
    """A part of the page as it is now."""
    if name not in TEMPLATES:
        raise Http404("no part of a recording's page")
    if name == "gone":
        return render(request, TEMPLATES[name], gone.note(request.user, pk))
    shown = context(Parts(request.user, versions.owned(request.user, pk)))
    return render(request, TEMPLATES[name], shown)


def importing(request: MemberRequest, row: Import) -> HttpResponse:
    """The page of a recording that is still to come from an address; with htmx how far it is alone."""
    context = {"row": row, "imports_state": imports.state(imports.shown(request.user))}
    return render(request, "videos/_importing.html" if request.htmx else "videos/importing.html", context)


@require_safe
@signed_in
def packed(request: MemberRequest, pk: UUID) -> HttpResponseBase:
    """All results of a recording as a ZIP file, sent while it is made."""
    video = versions.owned(request.user, pk)
    entries = results.entries(results.every(video))
    if not entries:
        raise Http404("this recording has no results")
    return zipped(request, entries, f"{naming.file_name(video.title.replace('/', '-'))} (results).zip")


def context(parts: Parts) -> dict[str, Any]:
    """What the templates of all parts need."""
    video = parts.video
    return {
        "video": video,
        "parts": parts,
        "states": States(parts),
        "history": parts.history,
        **compared(video, parts.versions),
        **cutting.desk(video),
        **transcripts.desk_of(parts.stored),
    }


def of_page(owner: Account, parts: Parts) -> dict[str, Any]:
    """What the whole page needs besides the work that it offers."""
    video = parts.video
    return {
        **context(parts),
        "states": parts.states,
        "tags": tags.of_video(video),
        "departure": retention.of_thing(video),
        "pinned": uses.is_pinned(video),
        "retention": retention.of(owner),
    }


class States:
    """For templates, which take `states.results`: each is found out when it is asked for."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def __getitem__(self, name: str) -> str:
        return self._parts.state(name)


def compared(video: Video, listed: list[Version]) -> dict[str, Any]:
    """Which other version the player offers beside this recording: of the original the newest one that is like it, of a
    result the original."""
    mine = next((one for one in listed if one.pk == video.pk), None)
    others = [one for one in listed if one.pk != video.pk and one.kind == video.kind and not one.is_missing]
    if mine is None or not others:
        return {}
    guest = others[0] if mine.is_original else next((one for one in others if one.is_original), None)
    return {"guest": guest, "main_name": mine.name} if guest else {}
