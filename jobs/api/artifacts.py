from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import Router

from jobs.api.documented import BYTES
from jobs.auth.access import owned
from jobs.file_response import send
from jobs.models import Artifact
from jobs.services import files

router = Router(tags=["Artifacts"])


@router.api_operation(["HEAD"], "/{uuid:artifact_id}/file", include_in_schema=False)
@router.get(
    "/{uuid:artifact_id}/file",
    url_name="artifact_file",
    summary="Download a result",
    openapi_extra=BYTES,
)
def artifact_file(request: HttpRequest, artifact_id: UUID) -> HttpResponseBase:
    """The bytes of a result. `Range`, `If-Range` and `If-None-Match` are honoured."""
    return send(request, files.of_artifact(owned(Artifact, request.user, artifact_id)))
