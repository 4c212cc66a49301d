"""Pages of allauth that have another place here: what it leads back to is a part of the account's page."""

from allauth.usersessions.views import list_usersessions
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path


def to_security(request: HttpRequest) -> HttpResponse:
    return redirect("security")


def sessions(request: HttpRequest) -> HttpResponseBase:
    """Its form signs out everywhere else."""
    answer: HttpResponseBase = list_usersessions(request) if request.method == "POST" else to_security(request)
    return answer


# They stand before those of allauth, which keep their names.
urlpatterns = [
    path("accounts/2fa/", to_security),
    path("accounts/2fa/webauthn/", to_security),
    path("accounts/sessions/", sessions),
]
