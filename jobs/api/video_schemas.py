"""What the API takes and tells of recordings."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, StringConstraints

from jobs.api.schemas import COUNT, NEXT, Following, path_of
from jobs.engine.model.mediainfo import MediaInfo
from jobs.models import Video
from jobs.services import tags, uses

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class PictureOut(Schema):
    codec: str
    width: int = Field(description="Upright, in square pixels, as a viewer sees it.")
    height: int
    frame_rate: float = Field(description="Frames a second; the average when `variable_rate`.")
    variable_rate: bool
    hdr: bool
    bit_rate: int = Field(description="Bits a second, 0 when unknown.")


class SoundOut(Schema):
    index: int = Field(description="Counted from 0 among the audio tracks.")
    codec: str
    sample_rate: int
    channels: int
    language: str
    title: str
    bit_rate: int = Field(description="Bits a second, 0 when unknown.")


class VideoOut(Schema):
    """A recording: video, or sound alone."""

    id: UUID
    title: str
    name: str = Field(description="What the uploaded file was called.")
    kind: Literal["video", "audio"]
    size: int
    sha256: str
    duration_seconds: float
    format: str = Field(description="The container, by libavformat's name.")
    video: PictureOut | None
    audio: list[SoundOut]
    subtitles: list[str] = Field(description="Languages of embedded text tracks.")
    unread_audio: list[str] = Field(description="What each audio track is stored as that cannot be read here.")
    url: str = Field(description="Path of the bytes, usable with the same token.")
    poster_url: str | None
    missing: bool = Field(description="Whether the server has lost the file.")
    tags: list[str] = Field(description="By name. A result has those of the recording that it came from.")
    pinned: bool = Field(description="Whether it stays for good, whatever the retention.")
    created_at: datetime

    @classmethod
    def each(cls, videos: Sequence[Video]) -> "list[VideoOut]":
        """Recordings that were uploaded."""
        found = tags.of_each([video.pk for video in videos])
        return [cls.of(video, found.get(video.pk, [])) for video in videos]

    @classmethod
    def of(cls, video: Video, its_tags: list[str] | None = None) -> "VideoOut":
        info = video.info
        return cls(
            id=video.pk,
            title=video.title,
            name=video.name,
            kind=info.kind,  # type: ignore[arg-type]
            size=video.size,
            sha256=video.sha256,
            duration_seconds=video.duration_seconds,
            format=info.format,
            video=_picture(info),
            audio=[SoundOut.model_validate(track) for track in _counted(info)],
            subtitles=list(info.subtitles),
            unread_audio=list(info.unread),
            url=path_of("video_file", video.pk),
            poster_url=path_of("video_poster", video.pk) if video.poster else None,
            missing=video.missing_since is not None,
            tags=tags.of_video(video) if its_tags is None else its_tags,
            pinned=uses.is_pinned(video),
            created_at=video.created_at,
        )


def _picture(info: MediaInfo) -> PictureOut | None:
    track = info.video
    if track is None:
        return None
    width, height = track.display_size
    return PictureOut(
        codec=track.codec,
        width=width,
        height=height,
        frame_rate=round(float(track.frame_rate), 3),
        variable_rate=track.variable_rate,
        hdr=track.hdr,
        bit_rate=track.bit_rate,
    )


def _counted(info: MediaInfo) -> list[dict[str, Any]]:
    """Audio tracks numbered as `audio_track` counts them, not by their place in the container."""
    return [{**vars(track), "index": number} for number, track in enumerate(info.audio)]


class VideoList(Schema):
    items: list[VideoOut]
    count: int | None = Field(description=COUNT)
    next: str | None = Field(None, description=NEXT)


class VideoPatch(Schema):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"title": "Weekly review"}})

    title: Title | None = None
    pinned: bool | None = Field(None, description="Whether it stays for good.")
    tags: list[str] | None = Field(
        None, max_length=tags.MOST_EACH, description="All that it is to have; those that are not there yet are made."
    )


class VideoDeleted(Schema):
    """What was removed."""

    id: UUID
    title: str
    jobs: int
    artifacts: int
    bytes: int = Field(description="What the recording and all results made of it take.")
    trashed_until: datetime | None = Field(description="When it goes for good; null when that is done.")


def within(time: datetime) -> datetime:
    """Other years no database takes. Raises ValueError."""
    if not 1970 <= time.year < 2200:
        raise ValueError("Write a time between 1970 and 2200.")
    return time


Moment = Annotated[AwareDatetime, AfterValidator(within)]


class VideoQuery(Following):
    search: str = Field("", max_length=200, description="Words of the title, the file name or a tag.")
    kind: Literal["video", "audio"] | None = None
    state: Literal["working", "failed"] | None = Field(
        None, description="Those with work under way; those of which the last work failed, while none is under way."
    )
    tag: str = Field("", max_length=400, description="Tags with commas between them; those that have all of them.")
    created_after: Moment | None = Field(None, description="A time with its zone, which counts in.")
    created_before: Moment | None = Field(None, description="A time with its zone, which does not.")
    min_seconds: float | None = Field(None, ge=0, le=10_000_000, allow_inf_nan=False)
    max_seconds: float | None = Field(None, ge=0, le=10_000_000, allow_inf_nan=False)
    size: int | None = Field(None, ge=0, description="Only those of exactly so many bytes.")
    order: Literal[
        "created_at", "-created_at", "title", "-title", "duration_seconds", "-duration_seconds", "size", "-size"
    ] = Field("-created_at", description="A minus sign turns it round.")
