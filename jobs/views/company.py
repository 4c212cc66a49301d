"""Signing in by a company's own service: going there, and what it leaves of the entrance where it is the only way."""

from allauth.account import views as account_views
from allauth.account.utils import get_next_redirect_url
from allauth.socialaccount.providers.openid_connect import views as openid
from allauth.socialaccount.views import connections as allauth_connections
from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.http import urlencode

from jobs.models.token import digest
from videoservice.company import Company

STAY = "stay"
"""In the address of the entrance: do not go straight to the service, as after signing out."""
CONNECT = "connect account"
CONNECT_SECONDS = 3600


def company() -> Company:
    """The service that is set up; these addresses are only there where one is."""
    assert settings.COMPANY
    return settings.COMPANY


def address(**query: str) -> str:
    """Where the way to the service begins."""
    begin = reverse("openid_connect_login", args=[company().slug])
    return f"{begin}?{urlencode(query)}" if query else begin


def connect_address(request: HttpRequest) -> str:
    """The same, to join it to the account that is signed in. Only a page of its own knows it: by a link from elsewhere
    somebody else's identity could be slipped in. Of the session it tells a digest: who reads the address, in a log or
    in a history, must not sign in by it."""
    proof = signing.dumps(digest(request.session.session_key or ""), salt=CONNECT)
    return address(process="connect", next=reverse("security"), proof=proof)


def begin(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    if request.GET.get("process", "login") != "login" and not _is_proved(request):
        return redirect("security")
    answer: HttpResponseBase = openid.login(request, provider_id)
    return answer


def _is_proved(request: HttpRequest) -> bool:
    try:
        proved = signing.loads(request.GET.get("proof", ""), salt=CONNECT, max_age=CONNECT_SECONDS)
    except signing.BadSignature:
        return False
    key = request.session.session_key
    return key is not None and proved == digest(key)


def entrance(request: HttpRequest) -> HttpResponseBase:
    """The page of signing in. Where the service is the only way it leads straight there.

    Not by a redirect: who was signed out and sends a form comes here by one, and a browser that holds to the page's
    form-action would not leave the site.
    """
    only = company().only
    if only and request.method == "POST":
        return redirect(f"{reverse('account_login')}?{STAY}")
    answer: HttpResponseBase = account_views.login(request)
    if only and STAY not in request.GET and answer.status_code == 200:
        onward = get_next_redirect_url(request)
        answer["Refresh"] = f"0; url={address(next=onward) if onward else address()}"
    return answer


def connections(request: HttpRequest) -> HttpResponseBase:
    """Its form takes the connection away."""
    answer: HttpResponseBase = allauth_connections(request) if request.method == "POST" else redirect("security")
    return answer


def only_there(request: HttpRequest) -> HttpResponse:
    """What has no use where the service is the only way: signing up, and passwords."""
    return redirect("security" if request.user.is_authenticated else "account_login")


# They stand before those of allauth, which keep their names.
urlpatterns = [
    path("accounts/login/", entrance),
    path("accounts/oidc/<slug:provider_id>/login/", begin),
    path("accounts/3rdparty/", connections),
]
WITHOUT_PASSWORDS = [
    path(f"accounts/{page}/", only_there)
    for page in ("signup", "password/reset", "password/change", "password/set", "3rdparty/signup")
]
