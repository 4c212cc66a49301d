"""The versions of a recording as its page lists them: the original, what stands for it, and what is being made."""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.urls import reverse

from jobs import wording
from jobs.errors import InputError
from jobs.models import Artifact, Job, Keeping, Video
from jobs.operations import registry
from jobs.services import makes, naming, versions

MOST_LISTED = 100


@dataclasses.dataclass(frozen=True)
class Version:
    """`seconds` is None where nobody has measured it yet, `size` in bytes, `note` what sets it apart in a few words.
    `job` made it. `keeping` tells how far it is on its way to be a recording of its own, where it is."""

    pk: UUID
    name: str
    seconds: float | None
    size: int
    note: str = ""
    of: str = ""
    is_checked: bool = False
    is_missing: bool = False
    poster_url: str = ""
    kind: str = "video"
    job: UUID | None = None
    keeping: str = ""
    is_being_kept: bool = False

    @property
    def is_original(self) -> bool:
        return self.job is None

    @property
    def file(self) -> str:
        """The address of its bytes."""
        return reverse("video-file" if self.is_original else "artifact-file", args=[self.pk])

    @property
    def state(self) -> str:
        """A short name for what is drawn of it."""
        return hashlib.sha256(repr(dataclasses.astuple(self)).encode()).hexdigest()[:16]

    @property
    def said(self) -> str:
        """“Trimmed of “talk cut”, 0:06”."""
        called = " ".join(filter(None, (self.name, self.of)))
        return ", ".join(filter(None, (called, wording.clock(self.seconds))))

    @property
    def facts(self) -> str:
        """“310 MB · 91 % untouched”."""
        return " · ".join(filter(None, (wording.size(self.size), self.note, self.of)))


def listed(video: Video) -> list[Version]:
    """What was made of the recording that this one came from, newest first, and then that recording."""
    root = video.root
    found = list(versions.of_video(root).exclude(job__operation__in=_others())[:MOST_LISTED])
    several = Counter(one.job_id for one in found)
    return [*(_of_result(one, root, several[one.job_id] > 1) for one in found if not one.job.handover), _original(root)]


def under_way(jobs: Iterable[Job]) -> list[Job]:
    """Those of these that are running or in line, and will make a version."""
    return [job for job in jobs if is_at_work(job) and will_make_version(job)]


def is_at_work(job: Job) -> bool:
    """Whether it has its turn, or waits for nothing but that."""
    return job.status in (Job.Status.RUNNING, Job.Status.QUEUED)


def will_make_version(job: Job) -> bool:
    try:
        return job.kind.makes_versions and makes.of_job(job) is not None
    except (InputError, KeyError):  # work that this install does not know
        return False


def _others() -> list[str]:
    """Operations whose results do not stand for the whole recording."""
    return [operation.slug for operation in registry.every() if not operation.makes_versions]


def _original(root: Video) -> Version:
    return Version(
        root.pk,
        "Original",
        root.duration_seconds,
        root.size,
        note="never changed",
        is_missing=root.missing_since is not None,
        poster_url=root.poster_url,
        kind=root.kind,
    )


def _of_result(artifact: Artifact, root: Video, is_one_of_several: bool) -> Version:
    row: Video | None = getattr(artifact, "recording", None)
    kept: Keeping | None = getattr(row, "keeping", None)
    job, told = artifact.job, artifact.told
    called = naming.title(artifact.name)
    name = (
        row.title
        if row and row.title != called
        else called
        if is_one_of_several
        else job.step or registry.version_name(job.operation)
    )
    return Version(
        artifact.pk,
        name,
        row.duration_seconds if row else told.output_seconds or _number(artifact.metadata.get("duration")),
        artifact.size,
        note=note(artifact),
        of=f"of “{job.source.title}”" if job.source else "",
        is_checked=bool(told.checked),
        is_missing=artifact.missing_since is not None,
        poster_url=(row.poster_url if row else "") or root.poster_url,
        kind=artifact.kind,
        job=job.pk,
        keeping=kept.said if kept else "",
        is_being_kept=bool(kept and kept.is_under_way),
    )


def note(artifact: Artifact) -> str:
    """“91 % untouched”, “encoded anew”, or what was done: “H.264, 426 × 240”."""
    frames, copied = artifact.metadata.get("frames"), artifact.metadata.get("frames_copied")
    if isinstance(frames, int) and isinstance(copied, int) and frames:
        share = wording.percent(copied / frames)
        return "encoded anew" if share == wording.percent(0) else f"{share} untouched"
    return artifact.told.summary or ""


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
