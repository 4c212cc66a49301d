"""The files of recordings and results, as they are sent to those who own them."""

from django.http import Http404

from jobs.file_response import Sent
from jobs.models import Artifact, Image, Video
from jobs.services import naming


def of_video(video: Video) -> Sent:
    return Sent(video.key, video.name, naming.media_type(video.key), video.sha256)


def poster_of(video: Video) -> Sent:
    if not video.poster:
        raise Http404("this recording has no poster")
    return Sent(video.poster, f"{video.title}.jpg", "image/jpeg")


def of_artifact(artifact: Artifact) -> Sent:
    return Sent(artifact.key, artifact.name, artifact.media_type, artifact.sha256)


def of_image(image: Image) -> Sent:
    return Sent(image.key, f"{image.name}.png", "image/png", image.sha256)
