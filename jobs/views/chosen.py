"""Several recordings that were chosen in the library: the same work on each, tags, a ZIP file, the trash.

All addresses take the ids as fields `pk` of a form, in the order in which they were on the page.
"""

import hashlib
import json
import uuid
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize

from jobs.auth.requests import MemberRequest
from jobs.errors import InputError
from jobs.forms import Pick, WorkForm, image_fields
from jobs.models import Account, Preset, Video
from jobs.operations import registry
from jobs.services import parameters, pipelines, presets, together, total_quote
from jobs.services.together import JOIN, Outcome
from jobs.views import removing
from jobs.views import tags as tag_form
from jobs.views.asking import ask
from jobs.views.jobs import came_from
from jobs.views.members import changes
from jobs.views.work_form import with_images
from jobs.zip_response import zipped

TOLD = 5
"""Refusals that are told one by one."""
OPERATION, CHAIN = "operation:", "chain:"


def chosen(request: MemberRequest) -> list[Video]:
    return together.chosen(request.user, request.POST.getlist("pk"))


def nothing(request: MemberRequest) -> HttpResponse:
    messages.error(request, "Choose a recording first. Those that you had chosen are not there any more.")
    return redirect(came_from(request))


def several(videos: Sequence[Video]) -> str:
    return f"{len(videos)} recordings" if len(videos) > 1 else f"“{videos[0].title}”"


# Work ----------------------------------------------------------------------------------------------------------------


@changes("library")
def do(request: MemberRequest) -> HttpResponse:
    """What was chosen, in its order, and what can be done with all of it. Buttons of the page move and leave out."""
    videos = moved(chosen(request), request.POST.get("move", ""))
    if not videos:
        return nothing(request)
    data, problem = request.POST.copy(), ""
    try:
        use_presets(request, data)
    except InputError as error:
        problem = error.message
    except ValidationError as error:
        problem = " ".join(error.messages)
    return render(request, "library/chosen.html", do_context(request, videos, data, problem))


def use_presets(request: MemberRequest, data: QueryDict) -> None:
    """After a button `preset` give what was typed the values of that one; after a button `keep` keep it as one. Raises
    InputError and ValidationError for what cannot be kept."""
    if preset := presets.find(request.user, data.get("preset", "")):
        slug = preset.operation
        for name in [name for name in data if name.startswith(f"{slug}-")]:
            del data[name]
        for name, values in presets.as_sent(preset, slug).lists():
            data.setlist(name, values)
        data["what"] = f"{OPERATION}{slug}"
    elif (slug := data.get("keep", "")) in [operation.slug for operation in registry.every()]:
        kept = presets.save(request.user, slug, data.get(f"{slug}-called", ""), data, prefix=slug)
        data["preset"] = str(kept.pk)
        messages.success(request, f"Saved as “{kept.name}”.")


def moved(videos: list[Video], move: str) -> list[Video]:
    """After a button `earlier:ID`, `later:ID` or `out:ID`."""
    verb, _, pk = move.partition(":")
    at = next((place for place, video in enumerate(videos) if str(video.pk) == pk), None)
    if at is None:
        return videos
    video = videos.pop(at)
    if verb != "out":
        videos.insert(max(0, at + (1 if verb == "later" else -1)), video)
    return videos


def do_context(
    request: MemberRequest, videos: list[Video], data: QueryDict, problem: str = "", work: WorkForm | None = None
) -> Any:
    """`data` is what was typed, `work` the form of it that was sent, where something is wrong with it."""
    offers = together.offers(videos)
    work = work or WorkForm(typed(data, videos), defaults=False)
    own: dict[str, list[Preset]] = {}
    for one in presets.of(request.user):
        own.setdefault(one.operation, []).append(one)
    picks = {pick.operation.slug: pick for pick in work.picks}
    for pick in picks.values():
        pick.form.fields.pop("recordings", None)  # those that were chosen
    return {
        "videos": videos,
        "seconds": sum(video.duration_seconds for video in videos),
        "bytes": sum(video.size for video in videos),
        "offers": [(offer, picks[offer.operation.slug], own.get(offer.operation.slug, ())) for offer in offers],
        "preset": data.get("preset", ""),
        "quote": quoted(request.user, videos, data),
        "chains": [pipelines.Choice(chain) for chain in pipelines.of(request.user)],
        "what": data.get("what", ""),
        "problem": problem,
        "key": data.get("key") or uuid.uuid4().hex,
        "back": came_from(request),
    }


def typed(data: QueryDict, videos: Sequence[Video]) -> QueryDict:
    """The fields of the form as `WorkForm` takes them."""
    fields = data.copy()
    what = data.get("what", "")
    fields.setlist("operations", [what.removeprefix(OPERATION)] if what.startswith(OPERATION) else [])
    fields.setlist(f"{JOIN}-recordings", [str(video.pk) for video in videos[1:]])
    return fields


@changes("library")
def quote(request: MemberRequest) -> HttpResponse:
    """What it would take, in words, as the form is now."""
    told = quoted(request.user, chosen(request), request.POST)
    return HttpResponse(told, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "private, no-store"})


def quoted(owner: Account, videos: list[Video], data: QueryDict) -> str:
    """“About 4 min, 322 MB in all”; nothing before something is chosen that can be done as it is."""
    what, told = data.get("what", ""), None
    if what.startswith(CHAIN):
        chain = pipelines.find(owner, what.removeprefix(CHAIN))
        told = total_quote.of_chain(videos, chain) if chain else None
    elif what:
        work = WorkForm(typed(data, videos), owner=owner, defaults=False)
        if work.chosen and work.is_valid():
            slug = work.chosen[0].operation.slug
            subjects = videos[:1] if slug == JOIN else videos
            told = total_quote.of_work(subjects, slug, parameters.from_json(slug, work.work[slug]))
    return f"{told}{' in all' if len(videos) > 1 and (told.seconds or told.bytes) else ''}" if told else ""


