"""What becomes of results when the database is killed as jobs end: `python benchmarks/database_death.py [--rounds 20]`.

Starts a site of its own on a MariaDB of its own. Each round lets a job of six files run to its end, kills MariaDB a few
milliseconds before or after the first file was published, and starts it again later. A job is silent for too long after
6 s here, so that the longer absences make it look lost. At the end every row is held against the disk.
"""

import argparse
import contextlib
import hashlib
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EMAIL = "death@example.org"
FILES = 6
MOMENTS = [("scratch", wait) for wait in (0, 100, 200)] + [
    ("artifacts", wait) for wait in (0, 2, 4, 6, 8, 10, 13, 16, 20, 25, 30, 40, 55, 75, 100, 150, 250)
]
"""When MariaDB is killed: milliseconds after the first file was there."""
ROW = "{:>22} {:>5} {:>10} {:>8} {:>5} {:>6} {:>5} {:>5}"
ABSENCES_SECONDS = (31, 9, 1, 17)


@dataclass
class Round:
    job: str
    folder: str
    wait_ms: int
    absence_seconds: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=len(MOMENTS))
    options = parser.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    os.environ |= {"DJANGO_SETTINGS_MODULE": "tests.settings", "TEST_DATABASE": "mysql"}
    import django

    django.setup()
    from tests.servers import MariaDB
    from tests.settings import free_port
    from tests.site import Sites

    folder = Path(os.environ["TEST_DATA_DIR"])
    database = MariaDB(folder / "mariadb", free_port(), durable=True)
    sites = Sites(folder / "sites", contextlib.nullcontext, database)
    try:
        database.start()
        site = sites.make(LOST_AFTER_SECONDS="6", RECONCILE_SECONDS="1")
        site.start_worker("fast")  # to take over what the first one seems to have lost
        video = upload(site, folder)
        rounds = []
        for number in range(options.rounds):
            (place, wait), absence = MOMENTS[number % len(MOMENTS)], ABSENCES_SECONDS[number % len(ABSENCES_SECONDS)]
            rounds.append(Round(ordered(site, video), place, wait, absence))
            kill(site, database, rounds[-1])
        for one in rounds:
            site.wait_for_job(one.job, seconds=120)
        time.sleep(35)  # so that an attempt which lost its job could do what it wants, too
        print_table(site, rounds)
    finally:
        sites.stop()
        database.stop()


def upload(site: Any, folder: Path) -> str:
    from tests import media

    with media.video(folder / "talk.mp4", seconds=10).open("rb") as file:
        return site.client(EMAIL).post("/api/v1/videos", files={"file": file}).json()["id"]


def ordered(site: Any, video: str) -> str:
    params = {"mode": "even", "count": FILES}
    body = {"video": video, "operation": "thumbnails", "params": params}
    return site.client(EMAIL).post("/api/v1/jobs", json=body).json()["id"]


def kill(site: Any, database: Any, one: Round) -> None:
    from tests.processes import wait_for

    wait_for_file(site.media / one.folder, one.job)
    time.sleep(one.wait_ms / 1000)
    database.stop(signal.SIGKILL)
    time.sleep(one.absence_seconds)
    database.start()
    wait_for(lambda: site.job(one.job).status != "running", "the job not to run any more", 120)


def wait_for_file(folder: Path, job: str) -> None:
    deadline = time.monotonic() + 120
    while not any(found.is_file() for found in folder.glob(f"{job}*/**/*")):
        assert time.monotonic() < deadline, f"nothing came to {folder}"
        time.sleep(0.001)


def print_table(site: Any, rounds: list[Round]) -> None:
    print("MariaDB killed as a job ends")
    print(ROW.format("killed after", "away", "state", "attempt", "rows", "whole", "lost", "left"))
    all_lost = all_orphans = succeeded = 0
    for one in rounds:
        with site.orm():
            state, attempt, rows, whole, orphans = held_against_disk(site, one.job)
        lost = FILES - whole if state == "succeeded" else 0
        all_lost, all_orphans, succeeded = all_lost + lost, all_orphans + orphans, succeeded + (state == "succeeded")
        moment = f"{one.folder} + {one.wait_ms} ms"
        away = f"{one.absence_seconds} s"
        print(ROW.format(moment, away, state, attempt, rows, whole, lost, orphans))
    scratch = list((site.media / "scratch").glob("*"))
    print(f"{succeeded} of {len(rounds)} jobs succeeded, {all_lost} files lost, {all_orphans} left over,", end=" ")
    print(f"{len(scratch)} folders left in scratch, {tracebacks(site)} tracebacks in the log of the worker")


def held_against_disk(site: Any, job: str) -> tuple[str, int, int, int, int]:
    """State, attempt, rows, files that are as their row says, and files that no row knows."""
    from jobs.models import Artifact, Job

    row = Job.objects.get(pk=job)
    rows = {site.media / artifact.key: artifact.sha256 for artifact in Artifact.objects.filter(job=job)}
    files = [found for found in (site.media / "artifacts" / job).rglob("*") if found.is_file()]
    there = {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    whole = sum(there.get(file) == sha256 for file, sha256 in rows.items())
    return row.status, row.attempt, len(rows), whole, len(there.keys() - rows.keys())


def tracebacks(site: Any) -> int:
    return sum(process.said().count("Traceback") for process in site.workers("fast"))


if __name__ == "__main__":
    main()
