"""Asking before something is destroyed: a page of its own, whose middle a page with scripts shows in a dialog."""

from collections.abc import Sequence

from django.http import HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import pluralize

from jobs.auth.requests import MemberRequest


def ask(
    request: MemberRequest,
    question: str,
    words: str,
    *,
    verb: str,
    keep: str,
    back: str,
    stays: bool = True,
    key: str = "",
    fields: Sequence[tuple[str, str]] = (),
) -> HttpResponse:
    """The button `verb` sends the same address by POST; `keep` leads `back` and changes nothing.

    `stays`: a page with scripts is still there afterwards. `key` is sent along: by it the answer is taken once only; so
    are `fields`, which say what is asked about.
    """
    context = {
        "question": question,
        "words": words,
        "verb": verb,
        "keep": keep,
        "back": back,
        "stays": stays,
        "key": key,
        "fields": fields,
    }
    return render(request, "includes/question.html" if request.htmx else "ask.html", context)


def needed(count: int, what: str) -> list[str]:
    """What is said of so many jobs under way that need what goes ("it", "them"); nothing of none."""
    if not count:
        return []
    return [f"{count} job{pluralize(count)} under way need{pluralize(count, 's,')} {what} and will be stopped."]
