"""What a row of the queue offers of its results: whether they play, how many there are, and how to get them."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from django.urls import reverse

from jobs.models import Artifact, Job

PLAYED = (Artifact.Kind.VIDEO, Artifact.Kind.AUDIO)


@dataclasses.dataclass(frozen=True)
class Tray:
    """`number` counts what is to be seen besides the one that plays, as `what` calls it: “pictures”, “files”."""

    plays: bool = False
    number: int = 0
    what: str = ""
    download: str = ""

    @property
    def symbol(self) -> str:
        return "image" if self.what.startswith("picture") else "list"


def of(job: Job) -> Tray:
    return _tray(list(job.artifacts.all()), str(job.pk)) if job.status == Job.Status.SUCCEEDED else Tray()


def of_chain(flow: Any) -> Tray:
    """Of what the steps of a chain (`jobs.live.flow.Flow`) have made so far; to be had is what does not only pass."""
    kept = [one for link in flow.links if not link.passes for one in link.artifacts]
    return _tray([one for link in flow.links for one in link.artifacts], str(flow.run.pk), kept)


def _tray(artifacts: Sequence[Artifact], row: str, kept: Sequence[Artifact] | None = None) -> Tray:
    there = [one for one in (artifacts if kept is None else kept) if one.missing_since is None]
    if not artifacts:
        return Tray()
    plays = any(one.kind in PLAYED for one in there)
    number = len(artifacts) - plays
    if all(one.kind == Artifact.Kind.IMAGE for one in artifacts):
        what = "pictures" if number > 1 else "picture"
    else:
        what = "files" if number > 1 else "file"
    if len(there) == 1:
        download = f"{reverse('artifact-file', args=[there[0].pk])}?download"
    else:
        download = f"{reverse('queue-zip')}?pk={row}" if there else ""
    return Tray(plays, number, what, download)
