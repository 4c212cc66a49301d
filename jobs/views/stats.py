from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs import charts, storage
from jobs.auth.requests import MemberRequest
from jobs.live.view import View
from jobs.models import Account
from jobs.services import figures, storage_use
from jobs.services.figures import PERIODS, Period
from jobs.services.storage_use import Use
from jobs.views import graphs
from jobs.views.members import member


@member
@require_safe
def stats(request: MemberRequest) -> HttpResponse:
    """How the work went and what is there: the own, and for operators also everybody's. An open page asks again for the
    figures alone when they changed."""
    view = View.of({**request.GET.dict(), "view": "stats"}).allowed(request.user)
    period = PERIODS.get(request.GET.get("period", ""), PERIODS["day"])
    owner = None if view.whose else request.user
    free = storage.free_bytes() if storage.new().is_folder else None  # a bucket has no bound
    context = told(owner, period) | {"whose": view.whose, "periods": PERIODS.values(), "free": free}
    return render(request, "stats/_figures.html" if request.htmx else "stats/stats.html", context)


def told(owner: Account | None, period: Period) -> dict[str, Any]:
    """The figures of an account, or of everybody."""
    state = figures.state(owner)  # before the figures: a change in between is then asked for again
    found = figures.kept(owner, period)
    shown = (graphs.jobs(found), graphs.waits(found), graphs.runs(found), graphs.removed(found))
    uses = [storage_use.of(owner)] if owner else storage_use.by_owner()
    return {
        "state": state,
        "period": period,
        "figures": found,
        "graphs": shown,
        "under_way": sum(found.now.values()),
        "most_rows": figures.MOST_ROWS,
        "use": storage_use.total(uses, ""),
        **(whose(uses) if owner is None else {}),
    }


def whose(uses: list[Use]) -> dict[str, Any]:
    """Who has how much, most first."""
    most = max((use.total for use in uses), default=0)
    shown = [(use, charts.bar(use.total / most if most else 0)) for use in uses[: storage_use.MOST_OWNERS]]
    rest = uses[storage_use.MOST_OWNERS :]
    return {"owners": shown, "rest": storage_use.total(rest, f"{len(rest)} others") if rest else None}
