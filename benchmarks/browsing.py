"""How long pages take while many people browse beside two encodes: `python benchmarks/browsing.py [--people 200]`.

Against a real site (Redis, `--web` web processes that share a socket). Each of the people has an account with
recordings and jobs, goes from page to page with pauses, and has the socket of the page open meanwhile. The encodes are
two of x264 as workers run them: of 4K, nice, each with half of the processors. A client process of its own asks.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from real_site import ROOT, real_site

RECORDINGS, JOBS = 12, 30
"""What each of the people has."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--pause", type=float, default=10, help="seconds between two pages of one of them, on average")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--web", type=int, nargs="*", default=[1, 2], help="web processes, one run for each figure")
    parser.add_argument("--threads", type=int, nargs="*", default=[0], help="WEB_THREADS, one run each; 0: the default")
    parser.add_argument("--encodes", type=int, default=2)
    parser.add_argument("--ask", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask:
        print(json.dumps(asyncio.run(browse(json.loads(options.ask), sys.stdin.read().split("\n")))))
        return
    head = f"{'webs':>4} {'threads':>7} {'pages':>6} {'a second':>8} {'median':>7} {'95 %':>7} {'99 %':>7} {'worst':>7}"
    print(f"{head} {'failed':>6} {'CPU/page':>8}  load")
    for webs in options.web:
        for threads in options.threads:
            run(webs, threads, options)


def run(webs: int, threads: int, options: argparse.Namespace) -> None:
    env = {"WEB_THREADS": str(threads)} if threads else {}
    with real_site(only_web=True, webs=webs, **env) as (site, _):
        cookies, places = people(site, options.people)
        asked = json.dumps({"url": site.url, "pause": options.pause, "seconds": options.seconds, "places": places})
        with encodes(options.encodes):
            before, began = spent(site), time.monotonic()
            argv = [sys.executable, str(ROOT / "benchmarks" / "browsing.py"), "--ask", asked]
            done = subprocess.run(argv, input="\n".join(cookies), capture_output=True, text=True, check=True)
            cost, took = spent(site) - before, time.monotonic() - began
        answer = json.loads(done.stdout)
        times = sorted(one for part in answer["times"].values() for one in part)
        figures = [times[int(len(times) * share)] for share in (0.5, 0.95, 0.99)]
        line = " ".join(f"{one * 1000:>7.0f}" for one in [*figures, times[-1]])
        print(
            f"{webs:>4} {threads or '':>7} {len(times):>6} {len(times) / took:>8.1f} {line} {answer['failed']:>6} "
            f"{cost / (len(times) + len(cookies)) * 1000:>8.1f}  {os.getloadavg()[0]:.1f}",
            flush=True,
        )
        for place, part in sorted(answer["times"].items()):
            print(f"      {place:<10} {len(part):>5} {statistics.median(part) * 1000:>7.0f} ms", flush=True)


def spent(site: Any) -> float:
    from open_pages import spent as of_site

    return of_site(site)


def people(site: Any, count: int) -> tuple[list[str], list[dict[str, str]]]:
    """The cookie of each, and where each may go, by the name of the page."""
    from django.conf import settings
    from open_pages import sessions

    from jobs.models import Account, Job, Video
    from tests import factories

    with site.orm():
        template = factories.video(factories.account("template@example.org"))
        Account.objects.bulk_create(Account(email=f"one{n}@example.org", password="!") for n in range(count))
        owners = list(Account.objects.filter(email__startswith="one").order_by("pk"))
        films = Video.objects.bulk_create(
            Video(owner=one, title=f"Talk {n}", name="talk.mp4", key="none", size=1, sha256="0" * 64, kind="video",
                  duration_seconds=10, details=template.details)
            for one in owners
            for n in range(RECORDINGS)
        )  # fmt: skip
        jobs = Job.objects.bulk_create(
            Job(owner=owner, video=films[n * RECORDINGS + m % RECORDINGS], operation="convert", queue="encode",
                params={"version": 1}, status="succeeded")
            for n, owner in enumerate(owners)
            for m in range(JOBS)
        )  # fmt: skip
        keys = sessions(owners)
    places = [
        {
            "library": "/",
            "queue": "/queue/",
            "recording": f"/videos/{films[n * RECORDINGS].pk}/",
            "job": f"/jobs/{jobs[n * JOBS].pk}/",
        }
        for n in range(count)
    ]
    return [f"{settings.SESSION_COOKIE_NAME}={key}" for key in keys], places


@contextlib.contextmanager
def encodes(count: int) -> Iterator[None]:
    import imageio_ffmpeg

    source = ["-f", "lavfi", "-i", "testsrc2=size=3840x2160:rate=25"]
    threads = max(1, len(os.sched_getaffinity(0)) // max(1, count))
    argv = ["nice", "-n", "10", imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *source, "-threads", str(threads)]
    # The kernel first shares processors among sessions, and the workers of a site are in that of its web process.
    running = [
        subprocess.Popen([*argv, "-c:v", "libx264", "-f", "null", "-"], start_new_session=True) for _ in range(count)
    ]
    for one in running:
        with contextlib.suppress(OSError):
            Path(f"/proc/{one.pid}/autogroup").write_text("10")
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


# The client ----------------------------------------------------------------------------------------------------------


async def browse(asked: dict[str, Any], cookies: list[str]) -> dict[str, Any]:
    times: defaultdict[str, list[float]] = defaultdict(list)
    failed = 0
    few, here, numbers = asyncio.Semaphore(4), asyncio.Event(), itertools.count(1)

    async def one(number: int, cookie: str, places: dict[str, str]) -> None:
        import aiohttp

        nonlocal failed
        connector = aiohttp.TCPConnector(local_addr=(f"127.0.1.{1 + number // 50}", 0))
        headers = {"Cookie": cookie, "Origin": asked["url"], "Accept-Encoding": "gzip"}
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(asked["url"], connector=connector, headers=headers, cookie_jar=jar) as session:
            async with few, session.get("/") as answer:  # the first page of a session notes where that is used
                await answer.read()
            here.set() if next(numbers) == len(cookies) else await here.wait()
            end = time.monotonic() + asked["seconds"]
            await asyncio.sleep(random.uniform(0, asked["pause"]))
            while time.monotonic() < end:
                place = random.choice(list(places))
                began = time.monotonic()
                try:
                    async with session.get(places[place], timeout=aiohttp.ClientTimeout(60)) as answer:
                        await answer.read()
                        failed += answer.status != 200
                    times[place].append(time.monotonic() - began)
                    await stay(session, "queue" if place == "queue" else "bar")
                except (aiohttp.ClientError, OSError, TimeoutError):
                    failed += 1

    async def stay(session: Any, view: str) -> None:
        async with session.ws_connect(f"/ws/queue/?view={view}") as socket:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(random.expovariate(1 / asked["pause"])):
                    async for _ in socket:
                        pass

    await asyncio.gather(*(one(n, cookie, asked["places"][n]) for n, cookie in enumerate(cookies)))
    return {"times": times, "failed": failed}


if __name__ == "__main__":
    main()
