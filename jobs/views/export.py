"""All that one owns, to be taken along. Whoever found a page open has to know the password for it."""

from allauth.account.decorators import reauthentication_required
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from jobs.auth.requests import MemberRequest
from jobs.services import export, storage_use
from jobs.views.members import member
from jobs.zip_response import zipped


def name_of(ending: str) -> str:
    return f"videoservice-{timezone.localdate().isoformat()}.{ending}"


@member
@reauthentication_required
@require_safe
def everything(request: MemberRequest) -> HttpResponse:
    """The ways to take it along; the password is asked for here, as a download shows no page."""
    return render(request, "me/everything.html", {"use": storage_use.of(request.user)})


@member
@reauthentication_required
@require_safe
def listed(request: MemberRequest) -> HttpResponse:
    """As JSON, with a link to each file."""
    told = export.of(request.user, request.build_absolute_uri).told
    response = JsonResponse(told, json_dumps_params={"indent": 2, "ensure_ascii": False})
    response["Content-Disposition"] = content_disposition_header(True, name_of("json"))
    response["Cache-Control"] = "no-store"
    return response


@member
@reauthentication_required
@require_safe
def packed(request: MemberRequest) -> HttpResponseBase:
    """As a ZIP file, sent while it is made."""
    return zipped(request, export.of(request.user, request.build_absolute_uri).entries(), name_of("zip"))
