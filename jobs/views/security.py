"""How one signs in, and where one is signed in."""

from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from jobs.auth import sessions
from jobs.auth.browsers import browser_name
from jobs.auth.requests import MemberRequest
from jobs.views.members import changes, member

Type = Authenticator.Type


@member
@require_safe
def security(request: MemberRequest) -> HttpResponse:
    """Passkeys, codes, password, and the browsers that are signed in."""
    factors = list(Authenticator.objects.filter(user=request.user).order_by("pk"))
    single = {factor.type: factor for factor in factors if factor.type != Type.WEBAUTHN}
    codes = single[Type.RECOVERY_CODES].wrap() if Type.RECOVERY_CODES in single else None
    context: dict[str, Any] = {
        "passkeys": [factor.wrap() for factor in factors if factor.type == Type.WEBAUTHN],
        "app": single.get(Type.TOTP),
        "codes_left": len(codes.get_unused_codes()) if codes else 0,
        "codes_made": len(codes.generate_codes()) if codes else 0,
        "has_codes": codes is not None,
        "used": _used_here(request),
        "sessions": [(one, browser_name(one.user_agent)) for one in sessions.of(request.user)],
    }
    return render(request, "me/security.html", context | _of_company(request))


def _used_here(request: MemberRequest) -> set[int]:
    """Which of them this browser was signed in with."""
    return {record["id"] for record in get_authentication_records(request) if record["method"] == "mfa"}


def _of_company(request: MemberRequest) -> dict[str, Any]:
    """Its service, and who one is there."""
    if not settings.COMPANY:
        return {}
    from jobs.views.company import connect_address

    connected = SocialAccount.objects.filter(user=request.user, provider=settings.COMPANY.slug).first()
    return {"company": settings.COMPANY, "connected": connected, "connect_address": connect_address(request)}


@changes("security")
def end_session(request: MemberRequest, pk: int) -> HttpResponse:
    """Sign one of the own browsers out."""
    session = get_object_or_404(UserSession, pk=pk, user=request.user)
    sessions.end([session])
    if session.session_key == request.session.session_key:
        return redirect("account_login")
    messages.success(request, f"{browser_name(session.user_agent)} has been signed out.")
    return redirect("security")
