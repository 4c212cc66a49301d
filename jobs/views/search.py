from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs.auth.requests import MemberRequest
from jobs.forms import SearchForm
from jobs.services import search
from jobs.views.members import member

PAGE = 50


@member
@require_safe
def said(request: MemberRequest) -> HttpResponse:
    """Where something was said, in all recordings."""
    question = SearchForm(request.GET).question
    found = search.find(request.user, question)
    page = Paginator(found.moments, PAGE).get_page(request.GET.get("page"))
    return render(request, "search/search.html", {"q": question, "found": found, "page": page})
