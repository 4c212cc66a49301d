"""Which picture stands for a recording: calls of the router of recordings, whose address of the picture they share."""

from uuid import UUID

from django.http import HttpRequest
from ninja import Schema
from pydantic import ConfigDict, Field

from jobs.api.auth import owner, work
from jobs.api.documented import failures
from jobs.api.errors import ApiError
from jobs.api.video_schemas import VideoOut
from jobs.api.videos import router
from jobs.auth.access import owned
from jobs.models import Artifact
from jobs.services import posters, versions


class PosterIn(Schema):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"artifact": "7d2c1a52-90f6-4c3e-9f2e-0f6a6f1d7c11"}}
    )

    artifact: UUID = Field(description="A picture that a `thumbnails` job made of this recording.")


@router.put("/{uuid:video_id}/poster", response={200: VideoOut, **failures(404, 409, 422)}, summary="Choose the poster")
@work
def choose_poster(request: HttpRequest, video_id: UUID, body: PosterIn) -> VideoOut:
    """A copy of the picture becomes the poster, so the picture may be removed afterwards. 409 for one of another
    recording."""
    video = versions.owned(owner(request), video_id)
    artifact = owned(Artifact, owner(request), body.artifact)
    if artifact.job.subject != video:
        raise ApiError(409, "other_recording", "This picture shows another recording. Choose one of this recording's.")
    posters.choose(artifact)
    video.refresh_from_db()
    return VideoOut.of(video)


@router.delete(
    "/{uuid:video_id}/poster", response={200: VideoOut, **failures(404)}, summary="Go back to the first poster"
)
def take_poster_back(request: HttpRequest, video_id: UUID) -> VideoOut:
    """To the picture that was found when the recording came; to none where there was none."""
    video = versions.owned(owner(request), video_id)
    posters.take_back(video)
    return VideoOut.of(video)
