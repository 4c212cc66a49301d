"""Decoding for pages: in bounded children, one for all who ask, few at a time, gone when nobody waits any more."""

import asyncio
import contextlib
import fcntl
import json
import socket
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from jobs.engine.edit import cut_plan
from jobs.engine.edit.cut_params import CutParams
from jobs.engine.pipelines import measuring, silence_cut
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.file_lock import exclusive_lock
from jobs.engine.video.frame_index import FrameIndex
from jobs.errors import Busy
from jobs.services import measuring as services
from tests import factories, media
from tests.site import Client, Site

PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An hour and a half of next to nothing: few bytes, much to decode."""
    path = tmp_path_factory.mktemp("quiet") / "night.flac"
    hum = "sine=frequency=50:sample_rate=8000:duration=5400,volume=-70dB"
    media.run_ffmpeg("-f", "lavfi", "-i", hum, "-c:a", "flac", media.url(path))
    return path


@pytest.fixture
def ann(site: Site) -> Client:
    return site.client(f"{uuid.uuid4().hex}@example.org")


def uploaded(client: Client, quiet: Path) -> str:
    """A recording of other bytes than those of other tests: each has measurements of its own."""
    name = uuid.uuid4().hex
    path = quiet.with_name(f"{name}.flac")
    media.run_ffmpeg("-i", media.url(quiet), "-c", "copy", "-metadata", f"title={name}", media.url(path))
    answer = client.post("/api/v1/videos", files={"file": (path.name, path.read_bytes())})
    path.unlink()
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def cache(client: Client, site: Site, video: str) -> Path:
    return site.media / "cache" / client.get(f"/api/v1/videos/{video}").json()["sha256"]


@contextmanager
def slow(folder: Path, what: str = "loudness") -> Iterator[None]:
    """Whoever measures waits, as if there were very much to decode."""
    with exclusive_lock(measuring.lock_file(folder, what, "all")):
        yield


def children(site: Site) -> int:
    """How many children measure for the web process."""
    found = 0
    for process in Path("/proc").iterdir():
        try:
            command = (process / "cmdline").read_bytes()
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        found += b"jobs.engine.pipelines.measuring" in command and parent == site.processes["web"].pid
    return found


def eventually(wanted: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not wanted() and time.monotonic() < deadline:
        time.sleep(0.05)
    return wanted()


def leaving(client: Client, path: str) -> socket.socket:
    """A request of which nobody will read the answer."""
    address = urlsplit(client.url)
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies)
    line = socket.create_connection((address.hostname, address.port))
    line.sendall(f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nCookie: {cookies}\r\n\r\n".encode())
    return line


def test_a_child_measures_and_the_web_process_only_reads(site: Site, ann: Client, quiet: Path):
    video = uploaded(ann, quiet)
    answer = ann.get(f"/videos/{video}/levels")
    assert answer.status_code == 200
    head = json.loads(answer.content.partition(b"\n")[0])
    assert head["duration_ms"] == pytest.approx(5_400_000, abs=100)
    assert (cache(ann, site, video) / ".loudness-all.lock").exists(), "a child was here"


def test_who_leaves_takes_the_child_along(site: Site, ann: Client, quiet: Path):
    video = uploaded(ann, quiet)
    with slow(cache(ann, site, video)):
        line = leaving(ann, f"/videos/{video}/levels")
        assert eventually(lambda: children(site) == 1)
        line.close()
        assert eventually(lambda: children(site) == 0)


def test_who_leaves_takes_nothing_from_who_waits_for_the_same(site: Site, ann: Client, quiet: Path):
    video = uploaded(ann, quiet)
    with ThreadPoolExecutor() as pool:
        with slow(cache(ann, site, video)):
            line = leaving(ann, f"/videos/{video}/levels")
            assert eventually(lambda: children(site) == 1)
            others = [pool.submit(ann.get, f"/videos/{video}/levels") for _ in range(2)]
            others.append(pool.submit(ann.post, f"/api/v1/videos/{video}/cut-plan", json={"params": {}}))
            time.sleep(1)
            assert children(site) == 1, "one for all"
            line.close()
        assert [other.result().status_code for other in others] == [200, 200, 422], "nothing in it reaches a threshold"


def test_who_asks_for_too_much_at_once_is_told_when_to_ask_again(site: Site, ann: Client, quiet: Path):
    videos = [uploaded(ann, quiet) for _ in range(services.MAXIMUM_CHILDREN_OF_ONE + 1)]
    with ThreadPoolExecutor() as pool, slow(cache(ann, site, videos[0])), slow(cache(ann, site, videos[1])):
        with slow(cache(ann, site, videos[2])):
            first = [pool.submit(ann.get, f"/videos/{video}/levels") for video in videos[:-1]]
            assert eventually(lambda: children(site) == services.MAXIMUM_CHILDREN_OF_ONE)
            refused = ann.get(f"/videos/{videos[-1]}/levels")
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "server_busy")
            assert int(refused.headers["Retry-After"]) > 0
            planned = ann.post(f"/api/v1/videos/{videos[-1]}/cut-plan", json={"params": {}})
            assert (planned.status_code, planned.json()["error"]["code"]) == (503, "server_busy")
            assert int(planned.headers["Retry-After"]) > 0
            other = site.client(f"{uuid.uuid4().hex}@example.org")
            assert other.get(f"/videos/{uploaded(other, quiet)}/levels").status_code == 200, "others are not held up"
        assert first[2].result().status_code == 200
        assert ann.get(f"/videos/{videos[-1]}/levels").status_code == 200
    assert [one.result().status_code for one in first] == [200, 200, 200]


def test_all_accounts_together_have_only_so_many_children(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(services, "MAXIMUM_CHILDREN", 2)
    source = media.audio(tmp_path / "tone.wav")
    info = inspect(source).to_json()

    def request(number: int) -> measuring.Request:
        return measuring.Request("loudness", str(source), str(tmp_path / str(number)), info)

    async def ask(number: int) -> object:
        return await services.answer(number, number, lambda: contextlib.nullcontext(request(number)))

    async def all_of_them() -> None:
        tasks = [asyncio.create_task(ask(number)) for number in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="Try again"):
            await ask(2)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    with slow(tmp_path / "0"), slow(tmp_path / "1"):
        asyncio.run(all_of_them())
        assert eventually(lambda: not services._running), "killed, since nobody waits"


def test_processes_that_ask_at_the_same_time_measure_once(tmp_path: Path):
    source = media.audio(tmp_path / "tone.wav")
    request = measuring.Request("loudness", str(source), str(tmp_path), inspect(source).to_json())
    with ThreadPoolExecutor() as pool:
        with slow(tmp_path):
            asked = [pool.submit(measuring.ask, request) for _ in range(2)]
            time.sleep(1)
            assert not list(tmp_path.glob("*.npz"))
        assert [one.result() for one in asked] == [{}, {}]
    assert len(list(tmp_path.glob("levels-*.npz"))) == 1


def test_locks_are_those_of_the_kernel_and_go_with_who_held_them(tmp_path: Path):
    lock = measuring.lock_file(tmp_path, "voice", 0)
    with exclusive_lock(lock):
        pass
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


# Very many ranges ----------------------------------------------------------------------------------------------------


def ranges(count: int) -> list[list[float]]:
    return [[round(number / 8, 3), round(number / 8 + 0.05, 3)] for number in range(count)]


def test_forty_thousand_ranges_are_planned_by_a_child(site: Site, ann: Client, quiet: Path):
    keep = ranges(40_000)
    video = uploaded(ann, quiet)
    answer = ann.post(f"/api/v1/videos/{video}/cut-plan", json={"params": {"keep": keep}})
    assert answer.status_code == 200, answer.text
    assert answer.json()["keep"] == keep
    assert answer.json()["output_duration"] == pytest.approx(2000)
    assert ann.post(f"/api/v1/videos/{video}/cut-plan", json={"params": {"keep": ranges(50_001)}}).status_code == 422


def test_the_work_for_a_plan_grows_as_its_ranges_do():
    import numpy as np

    def steps(count: int) -> int:
        shown = np.arange(0, count * 16_000 // 8 + 16_000, 640, dtype=np.int64)
        index = FrameIndex(shown, shown, shown[::50], int(shown[-1]) + 640, 16_000)
        info = factories.info(seconds=count // 8 + 1)
        taken = 0

        def count_one(*event: object) -> None:
            nonlocal taken
            taken += 1

        params = {"keep": ranges(count)}
        sys.setprofile(count_one)
        try:
            plan = silence_cut.planned(info, CutParams(**params), None, index)
            silence_cut.plan_json(plan)
        finally:
            sys.setprofile(None)
        assert len(plan.keep) == count and isinstance(plan, cut_plan.CutPlan)
        return taken

    assert steps(4000) < 2.1 * steps(2000)
