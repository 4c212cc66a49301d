"""Chains at work: their pages and buttons."""

import functools
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize
from django.views.decorators.http import require_http_methods, require_safe

from jobs import wording
from jobs.auth.access import owned
from jobs.auth.requests import MemberRequest
from jobs.live import rows
from jobs.live.view import View
from jobs.models import Artifact, Run
from jobs.services import runs
from jobs.views import removing
from jobs.views.asking import ask, needed
from jobs.views.jobs import came_from, change, settings_of
from jobs.views.members import changes, member


@member
@require_safe
def run(request: MemberRequest, pk: UUID) -> HttpResponse:
    """A chain with the rows of its steps."""
    run = owned(Run, request.user, pk)
    view = View("run", run=str(pk))
    shown = rows.of_view(request.user, view)
    made = {"run": run, "flow": rows.flow_of(next(row for row in shown if isinstance(row, Run)))}
    if request.htmx:
        return render(request, "jobs/_made.html", made)
    steps = [(job, list(settings_of(job))) for job in runs.jobs_of(run).values()]
    context = made | {"jobs": shown, "view": view, "state": rows.state_of(shown), "steps": steps}
    return render(request, "jobs/run.html", context)


@member
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Asks first where it is a link, as beside work that has run for long."""
    if request.method == "POST":
        return change(request, Run, pk, runs.cancel)
    run = owned(Run, request.user, pk)
    if not run.is_active:
        return redirect(run)
    count = sum(job.is_active for job in runs.jobs_of(run).values())
    told = f"“{run.name}” of “{run.video.title}” will be stopped: {count} step{pluralize(count)}. What is done stays."
    return ask(request, "Cancel this chain?", told, verb="Cancel it", keep="Let it run", back=came_from(request))


@changes("run", "pk")
def retry(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Go on from the steps that did not succeed."""
    return change(request, Run, pk, runs.retry)


@changes("run", "pk")
def keep(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Let the result of a step stay that was only on the way."""
    return change(request, Run, pk, functools.partial(runs.keep, name=request.POST.get("step", "")))


@member
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: MemberRequest, pk: UUID) -> HttpResponse:
    """At once where nothing is lost by it, else asks first."""
    run = owned(Run, request.user, pk)
    if not removing.has_to_ask(request, run):
        called = f"{run.name} of {run.video.title}"
        return change(request, Run, pk, lambda run: removing.remove(request, run, called))
    back = came_from(request)
    return removing.question(request, "Remove this chain?", what_goes(run), verb=removing.verb(), back=back)


def what_goes(run: Run) -> str:
    """What removing a chain takes away, in sentences."""
    sizes = list(Artifact.objects.filter(job__run=run).values_list("size", flat=True))
    files = f" and its {len(sizes)} file{pluralize(len(sizes))} ({wording.size(sum(sizes))})" if sizes else ""
    told = [f"“{run.name}” of “{run.video.title}”{files} {removing.whereto()}."]
    told += needed(len(runs.needing_results(run)), "them")
    return " ".join([*told, "The recording stays."])
