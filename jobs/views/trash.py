"""What its owner has removed, and can have back for some days."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import Sum
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from jobs import wording
from jobs.auth.access import owned
from jobs.auth.requests import MemberRequest
from jobs.errors import InputError
from jobs.listing import Listing
from jobs.models import Removal
from jobs.services import together
from jobs.services import trash as services
from jobs.views import parts
from jobs.views.asking import ask
from jobs.views.jobs import done
from jobs.views.members import changes, member

PAGE = 50


@member
@require_safe
def trash(request: MemberRequest) -> HttpResponse:
    mine = services.listed(request.user)
    every = Listing([[mine]], "at")
    if elsewhere := parts.moved(request, every, PAGE):
        return elsewhere
    size = mine.aggregate(size=Sum("size"))["size"] or 0
    part = parts.shown(request, every, PAGE)
    return render(request, "trash/trash.html", {"part": part, "size": size, "days": settings.TRASH_DAYS})


@changes("trash")
def restore(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Put something back where it was. This is also what undoes a removal where it was done."""
    removal = owned(Removal, request.user, pk)
    try:
        services.restore(removal)
        messages.success(request, f"“{removal}” is back.")
    except InputError as error:
        messages.error(request, error.message)
    return done(request)


@changes("trash")
def restore_together(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Put back all that was removed by one word, as far as it is there still."""
    count = together.restore(request.user, pk)
    if not count:
        raise Http404("nothing in the trash of this owner")
    messages.success(request, f"{count} thing{pluralize(count)} {pluralize(count, 'is,are')} back.")
    return done(request)


@member
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Asks first."""
    removal = owned(Removal, request.user, pk)
    if request.method == "POST":
        services.purge(removal)
        messages.success(request, f"“{removal}” has been deleted for good.")
        return redirect("trash")
    told = f"This {removal.kind} ({wording.size(removal.size)}) cannot be restored after that."
    question, back = f"Delete “{removal}” for good?", reverse("trash")
    return ask(request, question, told, verb="Delete for good", keep="Keep it", back=back, stays=False)


@member
@require_http_methods(["GET", "HEAD", "POST"])
def empty(request: MemberRequest) -> HttpResponse:
    """Asks first."""
    if request.method == "POST":
        count = services.empty(request.user)
        messages.success(request, f"{count} thing{pluralize(count)} deleted for good.")
        return redirect("trash")
    mine = services.listed(request.user)
    count, size = mine.count(), mine.aggregate(size=Sum("size"))["size"] or 0
    told = f"{count} thing{pluralize(count)} ({wording.size(size)}) cannot be restored after that."
    back = reverse("trash")
    return ask(request, "Empty the trash?", told, verb="Delete all for good", keep="Keep it", back=back, stays=False)
