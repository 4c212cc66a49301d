"""Results of several jobs and chains, as the entries of one ZIP file."""

from collections.abc import Iterable

from jobs.models import Artifact, Job, Run
from jobs.services import packing, runs
from jobs.services.packing import File
from jobs.zip_stream import Entry

MOST = 500
"""How many rows go into one file."""


def entries(rows: Iterable[Job | Run]) -> list[Entry]:
    """Each file in the folder of its recording and its work; none that was only on the way."""
    return packing.entries([File(_path(artifact), artifact) for artifact in results(rows)])


def results(rows: Iterable[Job | Run]) -> list[Artifact]:
    jobs = [job for row in rows for job in ([row] if isinstance(row, Job) else _kept(row))]
    return [artifact for job in jobs for artifact in job.artifacts.all()]


def _kept(run: Run) -> list[Job]:
    passed = set(runs.passed_on(run))
    return [job for name, job in runs.jobs_of(run).items() if name not in passed and not job.dropped_at]


def _path(artifact: Artifact) -> str:
    job = artifact.job
    folder = f"{job.video.title}, {job.step or job.operation_title}"
    return "/".join(name.replace("/", " ") for name in (folder, artifact.name))
