import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from jobs import wording
from jobs.auth.requests import MemberRequest
from jobs.errors import JobError
from jobs.forms import WorkForm
from jobs.models import Account, Video
from jobs.services import last_choice, pipelines, quota, shelf, uploads, usage
from jobs.services import search as said_in
from jobs.services.naming import file_name
from jobs.services.wanted import EVERY, Wanted
from jobs.views import imports, library_tools, looks, members, parts, upload_form, upload_messages
from jobs.views.members import changes, member
from jobs.views.work_form import work_form

SAID_HERE = 5
"""Places where it was said that the library shows; all have a page of their own."""


@member
@require_safe
def library(request: MemberRequest) -> HttpResponse:
    """The upload form and the recordings. An open page asks again for the recordings alone when they changed, and for
    what its filters and its search find."""
    if remembered := looks.chosen(request):
        return remembered
    wanted = Wanted.of(request.GET)
    look, many = looks.look_of(request), looks.many_of(request)
    if elsewhere := parts.moved(request, shelf.listed(request.user, wanted), shelf.most(many)):
        return elsewhere
    context = shelf_context(request.user, wanted, request.GET.get("older", ""), many=many) | {"look": look}
    if request.htmx and not request.htmx.boosted:
        return render(request, "library/_grid.html", context | {"out_of_band": True})
    said = said_where(request.user, wanted)
    context |= {"said": said, "said_here": said.some(SAID_HERE)}
    if request.htmx:
        found = render(request, "library/_found.html", context | {"out_of_band": True})
        found["Cache-Control"] = "no-store"  # its address is that of the page, which the way back is to lead to
        return found
    context |= imports.context(request.user)
    typed = members.typed(request)
    work = upload_form.begun_with(request.user, typed)
    context |= upload_form.context(work, request, typed=typed is not None)
    return members.forget_typed(render(request, "library/library.html", context))


@changes("library")
def submit(request: MemberRequest) -> HttpResponse:
    """The form without JavaScript: whole files in one request, up to settings.FORM_LIMIT_BYTES, and an address."""
    work, files = work_form(request), request.FILES.getlist("file")
    url = request.POST.get("url", "").strip()
    problems = [] if files or url else ["Choose a recording first, or paste the address of one."]
    pipeline, is_nothing = upload_form.pipeline_of(request)
    if pipeline and pipelines.find(request.user, pipeline) is None:
        problems.append("This chain is not there any more. Choose another, or none.")
    elif not pipeline and not is_nothing and not work.is_valid():
        problems += work.errors
    received = 0
    for file in [] if problems else files:
        try:
            ordered = {} if pipeline or is_nothing else work.work
            video = take(request.user, file, ordered, pipeline, "duplicate" in request.POST)
            upload_messages.tell_left_out(request, video, ordered)
            received += 1
        except JobError as error:
            problems.append(f"{file_name(file.name or '')}: {error.message}")
    if url and not problems:
        try:
            imports.begin(request, work)
        except JobError as error:
            problems.append(error.message)
    if not problems:
        last_choice.keep(request.user, request.POST)
        is_work = bool(pipeline or (work.chosen and not is_nothing))
        return redirect("queue" if files and not url and is_work else "library")
    if received:
        messages.success(request, f"{received} of {len(files)} recordings arrived.")
    context = shelf_context(request.user) | imports.context(request.user) | {"look": looks.look_of(request)}
    return render(request, "library/library.html", context | upload_form.context(work, request, problems), status=422)


def said_where(owner: Account, wanted: Wanted) -> said_in.Found:
    """Where it was said, in the recordings that would be shown without these words, and in what was made of them."""
    if not wanted.q:
        return said_in.NOTHING
    among = dataclasses.replace(wanted, q="").recordings(owner) if wanted.is_filtered else None
    return said_in.find(owner, wanted.q, among)


def shelf_context(owner: Account, wanted: Wanted = EVERY, older: str = "", *, many: bool = False) -> dict[str, Any]:
    allowed = quota.of(owner)
    room = usage.storage_meter(owner, allowed) if allowed.bytes else None
    found = shelf.shelf(owner, wanted, older, many=many)
    used = room.told if room else wording.size(found.used) if found.total else ""
    return {
        "wanted": wanted,
        "tools": library_tools.of(owner, wanted, found),
        "shelf": found,
        "part": found.part,
        "older": older if found.part.newer else "",
        "many": many,
        "usual": shelf.PAGE,
        "most": min(shelf.MANY, found.found),
        "room": room,
        "used": used,
    }


def take(
    owner: Account, file: Any, work: Mapping[str, Mapping[str, Any]], pipeline: str, allow_duplicate: bool
) -> Video:
    """Make a recording of a file that came with the form; its temporary file is gone afterwards."""
    assert isinstance(file, TemporaryUploadedFile), "FILE_UPLOAD_HANDLERS puts every file on the disk"
    path, name = Path(file.temporary_file_path()), file.name or ""
    return uploads.receive(owner, path, name=name, work=work, pipeline=pipeline, allow_duplicate=allow_duplicate)


@member
@require_safe
def settings(request: MemberRequest) -> HttpResponse:
    """The fields of all operations, for the drop bar that is opened."""
    work = upload_form.begun_with(request.user, None)
    return render(request, "library/_work_settings.html", {"work": work, "whole": True})


@member
@require_POST
def order(request: MemberRequest) -> HttpResponse:
    """What is ticked, as the chain that it will be; after a button moved one of its steps, in that order."""
    data = request.POST.copy()
    chain = WorkForm(data, owner=request.user).chain()
    verb, _, slug = data.get("move", "").partition(":")
    slugs = [step.operation for step in chain]
    if slug in slugs and verb in ("earlier", "later"):
        place = slugs.index(slug)
        there = place - 1 if verb == "earlier" else place + 1
        if 0 <= there < len(slugs):
            slugs[place], slugs[there] = slugs[there], slugs[place]
            data["order"] = ",".join(slugs)
    elif data.get("move") == "sensible":
        data["order"] = ""
    work = WorkForm(data, owner=request.user)
    return render(request, "library/_order.html", upload_form.order_context(work) | {"out_of_band": True})
