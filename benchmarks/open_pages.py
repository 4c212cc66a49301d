"""What a change costs, and when it shows, with many pages open: `python benchmarks/open_pages.py [--pages 1000]`.

Against a real site (Redis, `--web` web processes, no workers); a client process of its own holds the sockets. For each
kind of page: how long all of them take to connect at once, when the median, 95 % and the last of them see a change, and
what of the processor the web processes and Redis take for it; then the web process is started again.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from real_site import ROOT, real_site

TICKS = os.sysconf("SC_CLK_TCK")
QUIET_SECONDS = 1.0
"""After a change was seen, for what is still done because of it."""


class Client:
    """The process that holds the pages."""

    def __init__(self, url: str) -> None:
        argv = [sys.executable, str(ROOT / "benchmarks" / "many_pages.py"), url]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **request: Any) -> dict[str, Any]:
        self.tell(**request)
        return self.answer()

    def tell(self, **request: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()


def spent(site: Any) -> float:
    """Seconds of a processor that the site's processes have taken so far."""
    pids = [site.redis.process.pid, *(process.pid for process in site.processes.values())]
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(one[11]) + int(one[12]) for one in fields) / TICKS


def sessions(owners: list[Any]) -> list[str]:
    """The keys of new ones, in the order of their owners."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore
    from django.contrib.sessions.models import Session
    from django.utils import timezone

    made = []
    for one in owners:
        store = SessionStore()
        data = {
            SESSION_KEY: str(one.pk),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: one.get_session_auth_hash(),
        }
        expires = timezone.now() + timezone.timedelta(days=1)
        made.append(
            Session(session_key=store._get_new_session_key(), session_data=store.encode(data), expire_date=expires)
        )
    Session.objects.bulk_create(made)
    return [one.session_key for one in made]


class Rows:
    """What the pages show: an owner with 50 rows and one running job, and others with a job in line each."""

    def __init__(self, site: Any, count: int) -> None:
        from django.conf import settings
        from django.utils import timezone

        from jobs.models import Account, Artifact, Job, Video
        from tests import factories

        self.site = site
        with site.orm():
            ann = factories.account("ann@example.org", is_staff=True, is_superuser=True)
            others = [Account(email=f"one{n}@example.org", password="!", is_staff=True) for n in range(count - 1)]
            Account.objects.bulk_create(others)
            self.owners = [ann, *Account.objects.exclude(pk=ann.pk).order_by("pk")]
            film = factories.video(ann)
            fields: dict[str, Any] = {"owner": ann, "video": film, "operation": "thumbnails", "queue": "fast"}
            done = Job.objects.bulk_create(Job(**fields, status="succeeded") for _ in range(2000))
            Artifact.objects.bulk_create(
                Artifact(
                    job=job, position=n, kind="image", name=f"{n}.jpg", key="none", size=1, media_type="image/jpeg"
                )
                for job in done[-50:]
                for n in range(6)
            )
            self.running = factories.job(ann, video=film, status=Job.Status.RUNNING)
            films = Video.objects.bulk_create(
                Video(
                    owner=one,
                    title="Talk",
                    name="talk.mp4",
                    key="none",
                    size=1,
                    sha256="0" * 64,
                    kind="video",
                    duration_seconds=10,
                    details=film.details,
                )
                for one in self.owners
            )
            now = timezone.now()
            Job.objects.bulk_create(
                Job(
                    owner=one.owner,
                    video=one,
                    operation="convert",
                    queue="encode",
                    params={"version": 1},
                    queued_at=now,
                    load_seconds=10,
                )
                for one in films
            )
            self.cookies = [f"{settings.SESSION_COOKIE_NAME}={key}" for key in sessions(self.owners)]
        self.steps = iter(range(1, 1000))

    def advance(self) -> None:
        """The running job of the first owner goes on."""
        from jobs import publish

        with self.site.orm():
            assert self.running.advance(1, next(self.steps) / 100, "Encoding", None)
            publish.job_changed(self.running)

    def leave(self) -> None:
        """The first in line leaves it: everybody else moves up."""
        from jobs import publish
        from jobs.models import Job

        with self.site.orm():
            job = Job.objects.filter(status=Job.Status.QUEUED, queue="encode").order_by("queued_at", "pk").first()
            Job.objects.filter(pk=job.pk).update(status=Job.Status.CANCELLED, version=job.version + 1)
            job.refresh_from_db()
            publish.line_changed(job)


def run(site: Any, rows: Rows, pages: int, rounds: int, only: str) -> None:
    queue, bar = "/ws/queue/?view=queue", "/ws/queue/?view=bar"
    library, stats, operators = (
        f"/ws/queue/?view={name}" for name in ("library", "stats&whose=everybody", "operators")
    )
    count, row, state = "queue-count", 'id="jobs"', "data-state"
    one, each = [rows.cookies[0]] * pages, rows.cookies[:pages]
    kinds: list[tuple[str, str, list[str], Callable[[], None], str, int]] = [
        ("queue, one owner", queue, one, rows.advance, row, pages),
        ("queue, each its owner; one moves on", queue, each, rows.advance, row, 1),
        ("queue, each its owner; the line moves", queue, each, rows.leave, row, pages - 1),
        ("bar, one owner", bar, one, rows.advance, count, pages),
        ("bar, each its owner; the line moves", bar, each, rows.leave, count, 1),
        ("library, one owner", library, one, rows.advance, count, pages),
        ("figures of all, one operator", stats, one, rows.advance, count, pages),
        ("operators, one operator", operators, one, rows.advance, state, pages),
        ("operators, each its operator", operators, each, rows.advance, state, pages),
    ]
    print(f"{'pages':<40} {'open':>7} {'of CPU':>7}  {'median':>7} {'95 %':>7} {'last':>7} {'CPU':>7} {'heard':>6}")
    for told, path, cookies, change, marker, count_heard in kinds:
        if only and only not in told:
            continue
        client = Client(site.url)
        try:
            before = spent(site)
            shown = client.ask(open=[[path, cookie] for cookie in cookies])["shown"]
            time.sleep(QUIET_SECONDS)
            opened = spent(site) - before
            middles, nearly, lasts, costs, heard = [], [], [], [], 0
            for _ in range(rounds):
                time.sleep(QUIET_SECONDS)
                client.ask(hear=marker)
                before, begun = spent(site), time.time()
                change()
                at = [one - begun for one in client.ask(heard=count_heard, within=30)["at"]]
                time.sleep(QUIET_SECONDS)
                costs.append(spent(site) - before)
                heard += len(at)
                at = at or [30.0]
                middles.append(at[len(at) // 2])
                nearly.append(at[int(len(at) * 0.95)])
                lasts.append(at[-1])
            figures = [sum(part) / rounds for part in (middles, nearly, lasts, costs)]
            line = " ".join(f"{figure:>7.2f}" for figure in figures)
            print(
                f"{told:<40} {shown[-1]:>7.2f} {opened:>7.2f}  {line} {heard // rounds:>6}  ({len(shown)} open)",
                flush=True,
            )
        finally:
            client.end()


def restart(site: Any, rows: Rows, pages: int, each_its_own: bool, again: Callable[[], None]) -> None:
    client = Client(site.url)
    try:
        cookies = rows.cookies[:pages] if each_its_own else [rows.cookies[0]] * pages
        client.ask(open=[["/ws/queue/?view=queue", cookie] for cookie in cookies])
        time.sleep(2)
        begun = time.time()
        client.tell(lose=60)
        again()
        answer = client.answer()
        back = [one - begun for one in answer["back"]]
        kind = "each its owner" if each_its_own else "one owner"
        late = sum(one > 20 for one in back) + answer["lost"]
        print(
            f"{kind}: {len(back)} of {pages} back, median {back[len(back) // 2]:.1f} s, last {back[-1]:.1f} s "
            f"after the signal; {late} not within 20 s; {answer['tries']} connects in vain",
            flush=True,
        )
    finally:
        client.end()


def again(site: Any) -> None:
    """Start all web processes again, at the same time."""
    old = [site.processes.pop(name) for name in list(site.processes) if name.startswith("web")]
    for process in old:
        os.kill(process.pid, signal.SIGTERM)
    for process in old:
        process.end()
        site.start_web()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--no-restart", action="store_true")
    parser.add_argument("--web", type=int, default=1, help="web processes")
    options = parser.parse_args()
    with real_site(only_web=True, webs=options.web) as (site, _):
        hear(site)
        rows = Rows(site, options.pages)
        run(site, rows, options.pages, options.rounds, options.only)
        if not options.no_restart:
            for each in (False, True):
                restart(site, rows, options.pages, each, lambda: again(site))


def hear(site: Any) -> None:
    """Messages of this process reach the pages of the site."""
    from channels.layers import channel_layers
    from channels_redis.pubsub import RedisPubSubChannelLayer

    channel_layers.set("default", RedisPubSubChannelLayer(hosts=[f"unix://{site.redis.socket}"], prefix="live"))


if __name__ == "__main__":
    main()
