"""Own presets of the form of a piece of work: saved from it, renamed, changed, deleted and taken back."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from jobs.auth.requests import MemberRequest
from jobs.errors import InputError
from jobs.models import Preset, Video
from jobs.services import presets, versions
from jobs.views import doing, videos
from jobs.views.doing import Asked
from jobs.views.members import changes
from jobs.views.work_form import work_form


@changes("library")
def save(request: MemberRequest) -> HttpResponse:
    """Keep the values of the form under a name, or in the preset that was chosen."""
    slug, video = doing.known(request.POST.get("operations", "")), _video(request)
    try:
        if (chosen := request.POST.get("preset", "")) and request.POST.get("as") == "same":
            preset = presets.change(own(request, chosen, slug), raw=request.POST, prefix=slug)
            return _shown(request, video, preset, f"“{preset.name}” has these values now.")
        preset = presets.save(request.user, slug, request.POST.get("preset-name", ""), request.POST, prefix=slug)
    except (InputError, ValidationError) as error:
        return _refused(request, video, error)
    return _shown(request, video, preset, f"Saved as “{preset.name}”.")


@changes("library")
def rename(request: MemberRequest, pk: UUID) -> HttpResponse:
    video, preset = _video(request), own(request, pk)
    try:
        preset = presets.change(preset, request.POST.get("preset-name", ""))
    except InputError as error:
        return _refused(request, video, error)
    return _shown(request, video, preset, f"It is called “{preset.name}” now.")


@changes("library")
def delete(request: MemberRequest, pk: UUID) -> HttpResponse:
    """At once, with a button that takes it back."""
    video, preset = _video(request), own(request, pk)
    presets.delete(preset)
    undo = f"{reverse('preset-restore', args=[pk])}?video={video.pk}"
    return _shown(request, video, preset, f"Deleted the preset “{preset.name}”.", undo=undo, chosen=False)


@changes("library")
def restore(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Take a deletion back."""
    asked: dict[str, str] = {}
    try:
        preset = presets.restore(request.user, pk)
        if preset is None:
            raise Http404("no preset of this owner")
        messages.success(request, f"“{preset.name}” is back.")
        asked = {"do": preset.operation, "preset": str(preset.pk)}
    except InputError as error:
        messages.error(request, error.message)
    if request.htmx:
        return render(request, "_messages.html", {"out_of_band": True})
    return redirect(doing.back_to(_video(request), **asked))


def own(request: MemberRequest, pk: UUID | str, slug: str = "") -> Preset:
    """One of theirs; of this operation, where one is named. Else 404."""
    preset = presets.find(request.user, pk)
    if preset is None or slug not in ("", preset.operation):
        raise Http404("no preset of this owner")
    return preset


def _video(request: MemberRequest) -> Video:
    """The recording on whose page the form is."""
    try:
        return versions.owned(request.user, UUID(request.POST.get("video") or request.GET.get("video", "")))
    except ValueError as error:
        raise Http404("no recording is named") from error


def _shown(
    request: MemberRequest, video: Video, preset: Preset, said: str, *, undo: str = "", chosen: bool = True
) -> HttpResponse:
    """The form with the preset, or as it was."""
    messages.success(request, said, extra_tags=undo)
    asked = Asked(do=preset.operation, on=request.POST.get("on", ""), preset=str(preset.pk) if chosen else "")
    if not request.htmx:
        return redirect(doing.back_to(video, do=asked.do, on=asked.on, preset=asked.preset))
    work = None if chosen else work_form(request, doing.subject_of(video, asked.on))
    return render(request, "videos/_do_form.html", doing.context(video, asked, work=work) | {"tells": True})


def _refused(request: MemberRequest, video: Video, error: InputError | ValidationError) -> HttpResponse:
    """The form as it was typed, and why it is not kept."""
    on = request.POST.get("on", "")
    work = work_form(request, doing.subject_of(video, on))
    work.is_valid()
    problem = error.message if isinstance(error, InputError) else ""
    asked = Asked(do=work.slugs[0] if work.slugs else "", on=on, preset=request.POST.get("preset", ""))
    shown = doing.context(video, asked, work=work, preset_problem=problem)
    if request.htmx:
        return render(request, "videos/_do_form.html", shown, status=422)
    return render(request, "videos/video.html", videos.context(request.user, video) | shown, status=422)
