"""The storyboard of a recording: the newest one that was made of it, as players take it."""

from typing import Any
from urllib.parse import quote

from django.db.models import OuterRef, Subquery
from django.urls import reverse

from jobs import storage
from jobs.models import Artifact, Job, Video
from jobs.models.artifact import ArtifactQuerySet


def every() -> ArtifactQuerySet:
    """The WebVTT files of all storyboards, newest first."""
    found = Artifact.objects.filter(job__operation="thumbnails", kind=Artifact.Kind.DATA, media_type="text/vtt")
    return found.order_by("-created_at")


def newest_of_each() -> Any:
    """For annotating recordings: the id of their newest storyboard, None without one."""
    return Subquery(every().filter(job__video=OuterRef("pk"), job__on_result=False).values("pk")[:1])


def newest(video: Video) -> Artifact | None:
    return every().filter(job__in=Job.objects.on(video)).first()


def cues(board: Artifact) -> str:
    """The WebVTT file with the addresses of its sheets here, in place of what they are called when downloaded.

    Raises FileNotFoundError when the file is gone.
    """
    text = storage.read(board.key).decode()
    for sheet in Artifact.objects.filter(job=board.job_id, kind=Artifact.Kind.IMAGE):
        text = text.replace(f"\n{quote(sheet.name)}#", f"\n{reverse('artifact-file', args=[sheet.pk])}#")
    return text
