from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from jobs import live


def bar(request: HttpRequest) -> dict[str, Any]:
    """`bar`: jobs under way, for the bar of every page. Asked of the database only where a template shows it.

    `has_mail`: whether letters go out. Without, they only stand in the site's log.
    """

    def figures() -> dict[str, Any]:
        user = getattr(request, "user", None)
        return live.bar(user) if user and user.is_authenticated else {"active": 0, "running_percent": None}

    return {"bar": SimpleLazyObject(figures), "has_mail": bool(settings.EMAIL_URL)}
