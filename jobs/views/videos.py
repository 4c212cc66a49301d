from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from jobs import live
from jobs.access import owned
from jobs.errors import InputError
from jobs.forms import TitleForm, WorkForm
from jobs.models import Account, Job, Video
from jobs.services import jobs as work_service
from jobs.services import parameters, storyboards
from jobs.services import videos as video_service
from jobs.templatetags import words
from jobs.views import cutting, transcripts
from jobs.views.posted import work_form


@login_required
@require_safe
def video(request: HttpRequest, pk: UUID) -> HttpResponse:
    video = owned(Video, request.user, pk)
    return render(request, "videos/video.html", context(request.user, video))  # type: ignore[arg-type]


@login_required
@require_POST
def run(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Start the chosen work on a recording."""
    video = owned(Video, request.user, pk)
    work, problem = work_form(request, video), ""
    if work.is_valid():
        try:
            for slug, params in work.work.items():
                start(video, slug, params)
            return redirect(f"{video.get_absolute_url()}#jobs")
        except InputError as error:
            problem = error.message
    extra = {"work": work, "problem": problem}
    return render(request, "videos/video.html", context(request.user, video) | extra, status=422)  # type: ignore[arg-type]


def start(video: Video, slug: str, stored: dict[str, Any]) -> Job:
    parameters.refuse_unfit(slug, video.info)
    return work_service.create(video.owner, video, slug, parameters.from_json(slug, stored))


@login_required
@require_POST
def rename(request: HttpRequest, pk: UUID) -> HttpResponse:
    video = owned(Video, request.user, pk)
    form = TitleForm(request.POST, instance=video)
    if form.is_valid():
        form.save()
        live.tell([video.owner_id])
        return redirect(video)
    video.refresh_from_db()
    extra = {"title_form": form}
    return render(request, "videos/video.html", context(request.user, video) | extra, status=422)  # type: ignore[arg-type]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask first, then delete the recording with everything that was made of it."""
    video = owned(Video, request.user, pk)
    if request.method == "POST":
        video_service.delete(video)
        messages.success(request, f"“{video.title}” has been deleted.")
        return redirect("library")
    counts = video.jobs.aggregate(jobs=Count("pk"), active=Count("pk", filter=Q(status__in=Job.ACTIVE)))
    needing = len(work_service.needing(video.owner, "recording", video.pk))
    return render(request, "videos/delete.html", {"video": video, "needing": needing, **counts})


def context(owner: Account, video: Video) -> dict[str, Any]:
    view = live.View("video", video=str(video.pk))
    jobs = live.rows(owner, view)
    return {
        "video": video,
        "summary": summary(video),
        "storyboard": storyboards.newest(video),
        "jobs": jobs,
        "view": view,
        "state": live.state_of(jobs),
        "work": WorkForm(owner=owner, video=video, defaults=False),
        "title_form": TitleForm(instance=video),
        **cutting.desk(video),
        **transcripts.desk(video),
    }


def summary(video: Video) -> str:
    """The facts in one line: 42:24, 1920 by 1080 at 29.97, H.264 and AAC, 1.2 GB."""
    info = video.info
    parts = [words.clock(info.duration)]
    if info.video:
        width, height = info.video.display_size
        parts.append(f"{width} by {height} at {words.rate(info.video.frame_rate)}")
    codecs = [info.video.codec] if info.video else []
    codecs += [track.codec for track in info.audio]
    parts.append(" and ".join(dict.fromkeys(map(words.codec, codecs))))
    parts.append(words.size(video.size))
    return ", ".join(filter(None, parts))
