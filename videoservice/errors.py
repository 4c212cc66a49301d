"""Answers to what goes wrong anywhere in Django: a page for people, an envelope for scripts, a sentence for htmx."""

import sys

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views import defaults

from videoservice import outages
from videoservice.middleware import AnswerMiddleware
from videoservice.refusals import INTERNAL, NOT_THIS_WAY, POLICY, Refusal, unknown_host


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, DisallowedHost):
        return answer(request, unknown_host(request.headers.get("Host", "")))
    return defaults.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Called by Django while it handles the error."""
    refusal = outages.refusal_of(sys.exc_info()[1])
    if refusal is None and wants_page(request):
        return defaults.server_error(request)
    return answer(request, refusal or INTERNAL)


class NotThisWayMiddleware(AnswerMiddleware):
    """A page for who follows a link to an address that only takes forms, where Django's answer is empty."""

    def changed(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.status_code != 405 or not wants_page(request):
            return response
        page = answer(request, NOT_THIS_WAY)
        page.headers["Allow"] = response.headers.get("Allow", "")
        return page


def answer(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    if "HX-Request" in request.headers:
        response = HttpResponse(refusal.message, content_type="text/plain; charset=utf-8")
    elif wants_page(request):
        response = HttpResponse(refusal.page, headers={"Content-Security-Policy": POLICY})
    else:
        response = JsonResponse(refusal.envelope)
    response.status_code = refusal.number
    for name, value in refusal.headers.items():
        response.headers[name] = value
    return response


def is_call(request: HttpRequest) -> bool:
    """Whether it is a call of the API, below its own address or by one of the short ones."""
    return request.path_info.startswith(("/api/", "/video/", "/audio/"))


def wants_page(request: HttpRequest) -> bool:
    """Whether a person with a browser asks, not a script."""
    return "text/html" in request.headers.get("Accept", "") and not is_call(request)
