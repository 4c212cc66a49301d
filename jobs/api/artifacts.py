from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import Router, Schema
from pydantic import ConfigDict, Field

from jobs import publish
from jobs.api.auth import owner, work
from jobs.api.documented import BYTES, failures
from jobs.auth.access import owned
from jobs.file_response import send
from jobs.models import Artifact
from jobs.services import files, uses

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
    artifact = owned(Artifact, request.user, artifact_id)
    uses.note(artifact)
    return send(request, files.of_artifact(artifact))


class ArtifactPatch(Schema):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"pinned": True}})

    pinned: bool = Field(description="Whether it stays for good, whatever the retention.")


class PinnedOut(Schema):
    id: UUID
    pinned: bool


@router.patch("/{uuid:artifact_id}", response={200: PinnedOut, **failures(404, 422)}, summary="Keep a result for good")
@work
def pin_artifact(request: HttpRequest, artifact_id: UUID, patch: ArtifactPatch) -> PinnedOut:
    """What is pinned stays, with the other results of its job or chain, however long nobody uses them."""
    artifact = owned(Artifact, owner(request), artifact_id)
    uses.pin(artifact, patch.pinned)
    publish.tell([artifact.job.owner_id])
    return PinnedOut(id=artifact.pk, pinned=artifact.pinned)
