from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from jobs.auth.requests import MemberRequest
from jobs.errors import JobError
from jobs.forms import SearchForm, WorkForm
from jobs.models import Account, Video
from jobs.services import uploads
from jobs.services.naming import file_name
from jobs.services.shelf import shelf
from jobs.views import members, upload_messages
from jobs.views.members import changes, member
from jobs.views.work_form import work_form


@member
@require_safe
def library(request: MemberRequest) -> HttpResponse:
    """The upload form and the recordings. An open page asks again for the recordings alone when they changed."""
    search = SearchForm(request.GET)
    context = {"search": search, "shelf": shelf(request.user, search.words, request.GET.get("page"))}
    if request.htmx:
        return render(request, "library/_grid.html", context | {"out_of_band": True})
    work = WorkForm(members.typed(request), owner=request.user)
    return members.forget_typed(render(request, "library/library.html", context | form_context(work)))


@changes("library")
def submit(request: MemberRequest) -> HttpResponse:
    """The form without JavaScript: whole files in one request, up to settings.FORM_LIMIT_BYTES."""
    work, files = work_form(request), request.FILES.getlist("file")
    problems = [] if files else ["Choose a recording first."]
    if not work.is_valid():
        problems += work.errors
    received = 0
    for file in [] if problems else files:
        try:
            video = take(request.user, file, work, "duplicate" in request.POST)
            upload_messages.tell_left_out(request, video, work.work)
            received += 1
        except JobError as error:
            problems.append(f"{file_name(file.name or '')}: {error.message}")
    if not problems:
        return redirect("queue" if work.chosen else "library")
    if received:
        messages.success(request, f"{received} of {len(files)} recordings arrived.")
    search = SearchForm()
    context = {"search": search, "shelf": shelf(request.user, search.words, None)}
    return render(request, "library/library.html", context | form_context(work, problems), status=422)


def take(owner: Account, file: Any, work: WorkForm, allow_duplicate: bool) -> Video:
    """Make a recording of a file that came with the form; its temporary file is gone afterwards."""
    assert isinstance(file, TemporaryUploadedFile), "FILE_UPLOAD_HANDLERS puts every file on the disk"
    path, name = Path(file.temporary_file_path()), file.name or ""
    return uploads.receive(owner, path, name=name, work=work.work, allow_duplicate=allow_duplicate)


def form_context(work: WorkForm, problems: list[str] | None = None) -> dict[str, Any]:
    return {
        "work": work,
        "problems": problems or [],
        "limit_bytes": settings.UPLOAD_LIMIT_BYTES,
        "form_limit_bytes": settings.FORM_LIMIT_BYTES,
        "chunk_bytes": settings.CHUNK_LIMIT_BYTES,
    }
