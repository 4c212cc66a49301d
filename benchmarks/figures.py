"""How long figures, the operators' page and the metrics take with many jobs: `python benchmarks/figures.py [--jobs
100000] [--accounts 200] [--rounds 5]`, on MariaDB with TEST_DATABASE=mysql in the environment.

Rows are made in a database of its own. Times are those of the wall, the least and the median of the rounds, after one
that is not counted.
"""

import argparse
import os
import random
import statistics
import sys
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402
from prometheus_client import generate_latest  # noqa: E402

from jobs.models import Account, Artifact, Job, Video  # noqa: E402
from jobs.services import figures, queue_load, storage_use  # noqa: E402
from jobs.views import metrics  # noqa: E402
from tests import factories  # noqa: E402
from tests.servers import MariaDB, Redis  # noqa: E402

OPERATIONS = {"silence-cut": "cut", "thumbnails": "fast", "transcribe": "speech", "convert": "encode", "trim": "fast"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    folder = Path(os.environ["TEST_DATA_DIR"])
    redis = Redis(folder, settings.REDIS_SOCKET)
    database = None
    if not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        database = MariaDB(folder / "mariadb", settings.DATABASES["default"]["PORT"])
        database.start()
        database.execute("CREATE DATABASE videoservice CHARACTER SET utf8mb4")
    redis.start()
    try:
        call_command("migrate", verbosity=0)
        make(options.jobs, options.accounts)
        measure_all(options.rounds)
    finally:
        redis.stop()
        if database:
            database.stop()


def make(jobs: int, accounts: int) -> None:
    """A year of jobs, more of them lately: a quarter in the last month, of which a tenth in the last day."""
    random.seed(1)
    owners = [factories.account(f"{number}@example.org") for number in range(accounts)]
    videos = [factories.video(owner, title=f"Recording {n}", size=10**8) for owner in owners for n in range(5)]
    now = timezone.now()
    rows, results = [], []
    for number in range(jobs):
        video = random.choice(videos)
        operation = random.choice(list(OPERATIONS))
        days = random.choices((1, 30, 365), (2.5, 22.5, 75))[0]
        finished = now - timedelta(days=random.random() * days)
        started = finished - timedelta(seconds=random.expovariate(1 / 30))
        queued = started - timedelta(seconds=random.expovariate(1 / 5))
        status = random.choices(Job.TERMINAL, (95, 4, 1))[0]
        code = random.choice(("input", "no_audio", "too_heavy", "timeout")) if status == "failed" else ""
        values = {"status": status, "error_code": code, "queued_at": queued, "started_at": started}
        values |= {"removed_seconds": random.random() * 600 if operation == "silence-cut" else None}
        if number < 300:
            values = {"status": "queued" if number % 10 else "running", "queued_at": queued, "started_at": started}
            finished = None
        job = Job(
            id=uuid.uuid4(),
            owner_id=video.owner_id,
            video=video,
            operation=operation,
            queue=OPERATIONS[operation],
            finished_at=finished,
            active_at=finished or now,
            **values,
        )
        rows.append(job)
        if status == "succeeded" and finished:
            shown = {"kind": "video", "name": "a.mp4", "key": "none", "media_type": "video/mp4", "sha256": "0" * 64}
            results.append(Artifact(job=job, size=random.randrange(10**8), **shown))
    Job.objects.bulk_create(rows, batch_size=1000)
    Artifact.objects.bulk_create(results, batch_size=1000)
    print(f"{Job.objects.count()} jobs, {Video.objects.count()} recordings, {Artifact.objects.count()} results")


def measure(name: str, act: Callable[[], object], rounds: int) -> None:
    times = []
    for _ in range(rounds + 1):
        cache.clear()
        begun = time.perf_counter()
        act()
        times.append((time.perf_counter() - begun) * 1000)
    print(f"{name:40} {min(times[1:]):8.1f} ms {statistics.median(times[1:]):8.1f} ms")


def measure_all(rounds: int) -> None:
    owner = Account.objects.order_by("pk")[1]
    for slug, period in figures.PERIODS.items():
        measure(f"figures of all, {slug}", lambda period=period: figures.figures(None, period), rounds)
        measure(f"figures of one account, {slug}", lambda period=period: figures.figures(owner, period), rounds)
    measure("state of all", lambda: figures.state(None), rounds)
    measure("state of one account", lambda: figures.state(owner), rounds)
    measure("last hour by queue", figures.by_queue, rounds)
    measure("all metrics", lambda: generate_latest(metrics.SITE), rounds)
    measure("what is in the queues", queue_load.every, rounds)
    measure("storage by owner", storage_use.by_owner, rounds)
    measure("storage of one account", lambda: storage_use.of(owner), rounds)


if __name__ == "__main__":
    main()
