"""The page of a recording in parts that ask for themselves: each has a state, a short name for what it shows."""

import contextlib
import functools
import hashlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

from jobs.live import history
from jobs.live.history import History
from jobs.models import Account, Artifact, Job, Video
from jobs.services import results, storyboards, transcripts, version_list
from jobs.services.results import Results
from jobs.services.transcripts import Stored
from jobs.services.version_list import Version


class Parts:
    """What the page of a recording shows of what changes, each read when it is first asked for.

    Who only wants the states `looks` into no file: they are the same. `before` is the place that the lines of what
    happened begin behind.
    """

    def __init__(self, owner: Account, video: Video, *, looks: bool = True, before: str = "") -> None:
        self.owner, self.video, self.looks, self.before = owner, video, looks, before

    @functools.cached_property
    def stored(self) -> Stored | None:
        """The newest transcript; None also while the storage is away."""
        if not self.looks:
            return None
        with contextlib.suppress(OSError):
            return transcripts.of(self.video)
        return None

    @functools.cached_property
    def versions(self) -> list[Version]:
        return version_list.listed(self.video)

    @functools.cached_property
    def active(self) -> list[Job]:
        """The work on the recording that it came from, and on all that was made of that, which has not ended."""
        found = Job.objects.filter(video=self.video.root, under_way=1, handover=False)
        return list(found.without_logs().select_related("source", "video"))

    @functools.cached_property
    def making(self) -> list[Job]:
        """The work that is making versions."""
        return version_list.under_way(self.active)

    @functools.cached_property
    def results(self) -> Results:
        mine = [job for job in self.active if not self.video.artifact_id or job.source_id == self.video.pk]
        return results.of(self.video, self.stored, mine)

    @functools.cached_property
    def history(self) -> History:
        return history.of(self.owner, self.video, self.before)

    @functools.cached_property
    def storyboard(self) -> Artifact | None:
        return storyboards.newest(self.video)

    def state(self, name: str) -> str:
        return STATES[name](self)

    @property
    def states(self) -> dict[str, str]:
        return {name: self.state(name) for name in STATES}


def of_versions(parts: Parts) -> str:
    return short(parts.versions, [(job.pk, job.version) for job in parts.making], parts.video.title)


def of_results(parts: Parts) -> str:
    return short(parts.results.stamp)


def of_history(parts: Parts) -> str:
    return parts.history.state


def of_transcript(parts: Parts) -> str:
    """Of its file alone, which need not be read for that."""
    newest = transcripts.newest(parts.video)
    return short(newest.pk, newest.sha256) if newest else short()


def of_storyboard(parts: Parts) -> str:
    return short(parts.storyboard.pk) if parts.storyboard else short()


def gone_state(owner: Account, pk: UUID | str) -> str:
    """ "" while the recording is there; else a name for how it went."""
    row = Video.with_trash.of(owner).filter(pk=pk).values_list("removal", "removal__is_going").first()
    if row == (None, None):
        return ""
    return short(row[0]) if row and row[1] is False else "deleted"


STATES: dict[str, Callable[[Parts], str]] = {
    "versions": of_versions,
    "results": of_results,
    "history": of_history,
    "transcript": of_transcript,
    "storyboard": of_storyboard,
    "gone": lambda _: "",
}
"""By the name of each part."""


def short(*stamp: Any) -> str:
    return hashlib.sha256(repr(stamp).encode()).hexdigest()[:16]