@changes("library")
def start(request: MemberRequest) -> HttpResponse:
    """Begin what was chosen on that page."""
    videos = chosen(request)
    if not videos:
        return nothing(request)
    work, outcome, problem = None, None, ""
    try:
        outcome, called = begun(request, videos)
    except WrongFields as error:
        work, problem = error.work, " ".join(error.work.errors)
    except InputError as error:
        problem = error.message
    if outcome and not outcome.begun:
        problem = " ".join(dict.fromkeys(words for _, words in outcome.refused[:TOLD]))
    if problem or outcome is None:
        return render(
            request, "library/chosen.html", do_context(request, videos, request.POST, problem, work), status=422
        )
    tell(request, outcome, called)
    return redirect("queue")


class WrongFields(Exception):
    def __init__(self, work: WorkForm) -> None:
        super().__init__()
        self.work = work


def begun(request: MemberRequest, videos: list[Video]) -> tuple[Outcome, str]:
    """What came of it, and what the work is called. Raises WrongFields and InputError."""
    what = request.POST.get("what", "")
    if what.startswith(CHAIN):
        chain = pipelines.find(request.user, what.removeprefix(CHAIN))
        if chain is None:
            raise InputError("This chain is not there any more. Choose another one.", code="unknown_pipeline")
        return together.start_chain(videos, chain, key_of(request, what)), chain.name
    pick = picked(request, videos)
    slug = pick.operation.slug
    stored = WorkForm.stored(pick)
    if slug == JOIN:
        order = [str(video.pk) for video in videos]
        return together.join(videos, stored, key_of(request, what, stored, order)), pick.operation.title
    return together.start(videos, slug, stored, key_of(request, what, stored)), pick.operation.title


def key_of(request: MemberRequest, *asked: Any) -> str:
    """Keeps the same from being done twice. Who goes back to the form and asks it for something else gets that."""
    typed = request.POST.get("key", "") or uuid.uuid4().hex
    return f"chosen-{hashlib.sha256(json.dumps([typed, *asked], sort_keys=True).encode()).hexdigest()[:40]}"


def picked(request: MemberRequest, videos: list[Video]) -> Pick:
    """The chosen operation with its settings, which are right."""
    slug = request.POST.get("what", "").removeprefix(OPERATION)
    if slug not in [operation.slug for operation in registry.every()]:
        raise InputError("Choose what to do first.", code="nothing_chosen")
    data, refused = with_images(request, image_fields([slug]))
    work = WorkForm(typed(data, videos), owner=request.user, refused=refused, defaults=False)
    if not work.is_valid():
        raise WrongFields(work)
    return work.chosen[0]


def tell(request: MemberRequest, outcome: Outcome, called: str) -> None:
    count, refused = outcome.begun, outcome.refused
    messages.success(request, f"{called}: {count} {pluralize(count, 'is,are')} in line.")
    for video, words in refused[:TOLD]:
        messages.warning(request, f"{video.title}: {words}")
    if len(refused) > TOLD:
        messages.warning(request, f"{len(refused) - TOLD} more were refused as well.")


# Tags, files, the trash ----------------------------------------------------------------------------------------------


@changes("library")
def tag(request: MemberRequest) -> HttpResponse:
    """The tags of all of them: asks first, and then changes them."""
    videos = chosen(request)
    if not videos:
        return nothing(request)
    problem = ""
    if "save" in request.POST:
        try:
            tag_form.change(request, videos)
            messages.success(request, f"The tags of {several(videos)} have been changed.")
            return redirect(came_from(request))
        except InputError as error:
            problem = error.message
    context = tag_form.form(request.user, videos)
    context |= {"videos": videos, "called": several(videos), "back": came_from(request), "problem": problem}
    context |= {"typed": request.POST.get("new", "")}
    return render(request, "tags/several.html", context, status=422 if problem else 200)


@changes("library")
def download(request: MemberRequest) -> Any:
    """One ZIP file of all of them, made while it is sent; by `newest` of the newest version of each."""
    videos = chosen(request)
    if not videos:
        return nothing(request)
    try:
        entries = together.packed(videos, newest="newest" in request.POST)
    except InputError as error:
        messages.error(request, error.message)
        return redirect(came_from(request))
    return zipped(request, entries, f"{len(videos)} recordings.zip")


@changes("library")
def delete(request: MemberRequest) -> HttpResponse:
    """All to the trash, from where one button brings them back. Asks first where work would be stopped."""
    videos = chosen(request)
    if not videos:
        return nothing(request)
    stops = together.stops(videos)
    if removing.SURE not in request.POST and (stops or not settings.TRASH_DAYS):
        return ask_first(request, videos, stops)
    removed = together.remove(videos, with_followers=True)
    removing.tell(request, removed, several(videos) if removed.count == len(videos) else f"{removed.count} recordings")
    return redirect(came_from(request))


def ask_first(request: MemberRequest, videos: list[Video], stops: int) -> HttpResponse:
    words = f"All that was made of {'them' if len(videos) > 1 else 'it'} goes along, and {removing.whereto()}."
    if stops:
        words += f" {stops} job{pluralize(stops)} under way will be stopped."
    verb = "Delete them" if settings.TRASH_DAYS else "Delete for good"
    fields = [("pk", str(video.pk)) for video in videos]
    asked, back = f"Delete {several(videos)}?", came_from(request)
    return ask(request, asked, words, verb=verb, keep="Keep them", back=back, stays=False, fields=fields)
