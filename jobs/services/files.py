"""The files of recordings and results, as they are sent to those who own them."""

from django.http import Http404

from jobs.file_response import SAFE_PICTURES, Sent
from jobs.models import Artifact, Image, Video
from jobs.services import naming


def of_video(video: Video) -> Sent:
    return Sent(video.key, video.name, naming.media_type(video.key), video.sha256)


def poster_of(video: Video, version: str = "") -> Sent:
    """`version`: which one is meant (`Video.poster_version`); the present one is sent in any case. Raises Http404."""
    if not video.poster:
        raise Http404("this recording has no poster")
    return Sent(video.poster, f"{video.title}.jpg", "image/jpeg", is_named=version == video.poster_version)


def of_artifact(artifact: Artifact) -> Sent:
    is_picture = artifact.media_type in SAFE_PICTURES  # whose bytes never change, unlike those of a transcript
    return Sent(artifact.key, artifact.name, artifact.media_type, artifact.sha256, is_named=is_picture)


def of_image(image: Image) -> Sent:
    return Sent(image.key, f"{image.name}.png", "image/png", image.sha256)
