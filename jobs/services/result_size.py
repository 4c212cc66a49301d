"""How many bytes work is likely to make, learnt from the same work on other recordings."""

import statistics

from django.db.models import QuerySet, Sum

from jobs.engine.model.mediainfo import MediaInfo
from jobs.models import Artifact, Job
from jobs.services import makes

RUNS = 24
"""The newest of a kind that are asked."""
SOUND_BYTES_A_SECOND = 40_000
PICTURES_BYTES = 4 * 1024**2
"""What sound alone, and what is no recording, come to where nothing is known yet."""


def expected(job: Job, info: MediaInfo) -> int:
    """In bytes, of all results together; `info` is what it works on, and `load_seconds` how much of that.

    Results grow with what they are made of, so what is learnt is their share of it: the middle of those of the newest
    runs with the same parameters that matter, else with any.
    """
    found = learnt(job.operation, job.load_key, job.load_seconds, info)
    return _unknown(job, info, _worked_on(job.load_seconds, info)) if found is None else found


def learnt(operation: str, load_key: str, load_seconds: float, info: MediaInfo) -> int | None:
    """As `expected`, of work that need not be a job yet; None while nothing like it was ever done."""
    return Shares().size(operation, load_key, load_seconds, info)


class Shares:
    """What results come to of what they are made of, each kind of work asked about once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], float | None] = {}

    def size(self, operation: str, load_key: str, load_seconds: float, info: MediaInfo) -> int | None:
        """As `learnt`."""
        kind = operation, load_key.partition("|")[0]
        if kind not in self._known:
            self._known[kind] = _share(*kind)
        share = self._known[kind]
        return None if share is None else round(_worked_on(load_seconds, info) * share)


def _share(operation: str, key: str) -> float | None:
    rows = Job.objects.filter(operation=operation, status=Job.Status.SUCCEEDED, dropped_at=None, reuse_of=None)
    shares = _shares(rows.filter(load_key__startswith=f"{key}|")) or _shares(rows)
    return statistics.median(shares) if shares else None


def _worked_on(load_seconds: float, info: MediaInfo) -> float:
    """Bytes of what is worked on."""
    return info.size_bytes * _part(load_seconds, float(info.duration))


def _shares(rows: QuerySet[Job]) -> list[float]:
    facts = (f"{row}__{fact}" for row in ("source", "video") for fact in ("size", "duration_seconds"))
    newest = rows.order_by("-finished_at").values_list("pk", "load_seconds", *facts)[:RUNS]
    sums = (
        Artifact.objects.filter(job__in=[pk for pk, *_ in newest]).order_by().values_list("job").annotate(Sum("size"))
    )
    made = dict(sums)
    shares = []
    for pk, worked, size, seconds, whole_size, whole_seconds in newest:
        size, seconds = (size, seconds) if size else (whole_size, whole_seconds)
        if made.get(pk) and size:
            shares.append(made[pk] / (size * _part(worked, seconds)))
    return shares


def _part(worked: float, seconds: float) -> float:
    """Which part of it is worked on; of several recordings together more than all of one."""
    return worked / seconds if seconds and worked else 1.0


def _unknown(job: Job, info: MediaInfo, source: float) -> int:
    tracks = makes.of_job(job)
    if tracks is None:
        return min(round(source), PICTURES_BYTES)
    return round(source if tracks.picture else min(source, float(info.duration) * SOUND_BYTES_A_SECOND))
