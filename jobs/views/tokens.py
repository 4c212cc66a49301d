"""The API tokens of an account."""

import secrets
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.core.cache import cache
from django.db.models.functions import Now
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from jobs.account_forms import TokenForm
from jobs.auth.confirming import confirmed
from jobs.auth.requests import MemberRequest
from jobs.errors import InputError
from jobs.models import Account, Scope, Token
from jobs.services import tokens as services
from jobs.views.asking import ask
from jobs.views.members import member

ONCE_SECONDS = 24 * 3600
"""How long a form that was sent is remembered."""
SOON = timedelta(days=7)
"""Before a token ends, the list says so."""


@member
@confirmed
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: MemberRequest) -> HttpResponse:
    """Those there are, and a form for one more, whose secret is in the answer to that form and nowhere else."""
    if request.method != "POST":
        return shown(request, fresh())
    form = TokenForm(request.POST)
    if not form.is_valid():
        return shown(request, form, status=422)
    if was_sent(request.user, form.cleaned_data["key"]):
        messages.info(request, "This token has been made already. Its secret was shown once; if it is lost, revoke it.")
        return redirect("account-tokens")
    values = form.cleaned_data
    try:
        token, secret = services.make(request.user, values["name"], Scope(values["scope"]), form.expires_at)
    except InputError as error:
        forget_sent(request.user, values["key"])
        form.add_error(None, error.message)
        return shown(request, form, status=422)
    return shown(request, fresh(), made=token, secret=secret)


def fresh() -> TokenForm:
    return TokenForm(initial={"key": secrets.token_urlsafe(12)})


def was_sent(account: Account, key: str) -> bool:
    """Whether this very form has made a token before; it has from now on."""
    return bool(key) and not cache.add(f"token-form:{account.pk}:{key}", 1, ONCE_SECONDS)


def forget_sent(account: Account, key: str) -> None:
    cache.delete(f"token-form:{account.pk}:{key}")


def shown(request: MemberRequest, form: TokenForm, status: int = 200, **made: Any) -> HttpResponse:
    mine = Token.objects.filter(owner=request.user).annotate(now=Now()).order_by("-pk")
    api = request.build_absolute_uri(reverse("api-v1:api-root"))
    shown = {"form": form, "tokens": mine, "api": api, "soon": timezone.now() + SOON, **made}
    return render(request, "me/tokens.html", shown, status=status)


@member
@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: MemberRequest, pk: int) -> HttpResponse:
    token = Token.objects.filter(owner=request.user, pk=pk).first()
    if token is None:
        raise Http404("no such token")
    if request.method == "POST":
        services.revoke(token)
        messages.success(request, f"“{token}” has been revoked.")
        return redirect("account-tokens")
    used = f"It was last used {naturaltime(token.last_used_at)}." if token.last_used_at else "It was never used."
    words = f"{used} Whatever still sends it is refused at once, and it cannot be brought back."
    return ask(
        request,
        f"Revoke “{token}”?",
        words,
        verb="Revoke",
        keep="Keep it",
        back=reverse("account-tokens"),
        stays=False,
    )
