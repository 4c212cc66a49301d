import functools
import operator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.paginator import Paginator
from django.db.models import Count, Max, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from jobs.errors import JobError
from jobs.forms import SearchForm, WorkForm
from jobs.models import Account, Job, Video
from jobs.services import loops, storyboards, uploads
from jobs.services.naming import file_name
from jobs.views import members, notes
from jobs.views.members import changes, member
from jobs.views.posted import work_form

PAGE = 24


@member
@require_safe
def library(request: HttpRequest) -> HttpResponse:
    """The upload form and the recordings. htmx asks again for the recordings alone while work is under way."""
    search = SearchForm(request.GET)
    context = {"search": search, **shelf(request.user, search, request.GET.get("page"))}  # type: ignore[arg-type]
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "library/_grid.html", context)
    work = WorkForm(members.typed(request), owner=request.user)  # type: ignore[arg-type]
    return members.forget_typed(render(request, "library/library.html", context | form_context(work)))


@changes("library")
def submit(request: HttpRequest) -> HttpResponse:
    """The form without JavaScript: whole files in one request, up to settings.FORM_LIMIT_BYTES."""
    work, files = work_form(request), request.FILES.getlist("file")
    problems = [] if files else ["Choose a recording first."]
    if not work.is_valid():
        problems += work.errors
    received = 0
    for file in [] if problems else files:
        try:
            video = take(request.user, file, work, "duplicate" in request.POST)  # type: ignore[arg-type]
            notes.tell_left_out(request, video, work.work)
            received += 1
        except JobError as error:
            problems.append(f"{file_name(file.name or '')}: {error.message}")
    if not problems:
        return redirect("queue" if work.chosen else "library")
    if received:
        messages.success(request, f"{received} of {len(files)} recordings arrived.")
    search = SearchForm()
    context = {"search": search, **shelf(request.user, search, None)}  # type: ignore[arg-type]
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


def shelf(owner: Account, search: SearchForm, number: str | None) -> dict[str, Any]:
    """One page of the owner's recordings, newest first, each with the work under way on it; and their totals."""
    mine = Video.objects.of(owner)
    found = mine
    if search.words:
        found = mine.filter(
            functools.reduce(
                operator.and_, (Q(title__icontains=word) | Q(name__icontains=word) for word in search.words)
            )
        )
    annotated = found.annotate(
        under_way=Count("jobs", filter=Q(jobs__status__in=Job.ACTIVE)),
        loop=loops.newest_of_each(),
        storyboard=storyboards.newest_of_each(),
        running=Max("jobs__progress", filter=Q(jobs__status=Job.Status.RUNNING)),
    )
    newest_first = annotated.order_by("-created_at", "-pk")  # grouping drops the model's own order
    videos = Paginator(newest_first, PAGE).get_page(number)
    totals = mine.aggregate(total=Count("pk"), used=Sum("size"))
    return {"videos": videos, "changing": any(video.under_way for video in videos), **totals}  # type: ignore[attr-defined]
