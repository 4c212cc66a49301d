"""The chain that is put together on the page of a recording."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django_htmx.http import trigger_client_event

from jobs.auth.requests import MemberRequest
from jobs.errors import InputError
from jobs.models import Video
from jobs.services import chain_drafts, pipelines, versions
from jobs.views import doing, videos
from jobs.views.doing import Asked
from jobs.views.members import changes
from jobs.views.work_form import work_form

RECORDING = "-"
"""What a form has in place of a step's name, which cannot be empty."""


@changes("video", "pk")
def add(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Take the form's work as a step, or give a step that is there its settings."""
    video, on = versions.owned(request.user, pk), request.POST.get("on", "")
    work = work_form(request, doing.subject_of(video, on))
    step, after = request.POST.get("step", ""), request.POST.get("after")
    asked = Asked(do=work.slugs[0] if work.slugs else "", on=on)
    try:
        if not work.is_valid() or not work.slugs:
            return _form(request, video, asked, work, "")
        params = work.work[asked.do]
        if step:
            chain_drafts.change(video, step, asked.do, params)
        else:
            step = chain_drafts.add(video, asked.do, params, after="" if after == RECORDING else after).name
    except InputError as error:
        return _form(request, video, asked, work, error.message)
    return _chain(request, video, Asked(do=asked.do, on=on, step=step))


@changes("video", "pk")
def change(request: MemberRequest, pk: UUID) -> HttpResponse:
    """What a button of the chain does, by its `change`: `remove:<step>`, `load:<slug>`, `clear`, `save`, `run`."""
    video = versions.owned(request.user, pk)
    verb, _, what = request.POST.get("change", "").partition(":")
    try:
        if verb == "run":
            run = chain_drafts.run(video)
            if request.htmx:  # the page stays, so the chain says it
                return trigger_client_event(_chain(request, video, Asked(), started=run.name), "started", after="swap")
            messages.success(request, f"“{run.name}” has been started.")
            return redirect(f"{video.get_absolute_url()}#jobs")
        _do(request, video, verb, what)
    except InputError as error:
        return _chain(request, video, Asked(), problem=error.message)
    return _chain(request, video, Asked())


def _do(request: MemberRequest, video: Video, verb: str, what: str) -> None:
    if verb == "remove":
        chain_drafts.remove(video, what)
    elif verb == "clear":
        chain_drafts.clear(video)
    elif verb == "save":
        saved = chain_drafts.save(video, request.POST.get("name", ""))
        messages.success(request, f"“{saved.name}” is saved. It is offered wherever chains are.")
    elif verb == "load":
        if (chain := pipelines.find(video.owner, what)) is None:
            raise InputError("This chain is not there any more. Choose another.", code="unknown_pipeline")
        chain_drafts.load(video, chain)


def _form(request: MemberRequest, video: Video, asked: Asked, work: object, problem: str) -> HttpResponse:
    """The form that something is wrong with."""
    shown = doing.context(video, asked, work=work, problem=problem)
    if request.htmx:
        response = render(request, "videos/_do_form.html", shown, status=422)
        response["HX-Retarget"], response["HX-Reswap"] = "#do-form", "outerHTML"
        return response
    return _page(request, video, asked, shown)


def _chain(request: MemberRequest, video: Video, asked: Asked, *, problem: str = "", started: str = "") -> HttpResponse:
    shown = doing.chain_context(video, asked, problem=problem)
    if request.htmx:
        return render(request, "videos/_chain.html", {"video": video, "tells": True, "started": started, **shown})
    if problem:
        return _page(request, video, asked, shown)
    return redirect(doing.back_to(video, "chain", do=asked.do, on=asked.on))


def _page(request: MemberRequest, video: Video, asked: Asked, shown: dict[str, object]) -> HttpResponse:
    return render(request, "videos/video.html", videos.context(request.user, video, asked) | shown, status=422)
