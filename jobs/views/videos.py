import contextlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.template.defaultfilters import pluralize
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect

from jobs import publish, wording
from jobs.auth.requests import MemberRequest
from jobs.errors import InputError
from jobs.forms import TitleForm, WorkForm
from jobs.live.recording import Parts
from jobs.models import Account, Artifact, Job, Video
from jobs.services import imports, keeping, parameters, pipelines, plans, runs, steps, uses, versions
from jobs.services import jobs as work_service
from jobs.views import chains, doing, members, recording, removing
from jobs.views.asking import needed
from jobs.views.doing import NOTHING, Asked
from jobs.views.members import changes, member
from jobs.views.work_form import work_form


@member
@require_safe
def video(request: MemberRequest, pk: UUID) -> HttpResponse:
    try:
        video = versions.owned(request.user, pk)
    except Http404:
        if row := imports.unfinished(request.user, pk):
            return recording.importing(request, row)
        raise
    shown = context(request.user, video, Asked.of(request.GET), request.GET.get("before", ""))
    shown |= {"from": begin(request.GET.get("t", ""))}
    if typed := members.typed(request):
        if "operations" in typed:
            shown |= doing.context(video, Asked.of(typed), work=WorkForm(typed, owner=video.owner, video=video))
        elif "title" in typed:
            shown["title_form"] = TitleForm(initial={"title": typed["title"]}, instance=video)
    return members.forget_typed(render(request, "videos/video.html", shown))


def begin(text: str) -> str:
    """The end of the player's address that has it begin at these seconds; nothing for what is no time."""
    with contextlib.suppress(ValueError):
        seconds = float(text)
        return f"#t={seconds:.2f}" if 0 < seconds < float("inf") else ""
    return ""


@changes("video", "pk")
def run(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Start the chosen work on a recording."""
    video, asked = versions.owned(request.user, pk), Asked.of(request.POST)
    on = doing.subject_of(video, asked.on)
    work, problem = work_form(request, on), ""
    if work.is_valid():
        try:
            if len(work.chosen) > 1 and request.POST.get("how") != "each":
                start_chained(on, work.work)
            else:
                for slug, params in work.work.items():
                    start(on, slug, params)
            return redirect(f"{video.get_absolute_url()}#jobs")
        except InputError as error:
            problem = error.message
    for sentence in work.not_offered:
        messages.error(request, sentence)
    shown = context(request.user, video, asked) | doing.context(video, asked, work=work, problem=problem)
    return render(request, "videos/video.html", shown | {"work": work, "problem": problem}, status=422)


def start(video: Video, slug: str, stored: dict[str, Any]) -> Job:
    parameters.refuse_unfit(slug, video.info)
    return work_service.create(video.owner, video, slug, parameters.from_json(slug, stored))


def start_chained(video: Video, work: Mapping[str, Mapping[str, Any]]) -> None:
    """Several operations that were chosen together, one after the other."""
    chain = steps.chained(work)
    runs.start(video.owner, video, chain, steps.summary(chain))


@changes("video", "pk")
def run_chain(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Run a saved chain on a recording."""
    video, slug = versions.owned(request.user, pk), request.POST.get("chain", "")
    try:
        chain = pipelines.find(request.user, slug)
        if chain is None:
            raise InputError("Choose a chain first.", code="unknown_pipeline")
        chains.start(request.user, video, chain)
        return redirect(f"{video.get_absolute_url()}#jobs")
    except InputError as error:
        shown = context(request.user, video) | doing.chain_context(video, NOTHING, problem=error.message)
        return render(request, "videos/video.html", shown, status=422)


@changes("video", "pk")
def rename(request: MemberRequest, pk: UUID) -> HttpResponse:
    video = versions.owned(request.user, pk)
    form = TitleForm(request.POST, instance=video)
    if form.is_valid():
        form.save()
        publish.tell([video.owner_id])
        return redirect(video)
    video.refresh_from_db()
    extra = {"title_form": form}
    return render(request, "videos/video.html", context(request.user, video) | extra, status=422)


@changes("video", "pk")
def keep(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Make a recording of its own of a result."""
    video = versions.owned(request.user, pk)
    if not video.artifact_id:
        return redirect(video)
    try:
        kept = keeping.begin(video)
    except InputError as error:
        messages.error(request, error.message)
        return redirect(video)
    if kept is None:
        messages.success(
            request,
            "This is being made a recording of its own. At its size that takes a while: it will be in your library.",
        )
        return redirect(video)
    messages.success(request, "This is a recording of its own now. It stays when the other one is deleted.")
    return redirect(kept)


@changes("video", "pk")
def pin(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Have it stay for good, or no longer."""
    video = versions.owned(request.user, pk)
    uses.pin(video, request.POST.get("pinned") == "1")
    publish.tell([video.owner_id])
    return redirect(video)


@member
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Remove the recording with everything that was made of it: at once, or where work is stopped by it asks first."""
    video = versions.owned(request.user, pk)
    if removing.has_to_ask(request, video):
        asked, back = f"Delete “{video.title}”?", video.get_absolute_url()
        verb = "Delete it" if settings.TRASH_DAYS else "Delete for good"
        return removing.question(request, asked, what_goes(video), verb=verb, back=back, stays=False)
    leads_to: Video | str = video.origin or "library"
    try:
        removing.remove(request, video, video.title)
    except InputError as error:
        messages.error(request, error.message)
        leads_to = video
    return HttpResponseClientRedirect(resolve_url(leads_to)) if request.htmx else redirect(leads_to)


def what_goes(video: Video) -> str:
    """What deleting a recording takes away, in sentences."""
    if video.artifact:
        return what_goes_with_result(video, video.artifact)
    counts = video.jobs.aggregate(jobs=Count("pk"), active=Count("pk", filter=Q(status__in=Job.ACTIVE)))
    jobs, active = counts["jobs"], counts["active"]
    needing = len(work_service.needing(video.owner, "recording", video.pk))
    facts = f"{wording.clock(video.duration_seconds)}, {wording.size(video.size)}"
    made = versions.of_video(video).count()
    among = f", {made} version{pluralize(made)} among them," if made else ""
    results = f" and {jobs} job{pluralize(jobs)} with all results{among}" if jobs else ""
    told = [f"The recording ({facts}){results} {removing.whereto()}."]
    if active:
        told.append(f"{active} of them {pluralize(active, 'is,are')} still under way and will be stopped.")
    if needing:
        told.append(
            f"{needing} job{pluralize(needing)} on other recordings need{pluralize(needing, 's,')} it and will fail."
        )
    return " ".join(told)


def what_goes_with_result(video: Video, artifact: Artifact) -> str:
    facts = f"{wording.clock(video.duration_seconds)}, {wording.size(video.size)}"
    told = [f"This result ({facts}) {removing.whereto()}. The recording, and what was made of the result, stay."]
    return " ".join([*told, *needed(len(work_service.needing_results(artifact.job, [artifact])), "it")])


def context(owner: Account, video: Video, asked: Asked = NOTHING, before: str = "") -> dict[str, Any]:
    """`before`: behind which place the lines of what happened begin."""
    return {
        **recording.of_page(owner, Parts(owner, video, before=before)),
        "work": WorkForm(owner=owner, video=video, defaults=False, only=plans.OPERATION),
        "title_form": TitleForm(instance=video),
        **doing.on_page(video, asked),
    }
