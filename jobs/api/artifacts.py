from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import Router

from jobs.api.documented import BYTES
from jobs.views import results

router = Router(tags=["Artifacts"])


@router.api_operation(["HEAD"], "/{uuid:artifact_id}/file", include_in_schema=False)
@router.get(
    "/{uuid:artifact_id}/file",
    url_name="artifact_file",
    summary="Download a result",
    openapi_extra=BYTES,
)
async def artifact_file(request: HttpRequest, artifact_id: UUID) -> HttpResponseBase:
    """The bytes of a result. `Range`, `If-Range` and `If-None-Match` are honoured."""
    return await results.artifact_file(request, artifact_id)
