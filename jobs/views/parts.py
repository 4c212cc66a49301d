"""Going back and forth in long lists by addresses: `older` holds the place that a page begins behind, and `newer` leads
to the page before one. Words that are no place, and the numbers that pages once had, lead to the first page."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from jobs.keyset import Ordered, Part
from jobs.listing import Listing


def shown(request: HttpRequest, listing: Listing | Ordered, count: int) -> Part:
    """The part of a list that is asked for."""
    return listing.shown(request.GET.get("older", ""), count)


def moved(request: HttpRequest, listing: Listing | Ordered, count: int) -> HttpResponse | None:
    """To the page of so many rows before the place that was asked for; None where none was."""
    before: Any = listing.named(request.GET.get("newer", ""))
    if before is None:
        return None
    query = request.GET.copy()
    del query["newer"]
    query.pop("older", None)
    if begin := listing.begin(before, count):
        query["older"] = str(begin)
    return redirect(f"{request.path}?{query.urlencode()}" if query else request.path)
