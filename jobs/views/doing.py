"""“Do something” on a recording's page: what is possible, and the form of one piece of work."""

import contextlib
import dataclasses
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs.auth.requests import MemberRequest
from jobs.errors import InputError
from jobs.forms import Pick, WorkForm
from jobs.models import Job, Preset, Video
from jobs.operations import registry
from jobs.operations.base import Group, Operation
from jobs.operations.forms import ShareField
from jobs.services import (
    chain_drafts,
    flow,
    parameters,
    pipelines,
    possible,
    presets,
    quotes,
    steps,
    storyboards,
    version_list,
    versions,
)
from jobs.services.possible import Possible
from jobs.services.quotes import Quote
from jobs.services.version_list import Version
from jobs.views.members import member

DESK = "silence-cut"
"""Its form stands beside the waveform."""


@dataclasses.dataclass(frozen=True)
class Asked:
    """What of the panel is wanted, as its links say it: an operation, the version to work on, a preset or a job whose
    values the form begins with, or a step of the chain whose settings it shows."""

    do: str = ""
    on: str = ""
    preset: str = ""
    step: str = ""
    job: str = ""

    @classmethod
    def of(cls, query: QueryDict, **more: str) -> "Asked":
        found = {field.name: query.get(field.name, "") for field in dataclasses.fields(cls)}
        return cls(**{**found, **more})


NOTHING = Asked()


@dataclasses.dataclass(frozen=True)
class Panel:
    """`pick` is None where nothing can be done with the recording."""

    video: Video
    on: Video
    groups: Mapping[Group, list[Possible]]
    pick: Pick | None
    versions: list[Version]
    presets: list[Preset]
    preset: Preset | None
    asked: Asked
    quote: Quote | None
    problem: str = ""
    preset_problem: str = ""

    @property
    def on_query(self) -> str:
        """What an address of the page has so that the same version stays chosen."""
        return f"&on={self.on.pk}" if self.on != self.video else ""

    @property
    def problems(self) -> list[str]:
        """What is wrong besides its fields."""
        return [self.problem] if self.problem else []

    @property
    def operation(self) -> Operation[Any] | None:
        return self.pick.operation if self.pick else None

    @property
    def is_staged(self) -> bool:
        """Whether its fields are set on a picture, or on the time, of what it works on."""
        return self.operation is not None and self.operation.staged

    @property
    def fields(self) -> list[BoundField]:
        """Those in view, but for shares, which stand below the others."""
        return [one for one in self._visible if not self._is_folded(one) and not is_share(one)]

    @property
    def shares(self) -> list[BoundField]:
        return [one for one in self._visible if not self._is_folded(one) and is_share(one)]

    @property
    def folded(self) -> list[BoundField]:
        return [one for one in self._visible if self._is_folded(one)]

    @property
    def has_folded_error(self) -> bool:
        return any(one.errors for one in self.folded)

    @property
    def _visible(self) -> list[BoundField]:
        return self.pick.form.visible_fields() if self.pick else []

    def _is_folded(self, field: BoundField) -> bool:
        return self.operation is not None and field.name in self.operation.folded


def is_share(field: BoundField) -> bool:
    return isinstance(field.field, ShareField)


def panel(
    video: Video, asked: Asked, *, work: WorkForm | None = None, problem: str = "", preset_problem: str = ""
) -> Panel:
    """`work` is a form that was sent and has something wrong with it. Raises Http404 for a version of others."""
    on = subject_of(video, asked.on)
    every = possible.of(video.owner, on)
    slug = _wanted(every, asked.do)
    if work and (sent := [pick.operation.slug for pick in work.chosen if pick.operation.slug != DESK]):
        slug = sent[0]
    else:
        work = None
    own = presets.of(video.owner, slug) if slug else []
    preset = next((one for one in own if str(one.pk) == asked.preset), None)
    if work is None and slug:
        work = WorkForm(owner=video.owner, video=on, defaults=False, only=slug, begin=_begin(video, asked, preset))
    pick = next((one for one in work.picks if one.operation.slug == slug), None) if work else None
    return Panel(
        video,
        on,
        possible.grouped(every),
        pick,
        version_list.listed(video),
        own,
        preset,
        asked,
        _quoted(on, pick),
        problem,
        preset_problem,
    )


