"""What its owner has put in the trash while another tab still shows it: all its addresses say so, with the way back."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import defaults

from jobs.live.recording import gone_state
from jobs.models import Account, Removal
from jobs.services import trash
from jobs.views.members import NotThere, keep_typed
from videoservice.errors import wants_page


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Called by Django for every 404."""
    removal = held(request)
    if removal is None:
        return defaults.page_not_found(request, exception)
    if "HX-Request" in request.headers:
        return HttpResponse(
            f"{sentence(removal)} Undo that first.", content_type="text/plain; charset=utf-8", status=404
        )
    told = render(request, "trash/held.html", {"removal": removal, "sentence": sentence(removal)}, status=404)
    return keep_typed(request, exception.page, told) if isinstance(exception, NotThere) else told


def held(request: HttpRequest) -> Removal | None:
    """With what the thing of this address went to the trash of who asks for a page."""
    match, user = request.resolver_match, getattr(request, "user", None)
    pk = match.kwargs.get("pk") if match else None
    if not isinstance(pk, UUID) or not isinstance(user, Account) or not user.is_authenticated:
        return None
    return trash.holding(user, pk) if wants_page(request) or "HX-Request" in request.headers else None


def sentence(removal: Removal) -> str:
    return f"This {removal.kind} is in the trash."


def note(owner: Account, pk: UUID) -> dict[str, Any]:
    """What the page of a recording says of it once it is gone; nothing while it is there."""
    state = gone_state(owner, pk)
    removal = trash.holding(owner, pk) if state else None
    words = "" if not state else sentence(removal) if removal else "This recording has been deleted."
    return {"video_pk": pk, "gone_state": state, "removal": removal, "sentence": words}
