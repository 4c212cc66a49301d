"""The site's figures for Prometheus: for who has the token, or else for programs on this machine alone."""

import ipaddress

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from jobs.auth import attempts
from jobs.auth.access import TOO_MANY, bearer, refused
from jobs.services.metrics import SiteCollector
from videoservice.request_metrics import registry
from videoservice.visitors import plain

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via")
"""What a proxy adds to a request that it passes on for somebody else."""
SITE = CollectorRegistry()
SITE.register(SiteCollector())
NEEDS_TOKEN = "Send the token of METRICS_TOKEN in the header “Authorization: Bearer …”."  # noqa: S105


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if settings.METRICS_TOKEN:
        if not constant_time_compare(bearer(request) or "", settings.METRICS_TOKEN):
            if attempts.too_many(request):
                return refused(429, "too_many_requests", TOO_MANY)
            return refused(401, "unauthorized", NEEDS_TOKEN, **{"WWW-Authenticate": "Bearer"})
    elif not is_local(request):
        raise Http404
    text = generate_latest(SITE) + generate_latest(registry())
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


def is_local(request: HttpRequest) -> bool:
    """Whether a program on this machine asks for itself.

    Behind a proxy nobody can tell: the address that daphne then gives us is one that the client may have written.
    """
    if settings.SECURE_PROXY_SSL_HEADER is not None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(plain(request.META.get("REMOTE_ADDR", ""))).is_loopback
    except ValueError:  # a socket without an address
        return False
