from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from jobs.live import rows
from jobs.models import Account


def bar(request: HttpRequest) -> dict[str, Any]:
    """`bar`: jobs under way, for the bar of every page. Asked of the database only where a template shows it.

    `has_mail`: whether letters go out. `signup_is_open`: whether who is new can make an account. `is_first_account`:
    whether there is none yet. `invites`: whether members invite others. `company`: whose service signs people in.
    """

    def figures() -> dict[str, Any]:
        user = getattr(request, "user", None)
        return rows.bar(user) if user and user.is_authenticated else {"active": 0, "running_percent": None}

    signup_is_open = SimpleLazyObject(lambda: get_adapter(request).is_open_for_signup(request))
    company = settings.COMPANY
    return {
        "bar": SimpleLazyObject(figures),
        "has_mail": bool(settings.EMAIL_URL),
        "signup_is_open": signup_is_open,
        "is_first_account": SimpleLazyObject(lambda: not Account.objects.exists()),
        "company": company,
        "invites": settings.SIGNUP == "invite",
    }
