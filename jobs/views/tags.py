"""Tags: all of an account, and those of one recording or of several that were chosen."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from jobs.auth.access import owned
from jobs.auth.requests import MemberRequest
from jobs.errors import InputError
from jobs.models import Account, Tag, Video
from jobs.services import tags, versions
from jobs.views.asking import ask
from jobs.views.members import changes, member


@member
@require_safe
def listed(request: MemberRequest) -> HttpResponse:
    """All of an account, to be renamed and deleted."""
    return render(request, "tags/tags.html", {"tags": tags.of(request.user)})


@changes("tags")
def rename(request: MemberRequest, pk: UUID) -> HttpResponse:
    tag, name = owned(Tag, request.user, pk), request.POST.get("name", "")
    try:
        tags.rename(tag, name)
    except InputError as error:
        context = {"tags": tags.of(request.user), "problem": error.message, "wrong": tag.pk, "typed": name}
        return render(request, "tags/tags.html", context, status=422)
    return redirect("tags")


@member
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: MemberRequest, pk: UUID) -> HttpResponse:
    tag = owned(Tag, request.user, pk)
    if request.method == "POST":
        tags.delete(tag)
        messages.success(request, f"The tag “{tag.name}” has been deleted.")
        return redirect("tags")
    count = tags.count(tag)
    words = f"{count} recording{'' if count == 1 else 's'} will be without it. They stay."
    asked = f"Delete the tag “{tag.name}”?"
    return ask(request, asked, words, verb="Delete it", keep="Keep it", back="/tags/", stays=False)


@member
@require_http_methods(["GET", "HEAD", "POST"])
def of_video(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Those of one recording, to be given and taken: a dialog over its page, or a page of its own."""
    video = versions.owned(request.user, pk).root
    if request.method != "POST":
        return render(request, _template(request), form(request.user, [video]) | {"video": video})
    try:
        change(request, [video])
    except InputError as error:
        if request.htmx:
            return HttpResponse(error.message, content_type="text/plain", status=422)
        context = form(request.user, [video]) | {"video": video, "problem": error.message}
        return render(request, _template(request), context | {"typed": request.POST.get("new", "")}, status=422)
    if request.htmx:
        return render(
            request, "library/_tags.html", {"video": video, "tags": tags.of_video(video), "out_of_band": True}
        )
    return redirect(video)


def _template(request: MemberRequest) -> str:
    return "tags/_form.html" if request.htmx else "tags/form.html"


def form(owner: Account, videos: Sequence[Video]) -> dict[str, Any]:
    """What the form of the tags of these recordings shows: each tag with how many of them have it."""
    having: dict[str, int] = {}
    for names in tags.of_each([video.pk for video in videos]).values():
        for name in names:
            having[name] = having.get(name, 0) + 1
    found = [
        {"name": tag.name, "having": having.get(tag.name, 0), "all": having.get(tag.name) == len(videos)}
        for tag in tags.of(owner)
    ]
    return {"choices": sorted(found, key=lambda one: not one["having"]), "of": len(videos)}


def change(request: MemberRequest, videos: Sequence[Video]) -> None:
    """Do what the form says: tags that are ticked are given to all; those that all had when it was shown, and that are
    ticked no more, are taken from all, and so are those that only some had, of which it says so. Raises InputError."""
    ticked = request.POST.getlist("tag")
    gone = [name for name in request.POST.getlist("had") if name not in ticked]
    wanted = [*ticked, *tags.several(request.POST.get("new", ""))]
    tags.change(request.user, videos, wanted, [*gone, *request.POST.getlist("take")])
