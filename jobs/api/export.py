"""All that one owns, to be taken along."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from ninja import Router

from jobs.api.auth import everything, owner, refuse_unconfirmed
from jobs.api.documented import FAILURE, failures
from jobs.services import export
from jobs.zip_response import zipped

router = Router(tags=["Account"])
ZIP: dict[str, Any] = {
    "responses": {
        200: {
            "description": "The file. It takes no ranges: single files of the list do.",
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        },
        401: {"description": "No valid token and no session.", **FAILURE},
        403: {
            "description": "The token has a narrower scope than `all`, or the password was not given lately.",
            **FAILURE,
        },
    }
}


def mine(request: HttpRequest) -> export.Export:
    """What belongs to who asks; of a page's session the password has to have been given lately."""
    refuse_unconfirmed(request, by_sign_in=False)
    return export.of(owner(request), request.build_absolute_uri)


@router.get("/export", response={200: dict[str, Any], **failures()}, summary="List all that you own")
@everything
def list_everything(request: HttpRequest) -> dict[str, Any]:
    """Recordings with their transcripts, jobs and results, images, chains and more; each file with size, SHA-256
    and a link that takes ranges. A token needs the scope `all`."""
    return mine(request).told


@router.get("/export.zip", summary="Download all that you own", openapi_extra=ZIP)
@everything
def download_everything(request: HttpRequest) -> HttpResponseBase:
    """One ZIP file of all files and the list, made while it is sent, so it may be of any size. When a file goes away
    meanwhile the connection is closed early."""
    return zipped(request, mine(request).entries(), "videoservice.zip")
