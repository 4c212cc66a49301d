from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs.auth.requests import MemberRequest
from jobs.services.wanted import Wanted
from jobs.views.library import said_where
from jobs.views.members import member

PAGE = 50


@member
@require_safe
def said(request: MemberRequest) -> HttpResponse:
    """Where something was said, in all recordings."""
    wanted = Wanted.of(request.GET)
    found = said_where(request.user, wanted)
    page = Paginator(found.moments, PAGE).get_page(request.GET.get("page"))
    return render(request, "search/search.html", {"wanted": wanted, "found": found, "page": page})
