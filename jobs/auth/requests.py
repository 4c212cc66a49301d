"""The type of requests that were let in. Nothing makes one: `signed_in` and `member` see to it that it is true."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from jobs.models import Account


class PageRequest(HttpRequest):
    """One that came through the middleware."""

    htmx: HtmxDetails


class MemberRequest(PageRequest):
    """One whose sender is known."""

    user: Account
