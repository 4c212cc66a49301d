"""What the next page tells in passing."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from jobs.models import Video
from jobs.services import videos


def tell_duplicate(request: HttpRequest, video: Video) -> None:
    """Say when the very same bytes were here before under another name."""
    if first := videos.first_of(video.owner, video.sha256, besides=video):
        messages.info(request, f"“{video.title}” is the same recording as “{first.title}”, which was here already.")
    elif removed := videos.trashed(video.owner, video.sha256):
        told = f"“{video.title}” is the same recording as “{removed.title}”, which lies in the trash with its results."
        messages.info(request, told)


def tell_left_out(request: HttpRequest, video: Video, work: Mapping[str, Mapping[str, Any]]) -> None:
    """Say which of the work ordered with an upload was left out, and why."""
    for operation in videos.left_out(work, video.info):
        messages.info(request, f"{operation.title} was left out: “{video.title}” is sound only.")
