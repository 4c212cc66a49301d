"""The operators' front page, and what can be done from it: each asks first, and says how much it is about."""

import functools
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from jobs import build, charts
from jobs.auth import sessions
from jobs.auth.requests import MemberRequest
from jobs.errors import InputError
from jobs.models import Account, Job
from jobs.operations import registry
from jobs.services import figures, operators, parts, queue_load, queues, storage_use, sweeping
from jobs.services import workers as workers_service
from jobs.services.operators import Outcome
from jobs.services.queue_load import QueueLoad
from jobs.services.storage_use import Disk
from jobs.views import graphs
from jobs.views.asking import ask
from jobs.views.members import View, member

GONE = "That was done already."
SPANS = (1, operators.DAYS)
"""Days back of which failures can be shown."""
SOON_DAYS = 60
"""A disk that is full within so many days is spoken of."""
ROOMS = 10
"""Accounts of which it is shown how much of their quota is used."""


def operator(view: View) -> View:
    """Let in operators. For everybody else there is no such page."""

    @member
    @functools.wraps(view)
    def guarded(request: MemberRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_staff:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


def acts(view: View) -> View:
    """For an address that asks when it is looked at, and does it when a form is sent. As in the admin, staff who are no
    superusers only look."""

    @operator
    @require_http_methods(["GET", "HEAD", "POST"])
    @functools.wraps(view)
    def guarded(request: MemberRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_superuser:
            raise PermissionDenied
        try:
            return view(request, *args, **kwargs)
        except InputError as error:
            raise Http404 from error

    return guarded


@operator
@require_safe
def front(request: MemberRequest) -> HttpResponse:
    """An open page asks for its middle alone when something changed."""
    state = operators.state()  # before what it stands for
    loads, disk = queue_load.every(), storage_use.disk()
    day = figures.kept(None, figures.PERIODS["day"])
    days, troubles = asked_days(request), operators.troubles(loads, disk)
    sweep, swept = sweeping.last() or (None, None)
    context = {
        "state": state,
        "troubles": troubles,
        "summary": operators.summary(troubles),
        "queues": with_sparks(loads),
        "queued": sum(load.queued for load in loads),
        "draining": any(load.state.draining_since for load in loads),
        "running": sum(load.running for load in loads),
        "day": day,
        "graphs": [graphs.jobs(day), graphs.waits(day)],
        **workers(loads),
        "failures": failures(days),
        "failure_days": days,
        "owners": operators.owners(),
        "rooms": [(room, charts.bar(room.share, "bad" if room.is_near else "")) for room in operators.rooms()[:ROOMS]],
        "disk": disk,
        "full_in_days": full_in_days(disk),
        "growth_days": storage_use.GROWTH_DAYS,
        "sweep": sweep,
        "swept": swept,
        "disk_bar": disk_bar(disk),
        "speed": figures.speed(),
        "people": sessions.people(),
        "accounts": Account.objects.count(),
        "parts": parts.every(),
        "versions": build.versions(),
        "may_act": request.user.is_superuser,
        "now": timezone.now(),
    }
    return render(request, "operators/_middle.html" if request.htmx else "operators/front.html", context)


def full_in_days(disk: Disk) -> int | None:
    """None where that is too far off to think of."""
    days = disk.full_in_days(storage_use.added_a_day())
    return days if days is not None and days <= SOON_DAYS else None


def workers(loads: list[QueueLoad]) -> dict[str, Any]:
    rows = at_work(loads)
    hosts = {row["worker"].host for row in rows}
    return {"workers": rows, "alive": sum(row["worker"].is_alive for row in rows), "hosts": len(hosts)}


def at_work(loads: list[QueueLoad]) -> list[dict[str, Any]]:
    """Each worker with the job that it does, or the recording that it fetches."""
    running, coming = operators.running(), operators.coming()
    return [
        {
            "worker": worker,
            "job": running.get(worker.name),
            "coming": coming.get(worker.name),
            "held": load.state.is_held,
        }
        for load in loads
        for worker in load.workers or ()
    ]


def with_sparks(loads: list[QueueLoad]) -> list[tuple[QueueLoad, str]]:
    """Each queue with a line of what ended in it; without one where nothing did."""
    hours = figures.hourly_by_queue()
    return [
        (load, charts.spark(f"{jobs_in_words(sum(ended))} ended within 24 hours", ended) if ended else "")
        for load in loads
        for ended in [hours.get(load.name)]
    ]


def asked_days(request: MemberRequest) -> int:
    """How far back somebody wants to see failures: a week, unless said otherwise."""
    asked = request.GET.get("days", "")
    return next((days for days in SPANS if str(days) == asked), operators.DAYS)


def failures(days: int) -> list[dict[str, Any]]:
    found = operators.failures(days)
    most = max((failure.count for failure in found), default=0)
    return [
        {
            "failure": failure,
            "bar": charts.bar(failure.count / most, "bad"),
            "address": urlencode(
                {"status": "failed", "operation": failure.operation, "error_code": failure.code}
            ),  # of the admin's list
        }
        for failure in found
    ]


def disk_bar(disk: Disk) -> Any:
    kinds = {"ok": disk.recordings, "run": disk.results, "warn": disk.uploads, "soft": disk.trash, "off": disk.other}
    title = "The disk: recordings, results, uploads on their way, trash, other files, and what is free"
    return charts.shares("disk", title, [(look, disk.share(size)) for look, size in kinds.items()])


# Acting --------------------------------------------------------------------------------------------------------------


def back() -> str:
    return reverse("operators")


def done(request: MemberRequest, told: str, *, changed: bool = True) -> HttpResponse:
    """Says what came of it. With htmx no more than that: the page asks for the rest."""
    (messages.success if changed else messages.info)(request, told)
    if request.htmx:
        return render(request, "_messages.html", {"out_of_band": True})
    return redirect("operators")


def jobs_in_words(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"


@acts
def drain(request: MemberRequest) -> HttpResponse:
    if request.method == "POST":
        changed = queues.drain(request.user)
        return done(request, "No new work is begun until you go on." if changed else GONE, changed=changed)
    running = Job.objects.filter(status=Job.Status.RUNNING).count()
    queued = Job.objects.filter(status=Job.Status.QUEUED).count()
    words = (
        f"{jobs_in_words(running)} at work will be finished, and no new work begun. {queued} in line wait until you go "
        "on. When nothing runs any more the machines can be stopped."
    )
    return ask(request, "Drain the site?", words, verb="Drain it", keep="Go on as it is", back=back())


@acts
def end_drain(request: MemberRequest) -> HttpResponse:
    if request.method == "POST":
        changed = queues.end_drain()
        return done(request, "Work goes on." if changed else GONE, changed=changed)
    queued = Job.objects.filter(status=Job.Status.QUEUED).count()
    words = f"{jobs_in_words(queued)} in line will be worked on again, but those of queues that are paused besides."
    return ask(request, "Go on with new work?", words, verb="Go on", keep="Stay as it is", back=back())


@acts
def pause(request: MemberRequest, name: str) -> HttpResponse:
    if request.method == "POST":
        changed = queues.pause(name, request.user)
        return done(request, f"The queue “{name}” is paused." if changed else GONE, changed=changed)
    return ask_queue(request, name, "Pause", "What runs will be finished, and {} in line will wait.", "Leave it")


@acts
def resume(request: MemberRequest, name: str) -> HttpResponse:
    if request.method == "POST":
        changed = queues.resume(name)
        return done(request, f"The queue “{name}” goes on." if changed else GONE, changed=changed)
    return ask_queue(request, name, "Go on with", "{} in line will be worked on again.", "Leave it paused")


def ask_queue(request: MemberRequest, name: str, verb: str, words: str, keep: str) -> HttpResponse:
    if name not in queues.names():
        raise Http404
    count = Job.objects.filter(status=Job.Status.QUEUED, queue=name).count()
    told = words.format(jobs_in_words(count))
    told = told[:1].upper() + told[1:]
    return ask(request, f"{verb} the queue “{name}”?", told, verb=verb.partition(" with")[0], keep=keep, back=back())


@acts
def restart(request: MemberRequest, name: str) -> HttpResponse:
    if request.method == "POST":
        changed = workers_service.restart(name)
        return done(request, "The worker takes nothing new, and starts again." if changed else GONE, changed=changed)
    worker = workers_service.named(name)
    if worker is None:
        raise Http404
    job = operators.running().get(name)
    does = f"“{job.operation_title}” of “{job.video.title}”" if job else "What it does"
    words = (
        f"{does} is finished first, or goes back to its place in line where that takes too long. Then it starts again."
    )
    question = f"Restart this worker of “{worker.queue}” on {worker.host}?"
    return ask(request, question, words, verb="Restart it", keep="Let it be", back=back())


@acts
def retry_all(request: MemberRequest, operation: str, code: str) -> HttpResponse:
    if request.method == "POST":
        outcome = operators.retry_all(operation, code)
        return done(request, said(outcome, "put in line again"), changed=outcome.done > 0)
    count = operators.left(operation, code).count()
    now = min(count, operators.AT_ONCE)
    words = f"{jobs_in_words(now)} that failed within {operators.DAYS} days and that nobody has tried again."
    if now < count:
        words += f" {count - now} more can be tried after these."
    question = f"Try “{registry.title(operation)}” again?"
    return ask(request, question, words, verb=f"Try {jobs_in_words(now)} again", keep="Leave them", back=back())


@acts
def cancel_all(request: MemberRequest, pk: int) -> HttpResponse:
    owner = get_object_or_404(Account, pk=pk)
    if request.method == "POST":
        outcome = operators.cancel_all(owner)
        return done(request, said(outcome, "cancelled"), changed=outcome.done > 0)
    count = min(Job.objects.of(owner).active().count(), operators.AT_ONCE)
    words = f"{jobs_in_words(count)} of {owner.email} will be stopped, also those at work. Recordings and results stay."
    question = "Cancel all work of this account?"
    return ask(request, question, words, verb=f"Cancel {jobs_in_words(count)}", keep="Let it run", back=back())


def said(outcome: Outcome, what: str) -> str:
    """What came of it, in sentences."""
    told = [f"{jobs_in_words(outcome.done)} {'was' if outcome.done == 1 else 'were'} {what}." if outcome.done else GONE]
    if outcome.refused:
        told = told if outcome.done else []
        told.append(f"{outcome.refused} could not be: {' '.join(outcome.refusals[:3])}")
    if outcome.more:
        told.append(f"{outcome.more} are left, for another time.")
    return " ".join(told)
