"""What holds when the site is several machines: whichever web host answers, whichever worker works, whoever dies."""

import hashlib
import signal
import time
from uuid import UUID

import pytest

from tests.hosts.caller import ENDED
from tests.hosts.install import WEBS, WORKERS, Install
from tests.hosts.load import Load, Person
from tests.page_socket import Socket
from tests.processes import wait_for
from tests.site import Client

OWNER = "ann@example.org"


@pytest.fixture
def ann(install: Install, recording: bytes) -> Person:
    """Somebody with a recording."""
    person = Person(install.client(OWNER), recording)
    person.uploads(pause=0)
    return person


def encoding(person: Person, install: Install) -> tuple[str, str]:
    """A long job in the middle of its work, and the host that works on it."""
    video = next(iter(person.videos))
    job = person.caller.ask(video, "silence-cut", keep=[[0, 9], [10, 19]], render="encode")
    person.jobs.append(job)
    wait_for(lambda: (found := person.caller.job(job))["status"] == "running" and found["progress"] > 0.1, "work")
    (row,) = install.rows("SELECT worker FROM jobs_job WHERE id = %s", UUID(job).hex)
    return job, row["worker"].partition("-")[0]


def test_chunks_of_an_upload_may_come_to_changing_web_hosts(install: Install, recording: bytes):
    first, second = (install.client(OWNER, web) for web in WEBS)
    location, offset, piece = first.begin(len(recording), "talk.mp4"), 0, len(recording) // 7
    for number in range(8):
        answer = (first, second)[number % 2].patch_from(location, offset, recording[offset : offset + piece])
        assert answer.status_code == 204, answer.text
        offset = int(answer.headers["Upload-Offset"])
    assert offset == len(recording)
    video = location.rsplit("/", 1)[-1]
    (row,) = install.rows("SELECT sha256 FROM jobs_video WHERE id = %s", UUID(video).hex)
    assert row["sha256"] == hashlib.sha256(recording).hexdigest()
    answer = install.client(OWNER).get(f"/videos/{video}/file", headers={"Range": "bytes=1000-1999"})
    assert answer.status_code == 206, answer.text
    assert answer.content == recording[1000:2000]


def test_a_page_of_one_web_host_is_told_of_what_another_one_was_asked_for(install: Install, recording: bytes):
    """Signing up, the page and its socket go through nginx, so that each may come to another host."""
    browser = Client(install.url)
    assert browser.sign_up("eve@example.org").url == f"{install.url}/"
    assert browser.get("/queue/").status_code == 200
    pages = [Socket(install.url, browser.cookies["sessionid"], "queue") for _ in range(2)]
    for page in pages:
        page.until(b"queue-count")
    eve = Person(install.client("eve@example.org"), recording)
    eve.uploads(pause=0)
    eve.works()
    for page in pages:
        assert eve.jobs[0].encode() in page.until(eve.jobs[0].encode())
        page.end()
    install.audit(eve)


def test_a_chain_goes_on_from_host_to_host(install: Install, ann: Person):
    steps = [
        {"name": "Shorter", "operation": "trim", "params": {"start": 1, "end": 9}},
        {"name": "Sound", "operation": "extract-audio", "input": "Shorter"},
        {"name": "Stills", "operation": "thumbnails", "params": {"count": 3}, "input": "Shorter"},
    ]
    answer = ann.caller.post(f"/api/v1/videos/{next(iter(ann.videos))}/pipeline", json={"steps": steps})
    assert answer.status_code == 201, answer.text
    address = f"/api/v1/runs/{answer.json()['id']}"
    run = wait_for(lambda: (found := ann.caller.get(address).json())["status"] in ENDED and found, "the chain", 90)
    assert run["status"] == "succeeded", run
    install.audit(ann)


def test_a_host_of_workers_loses_its_power_and_another_one_does_its_work(install: Install, ann: Person):
    job, host = encoding(ann, install)
    install.hosts[host].kill()
    assert ann.caller.wait(job)["attempt"] == 2
    install.audit(ann)


