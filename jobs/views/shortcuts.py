"""Calls of the API by short addresses, as programs that were written for others make them."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import resolve
from django.views.decorators.csrf import csrf_exempt

ROOT = "/api/v1"


@csrf_exempt  # the call looks for itself, where a session asks
def shortcut(request: HttpRequest, **place: Any) -> HttpResponseBase:
    """`/video/watermark` is `/api/v1/video/watermark`. Raises Http404 for what is no call."""
    match = resolve(f"{ROOT}{request.path_info}")
    response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
    return response
