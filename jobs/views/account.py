from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs.auth.requests import MemberRequest
from jobs.views.members import member


@member
@require_safe
def profile(request: MemberRequest) -> HttpResponse:
    """Who one is here, and how one signs in."""
    return render(request, "me/profile.html")
