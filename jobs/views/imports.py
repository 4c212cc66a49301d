"""Recordings on their way from an address, on the library's page."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from jobs import wording
from jobs.auth.access import owned, refused
from jobs.auth.requests import MemberRequest
from jobs.errors import InputError
from jobs.forms import WorkForm
from jobs.models import Account, Import
from jobs.services import imports, last_choice, pipelines
from jobs.views import upload_form
from jobs.views.asking import ask
from jobs.views.members import changes, member


def context(owner: Account) -> dict[str, object]:
    rows = imports.shown(owner)
    return {"imports": rows, "imports_state": imports.state(rows)}


@member
@require_http_methods(["GET", "HEAD", "POST"])
def collection(request: MemberRequest) -> HttpResponse:
    """The part of the page that shows them. By POST the upload form's fields with an address, as its script sends them;
    without scripts they go to `library.submit`."""
    if request.method == "POST":
        try:
            begin(request, WorkForm(request.POST, owner=request.user))
        except InputError as error:
            return refused(422, error.code, error.message)
    if not request.htmx:
        return redirect("library")
    return render(request, "library/_imports.html", context(request.user))


def begin(request: MemberRequest, work: WorkForm) -> Import:
    """Ask for the address in the upload form, with the work that is ordered there. Raises InputError."""
    asked, is_nothing = upload_form.pipeline_of(request)
    pipeline = pipelines.ordered(request.user, asked)
    if not pipeline and not is_nothing and not work.is_valid():
        raise InputError(" ".join(work.errors), code="invalid")
    row = imports.begin(
        request.user,
        request.POST.get("url", ""),
        work={} if pipeline or is_nothing else work.work,
        pipeline=pipeline,
        allow_duplicate="duplicate" in request.POST,
    )
    last_choice.keep(request.user, request.POST)
    return row


@member
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Asks first where it is a link, as of one of which something has arrived."""
    row = owned(Import, request.user, pk)
    if request.method == "POST":
        imports.cancel(row)
        return done(request)
    told = f"{wording.size(row.received_bytes)} of “{row.shown_name}” have arrived and will be thrown away."
    return ask(request, "Cancel this import?", told, verb="Cancel it", keep="Go on", back=reverse("library"))


@changes("library")
def retry(request: MemberRequest, pk: UUID) -> HttpResponse:
    try:
        imports.retry(owned(Import, request.user, pk))
    except InputError as error:
        messages.error(request, error.message)
    return done(request)


@changes("library")
def remove(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Of one that ended, from the page: a recording that it became stays."""
    try:
        imports.remove(owned(Import, request.user, pk))
    except InputError as error:
        messages.error(request, error.message)
    return done(request)


def done(request: MemberRequest) -> HttpResponse:
    """With htmx only what there is to say: the page is told that it changed, and asks for this part again."""
    if request.htmx:
        return render(request, "_messages.html", {"out_of_band": True})
    return redirect("library")
