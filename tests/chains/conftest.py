import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from jobs import storage, tasks
from jobs.models import Account, Job, Run, Video
from jobs.services import run_facts, runs, steps, uploads
from jobs.services.steps import Step
from tests import factories, media


@pytest.fixture
def ann() -> Account:
    return factories.account()


@pytest.fixture
def arrive(tmp_path: Path, ann: Account) -> Callable[..., Video]:
    """Receives a recording with picture and sound, as an upload."""

    def make(owner: Account = ann, seconds: int = 4, **options: object) -> Video:
        file = storage.upload_path(uuid.uuid4())
        media.video(tmp_path / "talk.mp4", seconds=seconds).rename(file)
        return uploads.receive(owner, file, name="talk.mp4", **options)

    return make


@pytest.fixture
def talk(arrive: Callable[..., Video]) -> Video:
    return arrive()


def chain(*raw: dict) -> list[Step]:
    return steps.read(raw)


def step(name: str, operation: str, source: str | None = None, keep: bool = False, **params: object) -> dict:
    return {"name": name, "operation": operation, "params": params, "input": source, "keep": keep}


TRIM = step("Trim", "trim", start=1)
MARK = step("Mark", "convert", "Trim")
STILLS = step("Stills", "thumbnails", "Mark", count=1)


def work_off(run: Run) -> Run:
    """Do what is in line, as workers would, until nothing is."""
    while job := Job.objects.filter(run=run, status=Job.Status.QUEUED).order_by("queued_at").first():
        tasks.run_job(str(job.pk))
    run.refresh_from_db()
    return run


def states(run: Run) -> dict[str, str]:
    return {name: job.status for name, job in runs.jobs_of(run).items()}


def passing(run: Run) -> dict[str, int]:
    """Sizes of results that go."""
    (facts,) = run_facts.of([Run.objects.get(pk=run.pk)])
    return dict(facts.passing)


def aged(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(finished_at=run.finished_at - timedelta(hours=2))
