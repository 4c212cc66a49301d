from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_safe

from jobs import wording
from jobs.auth.access import M, owned
from jobs.auth.requests import MemberRequest
from jobs.errors import InputError
from jobs.live import rows
from jobs.live.view import View
from jobs.models import Job, Run
from jobs.operations import registry
from jobs.services import inputs, runs
from jobs.services import jobs as work_service
from jobs.services.parameters import from_json
from jobs.views import removing
from jobs.views.asking import ask, needed
from jobs.views.members import changes, member

QUESTIONS = ("job-remove", "job-cancel", "run-remove", "run-cancel", "video-delete", "trash-delete", "trash-empty")
"""Pages that ask, and are nowhere to come back to."""


@member
@require_safe
def job(request: MemberRequest, pk: UUID) -> HttpResponse:
    job = owned(Job, request.user, pk)
    details = {"job": job, "settings": list(settings_of(job)), "earlier": work_service.earlier(job)}
    if request.htmx:
        return render(request, "jobs/_details.html", details)
    view = View("job", job=str(pk))
    jobs = rows.of_view(request.user, view)
    return render(request, "jobs/job.html", details | {"jobs": jobs, "view": view, "state": rows.state_of(jobs)})


@member
@require_safe
def results(request: MemberRequest, pk: UUID) -> HttpResponse:
    """What a row opens: the results of a job, or of the steps of a chain."""
    name = "job" if Job.objects.of(request.user).filter(pk=pk).exists() else "run"
    view = View(name, job=str(pk)) if name == "job" else View(name, run=str(pk))
    found = rows.of_view(request.user, view)
    if not found:
        raise Http404
    return render(request, "jobs/_fold.html", {"row": found[0], "plays": "play" in request.GET})


@member
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Asks first where it is a link, as beside work that has run for long."""
    if request.method == "POST":
        return change(request, Job, pk, work_service.cancel)
    job = owned(Job, request.user, pk)
    if not job.is_active:
        return redirect(job)
    ran = f" It has run for {wording.span(job.elapsed_seconds)} and would begin anew." if job.elapsed_seconds else ""
    told = f"“{job.operation_title}” of “{job.video.title}” will be stopped.{ran}"
    return ask(request, "Cancel this job?", told, verb="Cancel it", keep="Let it run", back=came_from(request))


@changes("job", "pk")
def retry(request: MemberRequest, pk: UUID) -> HttpResponse:
    return change(request, Job, pk, runs.retry_job)


@changes("job", "pk")
def encode_whole(request: MemberRequest, pk: UUID) -> HttpResponse:
    return change(request, Job, pk, work_service.encode_whole)


@member
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: MemberRequest, pk: UUID) -> HttpResponse:
    """At once where nothing is lost by it, else asks first."""
    job = owned(Job, request.user, pk)
    if not removing.has_to_ask(request, job):
        called = f"{job.operation_title} of {job.video.title}"
        return change(request, Job, pk, lambda job: removing.remove(request, job, called))
    results = list(job.artifacts.all())
    what = f"“{job.operation_title}” of “{job.video.title}”"
    if results:
        files = "its file" if len(results) == 1 else f"its {len(results)} files"
        told = f"{what} and {files} ({wording.size(sum(one.size for one in results))}) {removing.whereto()}."
        asked, verb = "Remove this result?", removing.verb()
    else:
        told, asked, verb = f"{what} will be gone from the queue.", "Remove this job?", "Remove it"
    told = " ".join([told, *needed(len(work_service.needing_results(job)), "it"), "The recording stays."])
    return removing.question(request, asked, told, verb=verb, back=came_from(request))


def change(request: MemberRequest, model: type[M], pk: UUID, what: Callable[[M], object]) -> HttpResponse:
    """Do something to a job or a chain of theirs, or say why not."""
    try:
        what(owned(model, request.user, pk))
    except InputError as error:
        messages.error(request, error.message)
    return done(request)


def done(request: MemberRequest) -> HttpResponse:
    """Back to where the button was. With htmx only what there is to say, maybe nothing: the page asks for its rows
    right after, as after any push."""
    if request.htmx:
        return render(request, "_messages.html", {"out_of_band": True})
    return redirect(came_from(request))


def came_from(request: HttpRequest) -> str:
    """The page of this site where a button was pressed, also when another one asked in between."""
    address = request.POST.get("back") or request.headers.get("Referer", "")
    if address and url_has_allowed_host_and_scheme(address, {request.get_host()}) and not is_gone(address):
        return address
    return reverse("queue")


def is_gone(address: str) -> bool:
    """Whether the page was that of a job or a chain which has just been removed, or asked whether to."""
    try:
        page = resolve(urlsplit(address).path)
    except Resolver404:
        return False
    if page.url_name in QUESTIONS:
        return True
    if page.url_name not in ("job", "run"):
        return False
    model = Job if page.url_name == "job" else Run
    return not model._default_manager.filter(pk=page.kwargs["pk"]).exists()


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