def subject_of(video: Video, pk: str) -> Video:
    """The recording, or the version of it that was chosen."""
    with contextlib.suppress(ValueError):
        if pk and UUID(pk) != video.pk:
            found = versions.owned(video.owner, UUID(pk))
            if found.root.pk != video.root.pk:
                raise Http404("a version of another recording")
            return found
    return video


def _wanted(every: list[Possible], slug: str) -> str:
    """The operation that is asked for, or the first that a form of the panel is for; "" for none."""
    can = [one.operation.slug for one in every if one.unfit is None]
    by_group = [one.operation.slug for those in possible.grouped(every).values() for one in those]
    first = next((one for one in by_group if one in can and one != DESK), "")
    return slug if slug in can and slug != DESK else first


def _begin(video: Video, asked: Asked, preset: Preset | None) -> Mapping[str, Any]:
    """Values that the form begins with in place of its defaults."""
    if step := chain_drafts.step(video, asked.step):
        return step.params
    return preset.params if preset else _again(video, asked)


def _again(video: Video, asked: Asked) -> Mapping[str, Any]:
    """The values of a job that is to be done again with changes; none for what is no such job of this owner."""
    with contextlib.suppress(ValueError):
        job = Job.objects.of(video.owner).filter(pk=UUID(asked.job), operation=asked.do).first()
        return job.params if job else {}
    return {}


def _quoted(on: Video, pick: Pick | None) -> Quote | None:
    """What it would take as the form is; None where that is not said before something is filled in."""
    if pick is None:
        return None
    data: Any = pick.form.data if pick.form.is_bound else _plain(pick.form)
    try:
        return quote_of(on, pick.operation.slug, data)
    except (ValidationError, InputError):
        return None


def _plain(form: forms.Form) -> dict[str, Any]:
    """An unbound form as it would be sent."""
    return {form.add_prefix(name): form.get_initial_for_field(field, name) for name, field in form.fields.items()}


def quote_of(on: Video, slug: str, data: Any) -> Quote:
    """Raises ValidationError and InputError for what cannot be done as it is."""
    params = parameters.parse(slug, data, on.info, prefix=slug, owner=on.owner)
    return quotes.of(on, slug, params)


@member
@require_safe
def form(request: MemberRequest, pk: UUID, slug: str) -> HttpResponse:
    """The form of one piece of work, for a page that shows another one."""
    video = versions.owned(request.user, pk)
    return render(request, "videos/_do_form.html", context(video, Asked.of(request.GET, do=known(slug))))


def context(video: Video, asked: Asked, **more: Any) -> dict[str, Any]:
    """For the templates `videos/_do.html` and `videos/_do_form.html`."""
    return {"video": video, "storyboard": storyboards.newest(video), "do": panel(video, asked, **more)}


def on_page(video: Video, asked: Asked, **more: Any) -> dict[str, Any]:
    """For the page of a recording: this, and the chain that is put together below."""
    return context(video, asked, **more) | chain_context(video, asked)


def chain_context(video: Video, asked: Asked, *, problem: str = "") -> dict[str, Any]:
    """For the template `videos/_chain.html`."""
    name, there = chain_drafts.of(video)
    is_whole = not steps.gone(there)
    going_on = [one.name for one in there if not one.kind.ends_chain(one.parsed)] if is_whole else []
    return {
        "chain": {
            "tree": flow.drawn(there),
            "count": len(there),
            "name": name,
            "quote": chain_drafts.quote(video, there) if is_whole else None,
            "choices": pipelines.choices(video.owner, video),
            "current": asked.step,
            "sources": going_on,
            "end": going_on[-1] if going_on else "",
            "problem": problem,
        }
    }


def known(slug: str) -> str:
    """The name of an operation, or 404."""
    try:
        return str(registry.get(slug).slug)
    except KeyError as error:
        raise Http404("no such work") from error


@member
@require_safe
def quote(request: MemberRequest, pk: UUID, slug: str) -> HttpResponse:
    """What work would take, in words; nothing while the form, whose fields the query has, is not right yet."""
    on = subject_of(versions.owned(request.user, pk), request.GET.get("on", ""))
    try:
        told = str(quote_of(on, known(slug), request.GET))
    except (ValidationError, InputError):
        told = ""
    return HttpResponse(told, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "private, no-store"})


def back_to(video: Video, place: str = "do", **asked: str) -> str:
    """The address of the page with the panel as it is asked for."""
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in asked.items() if value})
    return f"{video.get_absolute_url()}{'?' * bool(query)}{query.urlencode()}#{place}"
