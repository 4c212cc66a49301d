"""From the last release to this version while people upload and work is done: nobody notices."""

import contextlib
import itertools
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from jobs.models import Artifact, Job, Video
from tests import media, static_files
from tests.hosts.caller import Caller
from tests.hosts.load import Load, Person
from tests.processes import BASE_DIR, Process, run, wait_for
from tests.releases import Release
from tests.settings import free_port
from tests.site import Client, Site, Sites

RELEASE = Release.last()
pytestmark = [
    pytest.mark.upgrade,
    pytest.mark.skipif(not RELEASE.is_here, reason="this clone's history does not reach back to the last release"),
]
ANN = "ann@example.org"
QUEUES = ("cut", "fast", "encode", "speech", "hooks", "fetch")


class Balancer(Caller):
    """Calls one web process after the other, and where one takes no connection the next: as nginx does."""

    def __init__(self, token: str, webs: list[str]) -> None:
        super().__init__("http://balancer", token, "localhost")
        self.webs, self._turns = webs, itertools.count()

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override]
        for web in self._order():
            try:
                return super().request(method, web + urlsplit(url).path, **options)
            except requests.ConnectionError as error:
                if "refused" not in str(error):
                    raise
        raise AssertionError(f"no web process takes {method} {url}")

    def _order(self) -> list[str]:
        first = next(self._turns) % len(self.webs)
        return [*self.webs[first:], *self.webs[:first]]


class Version:
    """The processes of one version on the data of a site."""

    def __init__(self, code: Path, site: Site, env: dict[str, str]) -> None:
        self.code, self.site, self.env = code, site, site.env | env
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, Process] = {}

    def manage(self, *args: str) -> None:
        run([sys.executable, self.code / "manage.py", *args], cwd=self.code, env=self.env)

    def start(self, name: str, *args: str) -> None:
        log = self.site.data / "log" / f"{self.code.name}-{name}.log"
        argv = [sys.executable, self.code / "manage.py", *args]
        self.processes[name] = Process(name, argv, log, self.env | {"PORT": str(self.port)})

    def start_all(self) -> None:
        self.start("web", "serve")
        wait_for(self.answers, f"the web process of {self.code}", 120)
        self.start_work()

    def start_work(self) -> None:
        known = self.workers()
        self.start("workers", "work", *QUEUES)
        self.start("reconcile", "reconcile")
        wait_for(lambda: self.workers() >= known + len(QUEUES), f"the workers of {self.code}", 120)

    def answers(self) -> bool:
        assert self.processes["web"].alive, self.processes["web"].said()
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"{self.url}/healthz", timeout=5).status_code == 200
        return False

    def workers(self) -> int:
        with self.site.redis.client() as redis:
            return sum(1 for key in redis.smembers("rq:workers") if not redis.hget(key, "death"))

    def end(self, name: str, number: int) -> None:
        status = self.processes.pop(name).end(number, 120)
        assert status == 0, f"{name} of {self.code} ended with {status}"

    def said(self) -> str:
        """What went wrong, as its processes say it."""
        logs = sorted((self.site.data / "log").glob(f"{self.code.name}-*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text()[-3000:]}" for log in logs)

    def kill(self) -> None:
        for process in self.processes.values():
            process.end(signal.SIGKILL)


@pytest.fixture
def site(sites: Sites) -> Iterator[Site]:
    """Folders, Redis and an empty database: no table, and no process of ours."""
    site = sites.make_empty()
    site.redis.start()
    yield site
    site.stop()


def test_old_and_new_side_by_side_under_load(site: Site, tmp_path: Path):
    RELEASE.unpack(tmp_path / "old")
    static_files.put(site.data / "static-new")
    old = Version(tmp_path / "old", site, {})
    new = Version(BASE_DIR, site, {"STATIC_ROOT": str(site.data / "static-new")})
    try:
        old.manage("migrate", "-v0")
        old.manage("collectstatic", "--no-input", "-v0")
        old.start_all()
        roll(site, old, new, media.video(tmp_path / "talk.mp4", seconds=2).read_bytes())
    finally:
        old.kill()
        new.kill()


def roll(site: Site, old: Version, new: Version, recording: bytes) -> None:
    browser = Client(old.url)
    assert browser.sign_up(ANN).ok
    token = run([sys.executable, old.code / "manage.py", "createtoken", ANN], env=old.env).stdout.strip()
    person = Person(Balancer(token, [old.url]), recording)
    pages = Balancer(token, person.caller.webs)
    del pages.headers["Authorization"], pages.headers["Host"]  # by which requests chooses cookies
    pages.cookies.update(browser.cookies)

    def turns_pages() -> None:
        for path in ("/", "/queue/"):
            page = pages.get(path, allow_redirects=False)
            assert page.status_code == 200, f"{path}: {page.status_code} {page.text[:500]}"

    def webs(*versions: Version) -> None:
        person.caller.webs[:] = [version.url for version in versions]
        time.sleep(1)  # what is on its way to another one arrives

    person.uploads()
    with Load(person.looks, person.uploads, person.works, turns_pages, pause=0.4) as load:
        go_on(person, load, "the old version alone")
        new.manage("prepare")
        go_on(person, load, "the old version on tables of the new one")
        new.start_all()
        webs(old, new)
        go_on(person, load, "both")
        old.end("reconcile", signal.SIGTERM)
        old.end("workers", signal.SIGUSR1)  # drains
        go_on(person, load, "both web processes with new workers")
        webs(new)
        old.end("web", signal.SIGTERM)
        go_on(person, load, "the new version alone")
    assert load.wrong == [], old.said() + new.said()
    assert person.caller.retried == 0, "not even a chunk was sent again"
    nothing_is_lost(site, person)
    for process in new.processes.values():
        assert process.alive and "Traceback" not in process.said(), process.said()[-3000:]


def go_on(person: Person, load: Load, what: str) -> None:
    """Some uploads and jobs of this stage."""
    videos, jobs = len(person.videos) + 2, len(person.jobs) + 2
    wait_for(lambda: load.wrong or (len(person.videos) >= videos and len(person.jobs) >= jobs), what, 180)


def nothing_is_lost(site: Site, person: Person) -> None:
    for job in person.jobs:
        ended = site.wait_for_job(job, seconds=240)
        assert (ended.status, ended.attempt, ended.losses) == (Job.Status.SUCCEEDED, 1, 0), ended.error_message
    with site.orm():
        assert {str(video.pk): video.sha256 for video in Video.objects.filter(artifact=None)} == person.videos
        assert {str(pk) for pk in Job.objects.values_list("pk", flat=True)} == set(person.jobs)
        results = list(Artifact.objects.all())
    assert {str(result.job_id) for result in results} == set(person.jobs)
    assert all((site.media / result.key).stat().st_size == result.size for result in results)