def test_a_host_of_workers_is_unplugged_and_what_it_goes_on_doing_changes_nothing(install: Install, ann: Person):
    job, host = encoding(ann, install)
    install.hosts[host].unplug()
    wait_for(lambda: ann.caller.job(job)["attempt"] == 2, "another host to take the job", 30)
    install.hosts[host].plug()
    assert ann.caller.wait(job)["attempt"] == 2
    install.audit(ann)


@pytest.mark.parametrize("how", ["power", "cable"])
def test_a_web_host_that_is_gone_is_not_noticed(install: Install, ann: Person, how: str):
    gone = install.hosts["web1"]
    gone.kill() if how == "power" else gone.unplug()
    for _ in range(6):
        ann.looks()
    ann.uploads(pause=0)
    ann.works()
    install.audit(ann)


def test_redis_dies_and_what_was_asked_for_meanwhile_is_done(install: Install, ann: Person):
    install.hosts["data"].end("redis", signal.SIGKILL)
    ann.works()
    ann.looks()
    install.start_redis()
    install.audit(ann)


def test_the_storage_dies_in_the_middle_of_work(install: Install, ann: Person):
    job, _ = encoding(ann, install)
    install.storage.stop(signal.SIGKILL)
    time.sleep(3)
    ann.looks()
    install.storage.start()
    assert ann.caller.wait(job)["status"] == "succeeded"
    install.audit(ann)


def test_the_database_dies_in_the_middle_of_work(install: Install, ann: Person):
    job, _ = encoding(ann, install)
    install.mariadb.stop(signal.SIGKILL)
    answer = ann.caller.get("/api/v1/jobs")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable"), answer.text
    assert int(answer.headers["Retry-After"]) > 0
    install.start_database()
    assert ann.caller.wait(job)["attempt"] == 1
    install.audit(ann)


def test_wrong_clocks_lose_no_work(install: Install, ann: Person):
    """Each part is half a minute or more beside the database: LOST_AFTER_SECONDS is 5."""
    for name, seconds in zip(WORKERS, (-40, 40), strict=True):
        install.hosts[name].kill()
        install.start_workers(name, clock=seconds)
    for name, seconds in zip(WEBS, (3600, -3600), strict=True):
        install.hosts[name].kill()
        install.start_web(name, clock=seconds)
    install.wait_ready()
    job, _ = encoding(ann, install)
    for _ in range(3):
        ann.works()
    ann.uploads()
    assert ann.caller.wait(job)["attempt"] == 1
    install.audit(ann)


def test_who_asks_for_one_thing_does_not_wait_for_who_asked_for_many(install: Install, ann: Person, recording: bytes):
    bob = Person(install.client("bob@example.org"), recording)
    bob.uploads(pause=0)
    for _ in range(16):
        bob.works()
    ann.works()
    ann.caller.wait(ann.jobs[-1])
    left = [job for job in bob.jobs if bob.caller.job(job)["status"] not in ("succeeded", "running")]
    assert len(left) >= 4, "ann waited for nearly all of bob's work"
    install.audit(ann, bob)


def test_a_rolling_restart_under_load_fails_nothing(install: Install, ann: Person, recording: bytes):
    """Each host in turn is told to stop and started again. Only chunks of uploads may have to be sent once more."""
    bob = Person(install.client("bob@example.org"), recording)
    job, _ = encoding(ann, install)
    with Load(ann.looks, ann.works, bob.looks, bob.uploads, pause=0.2) as load:
        for name in WEBS:
            install.hosts[name].end("web")
            install.start_web(name)
            wait_for(lambda name=name: install.is_ready(name), f"{name} to be back", 60)
        for name in WORKERS:
            for program in ("workers", "reconcile"):
                install.hosts[name].end(program)
            install.start_workers(name)
            time.sleep(2)
    assert load.done > 20
    assert load.wrong == [], "\n".join([*load.wrong, install.said()])
    install.audit(ann, bob)
    assert install.rows("SELECT losses FROM jobs_job WHERE id = %s", UUID(job).hex) == [{"losses": 0}]
    print(f"{load.done} things done, {bob.caller.retried} chunks sent again")


def test_files_and_rows_fit_together_after_all_this(install: Install):
    """The last test here, for all those before it."""
    assert "Files and rows fit together." in install.manage("sweep")
