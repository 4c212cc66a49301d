"""What an account has used of what it may take, and how long it keeps what nobody uses."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from jobs.account_forms import RetentionForm
from jobs.auth.requests import MemberRequest
from jobs.services import retention, storage_use
from jobs.services import usage as services
from jobs.views import graphs
from jobs.views.members import member

SHOWN = 50
"""Things that go soon; the others are shown when these have gone."""


@member
@require_http_methods(["GET", "HEAD", "POST"])
def usage(request: MemberRequest) -> HttpResponse:
    owner = request.user
    form = RetentionForm(request.POST or None, site=retention.site(), own=retention.chosen(owner))
    if form.is_valid():
        retention.choose(owner, form.kept)
        messages.success(request, "Saved. What goes by it is announced here a week before.")
        return redirect("account-usage")
    results = storage_use.results(owner)
    use = storage_use.of(owner, results)
    context = {
        "meters": services.meters(owner, use),
        "graph": graphs.worked(services.days(owner)),
        "parts": services.parts(owner, use, results),
        "largest": services.by_recording(owner, results)[: services.LARGEST],
        "retention": form,
        "departures": retention.listed(owner)[:SHOWN],
        "departing": retention.listed(owner).count(),
    }
    return render(request, "me/usage.html", context, status=422 if form.errors else 200)
