"""The drop bar of the library: what it offers to have done with recordings that come, and what it has open."""

import dataclasses
from typing import Any

from django.conf import settings
from django.http import HttpRequest, QueryDict

from jobs.auth.requests import MemberRequest
from jobs.forms import WorkForm
from jobs.models import Account
from jobs.services import last_choice, pipelines, steps
from jobs.services.last_choice import NOTHING


@dataclasses.dataclass(frozen=True)
class Then:
    """What can be done with recordings as they come. `value` is a chain's slug, "" for what is ticked, or NOTHING."""

    value: str
    name: str
    told: str
    chosen: bool


def pipeline_of(request: HttpRequest) -> tuple[str, bool]:
    """The slug of the chain that the form asks for, "" for none, and whether nothing is to be done at all."""
    asked = request.POST.get("pipeline", "")
    return ("", True) if asked == NOTHING else (asked, False)


def begun_with(owner: Account, typed: QueryDict | None) -> WorkForm:
    """The form with what was typed before a sign-in, else with the work that was last ticked, if it still goes."""
    last = last_choice.of(owner)
    if typed is None and last and "operations" in last:
        work = WorkForm(last, owner=owner)
        if work.is_valid():
            return work
    return WorkForm(typed, owner=owner)


def context(
    work: WorkForm, request: MemberRequest, problems: list[str] | None = None, *, typed: bool = False
) -> dict[str, Any]:
    """`whole`: the fields of all operations are drawn, too; else those last set go along unseen, in `kept`."""
    chain = order_context(work)
    return {
        **chain,
        "thens": thens(request.user, _asked(work, request), chain["order_line"]),
        "problems": problems or [],
        "whole": typed or problems is not None or "settings" in request.GET,
        "kept": [(name, value) for name, values in _set(work).lists() for value in values],
        "typed_url": work.data.get("url", "") if work.data is not None else "",
        "limit_bytes": settings.UPLOAD_LIMIT_BYTES,
        "form_limit_bytes": settings.FORM_LIMIT_BYTES,
        "chunk_bytes": settings.CHUNK_LIMIT_BYTES,
    }


def _set(work: WorkForm) -> QueryDict:
    found = work.data.copy() if work.data is not None else QueryDict(mutable=True)
    for name in ("pipeline", "operations", "order"):
        found.pop(name, None)
    return found


def _asked(work: WorkForm, request: MemberRequest) -> str:
    """As the form was sent, as the address says, as it was last, or the chain that the account has for all uploads."""
    sent = work.data if work.data is not None else QueryDict()
    if "pipeline" in sent:
        return str(sent["pipeline"])
    if (named := request.GET.get("chain")) is not None:
        return named
    if "operations" in sent:
        return ""
    last = last_choice.of(request.user)
    return request.user.default_pipeline if last is None else last.get("pipeline", "")


def thens(owner: Account, asked: str, ticked: str) -> list[Then]:
    """All there is to choose from, one of them chosen: what is ticked where the chain that was asked for is gone."""
    chains = [(chain.slug, chain.name, pipelines.Choice(chain).summary) for chain in pipelines.of(owner)]
    chains += [(one.slug, one.name, f"{one.summary}, as you set it") for one in pipelines.of_presets(owner)]
    if asked not in (NOTHING, *(slug for slug, _, _ in chains)):
        asked = ""
    every = [
        ("", ticked or "Work of your choice", "as ticked below"),
        *chains,
        (NOTHING, "Nothing yet", "only keep them"),
    ]
    return [Then(value, name, told, value == asked) for value, name, told in every]


def order_context(work: WorkForm) -> dict[str, Any]:
    chain = work.chain()
    return {"work": work, "order": chain, "order_line": steps.summary(chain)}
