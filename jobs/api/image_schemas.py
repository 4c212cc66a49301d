"""Images as they go over the wire."""

from datetime import datetime
from uuid import UUID

from ninja import Schema
from pydantic import Field

from jobs.api.schemas import path_of
from jobs.models import Image


class ImageOut(Schema):
    """A still picture for use in work, such as a logo."""

    id: UUID = Field(description="What a parameter of an operation names it by.")
    name: str = Field(description="What the uploaded file was called.")
    width: int
    height: int
    size: int = Field(description="Bytes of the PNG that is kept.")
    sha256: str
    url: str = Field(description="Path of the bytes, usable with the same token.")
    created_at: datetime
    used_at: datetime = Field(description="When it was uploaded, or last named by a job. A month later it is deleted.")

    @classmethod
    def of(cls, image: Image) -> "ImageOut":
        return cls(
            id=image.pk,
            name=image.name,
            width=image.width,
            height=image.height,
            size=image.size,
            sha256=image.sha256,
            url=path_of("image_file", image.pk),
            created_at=image.created_at,
            used_at=image.used_at,
        )


class ImageList(Schema):
    items: list[ImageOut]
    count: int = Field(description="How many there are in all.")


class ImageDeleted(Schema):
    """What is gone now."""

    id: UUID
    name: str
    jobs: int = Field(description="Jobs under way that needed it, and failed.")
    bytes: int = Field(description="Space given back.")
