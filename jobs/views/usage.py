"""What an account has used of what it may take."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs.auth.requests import MemberRequest
from jobs.services import usage as services
from jobs.views import graphs
from jobs.views.members import member


@member
@require_safe
def usage(request: MemberRequest) -> HttpResponse:
    owner = request.user
    context = {
        "meters": services.meters(owner),
        "graph": graphs.worked(services.days(owner)),
        "parts": services.parts(owner),
        "largest": services.by_recording(owner)[: services.LARGEST],
    }
    return render(request, "me/usage.html", context)
