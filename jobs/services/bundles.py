"""Results of several jobs and chains, as the entries of one ZIP file."""

from collections.abc import Callable, Iterable
from functools import partial

from jobs import storage
from jobs.models import Artifact, Job, Run
from jobs.services import naming, runs
from jobs.zip_stream import Entry

MOST = 500
"""How many rows go into one file."""


def entries(rows: Iterable[Job | Run]) -> list[Entry]:
    """The files that are there, each in the folder of its recording and its work; none that is missing, or was only on
    the way. Names that would be equal are told apart by numbers."""
    taken: set[str] = set()
    return [_entry(artifact, taken) for artifact in results(rows)]


def results(rows: Iterable[Job | Run]) -> list[Artifact]:
    found: list[Artifact] = []
    for row in rows:
        jobs = [row] if isinstance(row, Job) else _kept(row)
        found += [one for job in jobs for one in job.artifacts.all() if one.missing_since is None]
    return found


def _kept(run: Run) -> list[Job]:
    passed = set(runs.passed_on(run))
    return [job for name, job in runs.jobs_of(run).items() if name not in passed and not job.dropped_at]


def _entry(artifact: Artifact, taken: set[str]) -> Entry:
    job = artifact.job
    folder = naming.file_name(f"{job.video.title}, {job.step or job.operation_title}".replace("/", " "))
    path = _free(f"{folder}/{naming.file_name(artifact.name)}", taken.__contains__)
    taken.add(path.casefold())
    return Entry(path, artifact.size, partial(storage.open_file, artifact.key), artifact.created_at)


def _free(path: str, is_taken: Callable[[str], bool]) -> str:
    """The path, or one like it that systems which know no capitals take for another."""
    if not is_taken(path.casefold()):
        return path
    stem, dot, ending = path.rpartition(".")
    stem, ending = (stem, dot + ending) if dot and "/" not in ending else (path, "")
    number = 2
    while is_taken(f"{stem} {number}{ending}".casefold()):
        number += 1
    return f"{stem} {number}{ending}"
