"""What a page costs, by how many jobs there are: `python benchmarks/pages.py [--jobs 100 10000 100000] [--line 10000]
[--rounds 5] [--only queue] [--explain] [--save FILE] [--before FILE]`; on MariaDB with TEST_DATABASE=mysql.

Processor time in milliseconds, the median of the rounds after one that is not counted: `web` is that of the process
that answers, in which SQLite works too, `base` that of MariaDB. Further `queries`, and `KB` of the answer. Pages that
lie further back are reached by the links to older ones. What is kept of figures for a minute is forgotten before.

The rows are made first, which takes minutes; `--data FOLDER` keeps them, for the next time and another version. With
`--before`, a file that `--save` wrote, both stand in one table. `--explain` prints how the database goes about each
statement of the pages chosen by `--only`.
"""

import argparse
import functools
import json
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NEXT = re.compile(r'<a[^>]*\brel="next"[^>]*>')


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, nargs="*", default=[100, 10_000, 100_000])
    parser.add_argument("--line", type=int, default=10_000, help="jobs in line of one account, and of 100 accounts")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="of the rows whose name holds this")
    parser.add_argument("--explain", action="store_true")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--before", type=Path)
    return parser.parse_args()


@dataclass(frozen=True)
class Page:
    """`back`: so many links to older ones further. `cold`: with nothing kept of figures. `part`: as an open page asks
    for a part of itself."""

    name: str
    address: str
    back: int = 0
    cold: bool = False
    part: bool = False


PAGES = [
    Page("queue", "/queue/"),
    Page("queue, running", "/queue/?status=running"),
    Page("queue, waiting", "/queue/?status=waiting"),
    Page("queue, done", "/queue/?status=done"),
    Page("queue, failed", "/queue/?status=failed"),
    Page("queue, 1 back", "/queue/", back=1),
    Page("queue, 15 back", "/queue/", back=15),
    Page("queue, what a page polls", "/queue/rows/?view=queue"),
    Page("queue, search", "/queue/?q=garden"),
    Page("queue, search for nothing", "/queue/?q=nowhere"),
    Page("queue, done, 15 back", "/queue/?status=done", back=15),
    Page("library", "/"),
    Page("library, 15 back", "/", back=15),
    Page("library, search", "/?q=garden+talk"),
    Page("recording with many jobs", "/videos/{video}/"),
    Page("trash", "/trash/"),
    Page("trash, 1 back", "/trash/", back=1),
    Page("imports", "/imports/", part=True),
    Page("only the bar", "/account/notices/"),
    Page("stats", "/stats/", cold=True),
    Page("usage", "/account/usage/", cold=True),
    Page("admin, jobs", "/admin/jobs/job/"),
    Page("admin, failed jobs", "/admin/jobs/job/?status__exact=failed"),
    Page("GET /jobs", "/api/v1/jobs"),
    Page("GET /jobs, offset 1000", "/api/v1/jobs?offset=1000"),
    Page("GET /jobs?status", "/api/v1/jobs?status=failed"),
    Page("GET /jobs?since", "/api/v1/jobs?since={since}"),
    Page("GET /runs", "/api/v1/runs"),
    Page("GET /videos", "/api/v1/videos"),
    Page("GET /videos?search", "/api/v1/videos?search=garden"),
    Page("GET /trash", "/api/v1/trash"),
]
"""`{video}` is the recording of the account with the most jobs, `{since}` a time a day ago."""


@dataclass
class Cost:
    web: float
    base: float
    queries: int
    kilobytes: float


