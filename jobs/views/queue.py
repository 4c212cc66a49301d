"""The queue's page, and what open pages ask for that have no socket."""

from collections.abc import Mapping
from urllib.parse import unquote

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from jobs import keyset, publish
from jobs.auth.requests import MemberRequest
from jobs.live import markup, rows
from jobs.live.listed import Listed
from jobs.live.view import RECORDING, TOLD, View
from jobs.services import clearing, own_line
from jobs.views import parts
from jobs.views.jobs import done
from jobs.views.members import changes, member

COMPACT, FOLDED = "queue-rows", "queue-folded"
"""Cookies of the page's script: that rows are low, and the keys of the groups that are folded."""


@member
@require_safe
def queue(request: MemberRequest) -> HttpResponse:
    """The first page is live; the older ones are as they were when they were asked for."""
    asked = View.of(request.GET.dict())
    view = View("queue", status=asked.status, q=asked.q.strip()[:200], by=asked.by)
    every = Listed(request.user, view)
    if elsewhere := parts.moved(request, every, rows.ROWS):
        return elsewhere
    part = parts.shown(request, every, rows.ROWS)
    jobs = rows.filled(rows.with_stamps(part.rows))
    context = {"part": part, "jobs": jobs, "view": view, "state": rows.state_of(jobs), "page": True}
    context["watched"] = (View() if part.newer else view).query
    told = markup.Head(request.user, view).context(jobs, part)
    return render(request, "jobs/queue.html", context | told | remembered(request.COOKIES))


def remembered(cookies: Mapping[str, str]) -> dict[str, object]:
    """How its owner had the page the last time."""
    return {
        "compact": cookies.get(COMPACT) == "compact",
        "folded": unquote(cookies.get(FOLDED, "")).split()[:50],
        "by_recording": RECORDING,
    }


@member
@require_safe
def poll(request: MemberRequest) -> HttpResponse:
    """What the socket would push, for pages without one: the count, and the list unless it is the one they show."""
    view = View.of(request.GET.dict()).allowed(request.user)
    answer = markup.render_count(request.user, out_of_band=True)
    if view.name in TOLD:
        try:
            present = markup.present(request.user, view)
        except (ValidationError, ValueError) as error:  # as below
            raise Http404 from error
        answer += "".join(present.changes(None)) if request.GET.get("state") != present.state else ""
    elif view.name != "bar":
        try:
            jobs = rows.of_view(request.user, view)
        except (ValidationError, ValueError) as error:  # the id in the query is none
            raise Http404 from error
        if request.GET.get("state") != rows.state_of(jobs):
            answer += markup.render_list(jobs, markup.Head(request.user, view), out_of_band=True)
    return HttpResponse(answer, headers={"Cache-Control": "no-store"})


@changes("queue")
def pause(request: MemberRequest) -> HttpResponse:
    """Put one's own line on hold. The page says so for as long as it is."""
    own_line.pause(request.user)
    return held(request)


@changes("queue")
def resume(request: MemberRequest) -> HttpResponse:
    if own_line.resume(request.user):
        messages.success(request, "Your line goes on.")
    return held(request)


def held(request: MemberRequest) -> HttpResponse:
    """With htmx the button for the way back, which has the focus of the one that was pressed: see its id."""
    if not request.htmx:
        return done(request)
    context = {"out_of_band": True, "is_paused": own_line.is_paused(request.user)}
    return render(request, "jobs/_held.html", context)


@changes("queue")
def clear(request: MemberRequest) -> HttpResponse:
    """Take what has ended off the page; its results stay where they are. Undone at the address that the message has."""
    before = clearing.clear(request.user)
    until = keyset.microseconds(before) if before else ""
    undo = f"{reverse('queue-uncleared')}?until={until}"
    messages.success(request, "The finished work is off this page. Its results are with their recordings.", undo)
    publish.tell([request.user.pk])
    return done(request)


@changes("queue")
def uncleared(request: MemberRequest) -> HttpResponse:
    """Have it back: all of it, or what was there until the last time."""
    try:
        until = keyset.time(int(request.GET.get("until", "")))
    except ValueError:
        until = None
    clearing.take_back(request.user, until)
    publish.tell([request.user.pk])
    return done(request)
