"""MariaDB killed in the middle of work, and back later: every result is there, once and whole."""

import contextlib
import hashlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.models import Artifact, Job, Run
from tests import media
from tests.chains.conftest import step
from tests.processes import wait_for
from tests.servers import MariaDB
from tests.settings import ON_MARIADB, free_port
from tests.site import Site, Sites

pytestmark = [
    pytest.mark.database,
    pytest.mark.processes,
    pytest.mark.skipif(not ON_MARIADB, reason="the rows are looked at from here, with the database that tests run on"),
]
FOLDER = Path(os.environ["TEST_DATA_DIR"])
LOST_AFTER_SECONDS = 6


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> Path:
    """Each test kills a server of its own."""
    return FOLDER / f"death{list(request.session.items).index(request.node)}"


@pytest.fixture
def database(folder: Path) -> Iterator[MariaDB]:
    server = MariaDB(folder / "mariadb", free_port(), durable=True)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def site(folder: Path, database: MariaDB, django_db_blocker: Any) -> Iterator[Site]:
    sites = Sites(folder, django_db_blocker.unblock, database)
    try:
        yield sites.make(LOST_AFTER_SECONDS=str(LOST_AFTER_SECONDS), RECONCILE_SECONDS="1")
    finally:
        sites.stop()


def test_a_result_outlives_a_database_that_dies_while_it_is_recorded(site: Site, database: MariaDB, tmp_path: Path):
    recording, client = media.video(tmp_path / "talk.mp4"), site.client("ann@example.org")
    with recording.open("rb") as file:
        video = client.post("/api/v1/videos", files={"file": file}).json()["id"]
    with contextlib.closing(database.connect(site.name)) as connection:
        connection.query("LOCK TABLES jobs_artifact READ")  # the others can read them only, too
        job = client.post("/api/v1/jobs", json={"video": video, "operation": "thumbnails"}).json()["id"]
        wait_for(lambda: inserting(database), "the result to be recorded")
        database.stop(signal.SIGKILL)
    time.sleep(LOST_AFTER_SECONDS + 2)  # by now the job is silent for too long
    database.start()
    row = site.wait_for_job(job, seconds=120)
    assert (row.status, row.attempt) == (Job.Status.SUCCEEDED, 1), site.said()
    with site.orm():
        recorded = {site.media / artifact.key: artifact.sha256 for artifact in Artifact.objects.filter(job=job)}
    files = [found for found in (site.media / "artifacts").rglob("*") if found.is_file()]
    assert len(files) == 6
    assert {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in files} == recorded
    assert "Traceback" not in "".join(process.said() for process in site.workers("fast"))


def test_a_chain_outlives_a_database_that_dies_in_its_middle(site: Site, database: MariaDB, tmp_path: Path):
    recording, client = media.video(tmp_path / "talk.mp4", seconds=30), site.client("ann@example.org")
    with recording.open("rb") as file:
        video = client.post("/api/v1/videos", files={"file": file}).json()["id"]
    steps = [
        step("Trim", "trim", start=1),
        step("Small", "convert", "Trim", quality="small", resolution=64, target="webm"),
        step("Stills", "thumbnails", "Small", count=2),
    ]
    run = client.post(f"/api/v1/videos/{video}/pipeline", json={"steps": steps}).json()["id"]
    wait_for(lambda: is_at_work(site, run, "Small"), "the second step to be at work", 60)
    database.stop(signal.SIGKILL)
    time.sleep(LOST_AFTER_SECONDS + 2)
    database.start()
    wait_for(lambda: ended(site, run), f"the chain to end:\n{site.said()}", 120)
    with site.orm():
        jobs = list(Job.objects.filter(run=run))
        assert sorted((job.step, job.status) for job in jobs) == sorted((one["name"], "succeeded") for one in steps)
        known = {site.media / artifact.key for artifact in Artifact.objects.filter(job__run=run)}
    assert {found for found in (site.media / "artifacts").rglob("*") if found.is_file()} == known


def is_at_work(site: Site, run: str, name: str) -> bool:
    with site.orm():
        return Job.objects.filter(run=run, step=name, status=Job.Status.RUNNING, progress__gt=0).exists()


def ended(site: Site, run: str) -> bool:
    with site.orm():
        return Run.objects.get(pk=run).status in Job.TERMINAL


def inserting(database: MariaDB) -> bool:
    """Whether somebody is held up at writing the row of a result."""
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'INSERT INTO%jobs_artifact%'"
        )
        return cursor.fetchone()[0] > 0
