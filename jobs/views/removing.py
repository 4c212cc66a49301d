"""Removing with a way back: done at once, said with a button that undoes it. Only what stops work, or cannot be undone,
is asked about first."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.template.defaultfilters import pluralize
from django.urls import reverse

from jobs.auth.requests import MemberRequest
from jobs.models import Removal
from jobs.services import trash
from jobs.services.together import Removed
from jobs.services.trash import Subject
from jobs.views.asking import ask

SURE = "sure"
"""The field of a form that asked."""
TOLD = 3
"""Reasons why some of several stay that are told."""


def has_to_ask(request: MemberRequest, subject: Subject) -> bool:
    """Whether a question is to be answered first: to a link always, to a button only where something would be lost."""
    if request.method != "POST":
        return True
    return SURE not in request.POST and (not settings.TRASH_DAYS or trash.stops(subject) > 0)


def question(
    request: MemberRequest, asked: str, words: str, *, back: str, verb: str, stays: bool = True
) -> HttpResponse:
    """Ask. A button that would have done it at once, had nothing been in the way, shows it in the dialog, too."""
    response = ask(request, asked, words, verb=verb, keep="Keep it", back=back, stays=stays)
    if request.htmx and request.method == "POST":
        response["HX-Retarget"], response["HX-Reswap"] = "#ask-body", "innerHTML"
    return response


def whereto() -> str:
    """What becomes of what goes, for the end of a sentence."""
    days = settings.TRASH_DAYS
    return f"will go to the trash for {days} day{pluralize(days)}" if days else "will be gone for good"


def verb() -> str:
    return "Remove it" if settings.TRASH_DAYS else "Remove for good"


def remove(request: MemberRequest, subject: Subject, called: str) -> None:
    """Do it, and say so with the way back. Raises InputError as `trash.remove`."""
    removal = trash.remove(subject, with_followers=True)
    messages.success(request, f"Removed “{called}”.", extra_tags=undo(removal) if removal else "")


def tell(request: MemberRequest, removed: Removed, called: str) -> None:
    """Say what became of several, with one way back for all that went."""
    if removed.count:
        back = reverse("trash-restore-together", args=[removed.together]) if removed.together else ""
        messages.success(request, f"Removed {called}.", extra_tags=back)
    for problem in removed.refused[:TOLD]:
        messages.error(request, problem)


def undo(removal: Removal) -> str:
    """The tag of a message that has a button to undo: the address of that."""
    return reverse("trash-restore", args=[removal.pk])