@dataclass
class Meter:
    """Counts statements and processor time. `database` is the process of MariaDB, 0 on SQLite."""

    database: int = 0
    statements: list[tuple[str, Any]] = field(default_factory=list)

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.statements.append((sql, params))
        return execute(sql, params, many, context)

    def of_database(self) -> float:
        """Milliseconds that it has worked."""
        if not self.database:
            return 0.0
        threads = Path(f"/proc/{self.database}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e6

    def measure(self, act: Callable[[], int | None], rounds: int, before: Callable[[], None] = lambda: None) -> Cost:
        web, base, size = [], [], 0
        for _ in range(rounds + 1):
            before()
            self.statements.clear()
            begun, begun_base = time.process_time(), self.of_database()
            size = act() or 0
            web.append((time.process_time() - begun) * 1000)
            base.append(self.of_database() - begun_base)
        return Cost(
            statistics.median(web[1:]), statistics.median(base[1:]), len(self.statements), round(size / 1024, 1)
        )


@contextmanager
def servers(data: Path | None) -> Iterator[int]:
    """Redis and the database, with the schema of this version; the process of MariaDB, or 0."""
    from django.conf import settings
    from django.core.management import call_command

    from tests.servers import MariaDB, Redis

    folder = Path(os.environ["TEST_DATA_DIR"])
    redis, kept = Redis(folder, settings.REDIS_SOCKET), data or folder
    base = settings.DATABASES["default"]
    maria = MariaDB(kept / "mariadb", base["PORT"]) if "mysql" in base["ENGINE"] else None
    if maria:
        maria.OPTIONS = f"{maria.OPTIONS} --innodb-buffer-pool-size=512M --tmpdir={folder}"
        maria.start()
        maria.execute("CREATE DATABASE IF NOT EXISTS videoservice CHARACTER SET utf8mb4")
    else:
        kept.mkdir(exist_ok=True, parents=True)
        base["NAME"] = kept / "pages.sqlite3"
    redis.start()
    try:
        call_command("migrate", verbosity=0)
        yield maria.process.pid if maria and maria.process else 0
    finally:
        redis.stop()
        if maria:
            maria.stop()


def make(sizes: list[int], line: int) -> None:
    """What is not there yet."""
    import many_rows
    from django.db import connection

    from jobs.models import Account

    many_rows.experience()
    for size in sizes:
        if not Account.objects.filter(email=f"{size}@example.org").exists():
            many_rows.account(str(size), size, staff=True)
    for queue, owners in {"encode": 1, "cut": 100}.items():
        if line and not Account.objects.filter(email=f"{queue}-0@example.org").exists():
            many_rows.line(queue, line, owners)
    with connection.cursor() as cursor:
        cursor.execute(
            "ANALYZE TABLE jobs_job, jobs_run, jobs_video, jobs_artifact, jobs_removal"
            if connection.vendor == "mysql"
            else "ANALYZE"
        )
        cursor.fetchall()


def acts(email: str, only: str) -> Iterator[tuple[str, Callable[[], int], bool]]:
    """The pages as this account sees them: a name, what asks for one and gives its size, and whether it is cold."""
    from django.db.models import Count
    from django.test import Client
    from django.utils import timezone

    from jobs.models import Account

    owner, client = Account.objects.get(email=email), Client(headers={"host": "localhost"})
    client.force_login(owner)
    client.get("/account/")  # notes where the session is used
    videos = owner.videos.annotate(count=Count("jobs")).order_by("-count")
    places = {"video": videos[0].pk, "since": (timezone.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")}
    for page in PAGES:
        if only not in page.name:
            continue
        address = further(client, page.address.format(**places), page.back)
        if address:
            headers = {"HX-Request": "true"} if page.part else {}
            yield page.name, functools.partial(ask, client, address, headers), page.cold


def further(client: Any, address: str, back: int) -> str:
    """The page so many links to older ones further; "" where there is none."""
    path = address.partition("?")[0]
    for _ in range(back):
        link = NEXT.search(client.get(address).content.decode())
        if not link:
            return ""
        target = re.search(r'href="([^"]*)"', link[0])
        assert target
        address = path + target[1].replace("&amp;", "&")
    return address


def ask(client: Any, address: str, headers: dict[str, str]) -> int:
    """The size of the answer in bytes."""
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200, (address, answer.status_code, answer.get("Location"), answer.content[:300])
    return len(answer.content)


def rounds_of_site() -> dict[str, Callable[[], Any]]:
    """What the site does by itself, with all that is in line."""
    from django.db import transaction

    from jobs.models import Job
    from jobs.services import line, queue_position, reconcile, runs

    def take(queue: str) -> None:
        """Without lasting effect."""
        with transaction.atomic():
            assert line.take(queue, "here 1")
            transaction.set_rollback(True)

    last = {queue: Job.objects.filter(queue=queue, status="queued").order_by("-queued_at").first() for queue in QUEUES}
    found: dict[str, Callable[[], Any]] = {}
    for queue, job in last.items():
        if job:
            found[f"take one, {QUEUES[queue]}"] = lambda queue=queue: take(queue)
            found[f"place of the last, {QUEUES[queue]}"] = lambda job=job: len(queue_position.places([job]))
    found["reconciler: ringing"] = reconcile.ring_forgotten
    found["reconciler: a round"] = reconcile.sweep
    found["reconciler: chains"] = runs.sweep
    return found


QUEUES = {"encode": "line of one account", "cut": "line of 100"}


def main() -> None:
    asked = options()
    sys.path.insert(0, str(ROOT))
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()
    from django.db import connection

    before = json.loads(asked.before.read_text()) if asked.before else {}
    costs = {}
    with servers(asked.data) as database:
        make(asked.jobs, asked.line)
        meter = Meter(database)
        with connection.execute_wrapper(meter):
            if asked.explain:
                explained(asked, meter)
                return
            print(
                f"{'page':28} {'jobs':>20} {'web':>8} {'base':>8} {'queries':>8} {'KB':>7}", "before" if before else ""
            )
            for name, cost in measured(asked, meter):
                costs[name] = cost
                print_row(name, cost, before)
                if asked.save:
                    asked.save.write_text(json.dumps({name: asdict(cost) for name, cost in costs.items()}))


def measured(asked: argparse.Namespace, meter: Meter) -> Iterator[tuple[str, Cost]]:
    from django.core.cache import cache

    for size in asked.jobs:
        for name, act, cold in acts(f"{size}@example.org", asked.only):
            yield f"{name} | {size}", meter.measure(act, asked.rounds, cache.clear if cold else lambda: None)
    for queue, told in QUEUES.items():
        for name, act, _ in acts(f"{queue}-0@example.org", "queue") if asked.line and not asked.only else ():
            if name in ("queue", "queue, 1 back", "queue, what a page polls"):
                yield f"{name} | {told}", meter.measure(act, asked.rounds)
    for name, act in rounds_of_site().items() if asked.line else ():
        if asked.only in name:
            yield f"{name} |", meter.measure(act, asked.rounds)


def explained(asked: argparse.Namespace, meter: Meter) -> None:
    """Prints the plans of the statements of the chosen pages, for the account with the most jobs."""
    from django.db import connection

    chosen = [(name, act) for name, act, _ in acts(f"{asked.jobs[-1]}@example.org", asked.only)]
    for name, act in chosen:
        meter.statements.clear()
        act()
        print(f"\n=== {name}")
        for sql, params in list(meter.statements):
            if sql.startswith("SELECT"):
                print_plan(connection, sql, params)


def print_plan(connection: Any, sql: str, params: Any) -> None:
    how = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
    with connection.cursor() as cursor:
        begun = time.perf_counter()
        cursor.execute(sql, params)
        cursor.fetchall()
        took = (time.perf_counter() - begun) * 1000
        cursor.execute(how + sql, params)
        print(f"\n{took:.1f} ms  {re.sub(r'SELECT .*? FROM', 'SELECT … FROM', sql, count=1)[:700]}")
        for row in cursor.fetchall():
            print("   ", *row)


def print_row(name: str, cost: Cost, before: dict[str, dict[str, float]]) -> None:
    page, _, jobs = name.partition(" |")
    told = f"{page:28} {jobs.strip():>20} {cost.web:>8.1f} {cost.base:>8.1f} {cost.queries:>8} {cost.kilobytes:>7}"
    if old := before.get(name):
        ratio = (cost.web + cost.base) / (old["web"] + old["base"])
        told += f" {old['web']:>8.1f} {old['base']:>8.1f} {old['queries']:>8} {ratio:>7.2f}"
    print(told, flush=True)


if __name__ == "__main__":
    main()
