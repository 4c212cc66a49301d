from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from jobs import live
from jobs.access import owned
from jobs.errors import InputError
from jobs.models import Job
from jobs.operations import registry
from jobs.services import inputs
from jobs.services import jobs as work_service
from jobs.services.parameters import from_json

TABS = [("", "All"), ("active", "Running"), ("done", "Done"), ("failed", "Failed")]


@login_required
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """The first page is live; the older ones are as they were when they were asked for."""
    view = live.View("queue", status=live.View.of(request.GET.dict()).status)
    page: Page[Job] = Paginator(live.listed(request.user, view), live.ROWS).get_page(request.GET.get("page"))  # type: ignore[arg-type]
    jobs = live.rows(request.user, view) if page.number == 1 else list(page)  # type: ignore[arg-type]
    context = {"page": page, "jobs": jobs, "view": view, "state": live.state_of(jobs), "tabs": TABS}
    return render(request, "jobs/queue.html", context)


@login_required
@require_safe
def rows(request: HttpRequest) -> HttpResponse:
    """What the socket would push, for pages without one: the count, and the list unless it is the one they show."""
    view = live.View.of(request.GET.dict())
    markup = live.render_count(request.user, out_of_band=True)  # type: ignore[arg-type]
    if view.name != "bar":
        try:
            jobs = live.rows(request.user, view)  # type: ignore[arg-type]
        except (ValidationError, ValueError) as error:  # the id in the query is none
            raise Http404 from error
        if request.GET.get("state") != live.state_of(jobs):
            markup += live.render_list(jobs, view, out_of_band=True)
    return HttpResponse(markup, headers={"Cache-Control": "no-store"})


@login_required
@require_safe
def job(request: HttpRequest, pk: UUID) -> HttpResponse:
    job = owned(Job, request.user, pk)
    details = {"job": job, "settings": list(settings_of(job))}
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "jobs/_details.html", details)
    view = live.View("job", job=str(pk))
    jobs = live.rows(request.user, view)  # type: ignore[arg-type]
    return render(request, "jobs/job.html", details | {"jobs": jobs, "view": view, "state": live.state_of(jobs)})


@login_required
@require_POST
def cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    return change(request, pk, work_service.cancel)


@login_required
@require_POST
def retry(request: HttpRequest, pk: UUID) -> HttpResponse:
    return change(request, pk, work_service.retry)


@login_required
@require_POST
def remove(request: HttpRequest, pk: UUID) -> HttpResponse:
    return change(request, pk, work_service.remove)


def change(request: HttpRequest, pk: UUID, what: Callable[[Job], object]) -> HttpResponse:
    try:
        what(owned(Job, request.user, pk))
    except InputError as error:
        messages.error(request, error.message)
    return done(request)


def done(request: HttpRequest) -> HttpResponse:
    """Back to where the button was. With htmx only what there is to say, maybe nothing: the page asks for its rows
    right after, as after any push."""
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "_messages.html", {"out_of_band": True})
    came_from = request.headers.get("Referer", "")
    if came_from and url_has_allowed_host_and_scheme(came_from, {request.get_host()}) and not is_gone(came_from):
        return redirect(came_from)
    return redirect("queue")


def is_gone(address: str) -> bool:
    """Whether the page was that of a job which has just been removed."""
    try:
        page = resolve(urlsplit(address).path)
    except Resolver404:
        return False
    return page.url_name == "job" and not Job.objects.filter(pk=page.kwargs["pk"]).exists()


def settings_of(job: Job) -> Iterable[tuple[str, Any]]:
    """The parameters by the labels of the operation's form; those of an operation that is gone by their own names."""
    try:
        fields = registry.get(job.operation).form_class().fields
    except KeyError:
        fields = {}
    called = inputs.names(job.owner, job.operation, from_json(job.operation, job.params)) if fields else {}
    for name, value in job.params.items():
        if name == "version" or value in (None, "", [], ()):
            continue
        field = fields.get(name)
        label = str(field.label) if field and field.label else name.replace("_", " ").capitalize()
        yield label, called.get(name) or in_words(value, field)


def in_words(value: Any, field: Any = None) -> str:
    """A stored parameter as a person would write it; choices by their labels."""
    labels = {str(key): str(words) for key, words in getattr(field, "choices", ())}
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, (list, tuple)):
        if all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in value):
            return ", ".join(f"{start:g}–{end:g}" for start, end in value)
        return ", ".join(in_words(item, field) for item in value)
    if isinstance(value, float):
        return labels.get(str(value), f"{value:g}")
    return labels.get(str(value), str(value))
