"""Several web processes on one socket, and one that stops while pages are open."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from supervisor.options import ServerOptions

from tests.page_socket import Socket
from tests.processes import BASE_DIR, wait_for
from tests.site import Site
from videoservice import supervise, web, web_group


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("metrics")


@pytest.fixture
def site(make_web_site: Callable[..., Site], folder: Path) -> Site:
    found = make_web_site(webs=2, **{web_group.METRICS: str(folder)})
    for process in found.processes.values():
        wait_for(lambda one=process: "Serving on" in one.said(), "both to serve")
    return found


@contextlib.contextmanager
def browsing(site: Site) -> Iterator[list[object]]:
    """Ask the site all the time from four threads; what it answers, or fails with."""
    stop, answers = threading.Event(), []

    def browse() -> None:
        while not stop.is_set():
            try:
                answers.append(requests.get(f"{site.url}/healthz", timeout=60).status_code)
            except requests.RequestException as error:
                answers.append(error)

    threads = [threading.Thread(target=browse) for _ in range(4)]
    for one in threads:
        one.start()
    try:
        yield answers
    finally:
        stop.set()
        for one in threads:
            one.join(60)


def test_pages_of_a_process_that_stops_are_sent_to_the_other_and_no_request_fails(site: Site):
    client = site.client("ann@example.org")
    cookie = client.cookies["sessionid"]
    pages = [Socket(site.url, cookie) for _ in range(20)]
    for page in pages:
        assert b"queue-count" in page.frame()[1]
    with browsing(site) as answers:
        first, second = site.processes["web1"], site.processes["web2"]
        assert first.end() == 0
        del site.processes["web1"]
        site.start_web()
        wait_for(lambda: "Serving on" in site.processes["web1"].said().partition("Traceback")[0], "the first again")
        assert second.end() == 0
        del site.processes["web2"]
        assert [page.closed() for page in pages] == [web.RESTARTING] * 20
        again = Socket(site.url, cookie)
        assert b"queue-count" in again.frame()[1]
    assert len(answers) > 4 and set(answers) == {200}
    for page in [*pages, again]:
        page.end()


def test_who_comes_while_the_only_one_starts_again_waits_for_it(make_web_site: Callable[..., Site]):
    site = make_web_site(webs=1)
    site.kill(site.processes["web1"])
    answers: list[int] = []
    asking = threading.Thread(
        target=lambda: answers.append(requests.get(f"{site.url}/healthz", timeout=60).status_code)
    )
    asking.start()
    site.start_web()
    asking.join(60)
    assert answers == [200]


def test_each_of_them_tells_the_figures_of_all(site: Site):
    for _ in range(20):  # to one or the other
        requests.get(f"{site.url}/readyz", timeout=60)
    told = {figure(site) for _ in range(10)}
    assert counting(site) == {"web1", "web2"}, "both have answered"
    assert len(told) == 1
    assert told.pop() >= 20


def test_what_was_counted_stays_when_they_start_again_and_takes_no_more_room(site: Site):
    requests.get(f"{site.url}/readyz", timeout=60)
    before = figure(site)
    for name in ("web1", "web2"):
        site.kill(site.processes[name])
        site.start_web()
    requests.get(f"{site.url}/readyz", timeout=60)
    assert figure(site) > before
    assert counting(site) == {"web1", "web2"}


def counting(site: Site) -> set[str]:
    return {path.stem.rpartition("_")[2] for path in Path(site.env[web_group.METRICS]).glob("histogram_*.db")}


def test_what_one_said_of_its_open_pages_is_over_when_it_was_killed(site: Site):
    cookie = site.client("ann@example.org").cookies["sessionid"]
    pages = [Socket(site.url, cookie) for _ in range(4)]
    for page in pages:
        page.until(b"queue-count")
    wait_for(lambda: figure(site, "videoservice_sockets") == 4, "all to be counted")
    for name in ("web1", "web2"):
        site.kill(site.processes[name])
        site.start_web()
    # The first that answers may do so before the other is there, which forgets what the one of its name has said.
    wait_for(lambda: figure(site, "videoservice_sockets") == 0, "none to be counted")
    for page in pages:
        page.end()


def figure(site: Site, name: str = 'videoservice_request_seconds_count{route="readyz",status="200"}') -> float:
    lines = requests.get(f"{site.url}/metrics", timeout=60).text.splitlines()
    return float(next(line for line in lines if line.startswith(name)).split()[-1])


# Under the supervisor ------------------------------------------------------------------------------------------------


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ServerOptions:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log").mkdir()
    for name in ("QUEUES", "STOP_SECONDS", "REDIS_SOCKET"):
        monkeypatch.setenv(f"SITE_{name}", "10")
    monkeypatch.setenv("SITE_REDIS", "true")
    monkeypatch.setenv("SITE_INBOX", "false")
    monkeypatch.setenv("PORT", "8000")
    found = ServerOptions()
    found.realize(["-c", str(supervise.CONFIG)])
    return found


def processes(options: ServerOptions) -> list[tuple[str, str]]:
    (group,) = [one for one in options.process_group_configs if one.name == web_group.NAME]
    return [(one.name, Path(one.stdout_logfile).name) for one in group.process_configs]


def test_one_web_process_goes_by_its_plain_name(options: ServerOptions, tmp_path: Path):
    web_group.arrange(options, tmp_path, "127.0.0.1", 8000, 1)
    assert processes(options) == [("web", "web.log")]


def test_several_have_numbers_and_logs_of_their_own_and_count_together(options: ServerOptions, tmp_path: Path):
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "histogram_1.db").touch()
    web_group.arrange(options, tmp_path, "127.0.0.1", 8000, 3)
    assert processes(options) == [(f"web{n}", f"web{n}.log") for n in (1, 2, 3)]
    assert not list((tmp_path / "metrics").iterdir()), "what the processes before have counted is over"


def test_they_may_listen_on_an_address_of_ipv6(options: ServerOptions, tmp_path: Path):
    web_group.arrange(options, tmp_path, "::1", 0, 2)
    (group,) = [one for one in options.process_group_configs if one.name == web_group.NAME]
    with group.socket_config.create_and_bind() as bound:
        assert bound.getsockname()[0] == "::1"


def test_the_configuration_is_where_the_supervisor_reads_it():
    assert supervise.CONFIG == BASE_DIR / "script" / "supervisord.conf"
