"""Children that are forked by a server with their imports behind it: bound as others, and no longer there than they."""

import os
import select
import signal
import socket
import subprocess
import sys
import threading

import pytest

from jobs.engine.pipelines.probe import probe
from jobs.engine.runtime import sandbox, subprocess_runner, warm_children
from jobs.engine.runtime.subprocess_runner import Limits
from jobs.engine.runtime.warm_children import Warmth
from jobs.errors import Busy, Crash, JobError, ResourceError, TooHeavy, ToolError
from tests import clips
from tests.processes import PATIENCE_SECONDS, alive, children, wait_for

WORK = "tests.engine.runtime.warm_work"
LIMITS = Limits(seconds=20, memory_bytes=4 << 30, wall_seconds=120, file_bytes=1 << 20, network=False)


@pytest.fixture
def warmth(monkeypatch):
    """That of this process, with a server that is ready."""
    warmth = Warmth()
    monkeypatch.setattr(sandbox, "WARMTH", warmth)
    sandbox.allow_warm(WORK, "jobs.engine.pipelines.probe")
    wait_for(warmth.warm, "a server")
    yield warmth
    if server := warmth._server:
        server.close()


def ask(*arguments: str, limits: Limits = LIMITS, **options: object) -> sandbox.Answer:
    return sandbox.ask(sandbox.command(WORK, *arguments), limits, **options)  # type: ignore[arg-type]


def server_pid(warmth: Warmth) -> int:
    server = warmth.warm()
    assert server
    return server._process.pid


def test_a_fork_has_the_limits_and_the_environment_of_a_child_that_is_started_and_nothing_else_open(
    warmth, monkeypatch
):
    monkeypatch.setenv("SECRET_KEY", "hidden")
    warm = ask("tell", "me")
    monkeypatch.setattr(sandbox, "WARMTH", Warmth())
    cold = ask("tell", "me")
    assert warm["parent"] == server_pid(warmth)
    assert cold["parent"] == os.getpid()
    same = ("bounds", "open", "environment", "arguments")
    assert {name: warm[name] for name in same} == {name: cold[name] for name in same}
    assert warm["bounds"] == {"cpu": [20, 25], "as": [4 << 30] * 2, "fsize": [1 << 20] * 2}


def test_each_work_has_a_fork_of_its_own(warmth):
    assert len({ask("tell")["pid"] for _ in range(3)}) == 3


def test_it_reads_what_it_is_given(warmth):
    assert ask("read", given=b"x" * 300_000) == {"given": "x" * 300_000}


def test_it_has_no_network(warmth):
    with pytest.raises(ToolError):
        ask("connect")


def test_it_is_held_to_its_limits(warmth, tmp_path):
    with pytest.raises(TooHeavy, match="memory"):
        ask("fill")
    with pytest.raises(TooHeavy, match="room on the disk"):
        ask("write", str(tmp_path / "large"))
    with pytest.raises(TooHeavy, match="processor time"):
        ask("compute", limits=Limits(seconds=1, network=False))
    with pytest.raises(Busy):
        ask("hang", limits=Limits(wall_seconds=0.5, network=False))
    assert ask("tell")["parent"] == server_pid(warmth), "the server has taken no harm"


def test_a_server_whose_child_broke_down_is_asked_no_more(warmth):
    before = server_pid(warmth)
    with pytest.raises(Crash):
        ask("crash")
    assert ask("tell")["parent"] != before
    wait_for(lambda: not alive(before), "the server to end")
    wait_for(warmth.warm, "another server")
    assert ask("tell")["parent"] == server_pid(warmth) != before


def test_a_server_that_has_died_is_done_without_and_replaced(warmth):
    before = server_pid(warmth)
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: not alive(before), "the server to end")
    assert ask("tell")["parent"] == os.getpid()
    wait_for(warmth.warm, "another server")


def test_work_under_way_is_ended_by_who_asked_and_with_the_server(warmth):
    begun: list[subprocess_runner.Child] = []
    failures: list[JobError] = []

    def hang() -> None:
        try:
            ask("hang", at_start=begun.append)
        except JobError as error:
            failures.append(error)

    for end in (lambda: begun[-1].process.kill(), lambda: os.kill(server_pid(warmth), signal.SIGKILL)):
        count = len(begun)
        asking = threading.Thread(target=hang)
        asking.start()
        wait_for(lambda count=count: len(begun) > count, "the child to be there")
        end()
        asking.join(60)
        assert not asking.is_alive()
    assert [type(failure) for failure in failures] == [ResourceError] * 2


def test_it_all_ends_with_who_has_it(tmp_path):
    """However that comes about: nobody reads what the child would say."""
    script = (
        "import time, threading\n"
        "from jobs.engine.runtime import sandbox, warm_children\n"
        "from tests.engine.runtime.test_warm_children import LIMITS, WORK\n"
        "sandbox.allow_warm(WORK)\n"
        "while not (server := warm_children.WARMTH.warm()): time.sleep(0.05)\n"
        "tell = lambda child: print(server._process.pid, flush=True)\n"
        "sandbox.ask(sandbox.command(WORK, 'hang'), LIMITS, at_start=tell)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as asker:
        assert asker.stdout
        server = int(asker.stdout.readline())
        child = wait_for(lambda: children(server), "the child")[0]
        asker.kill()
    wait_for(lambda: not alive(child) and not alive(server), "both to end")


def test_it_ends_quietly_when_who_asks_dies_before_it_has_heard():
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    program = [sys.executable, "-P", "-m", "jobs.engine.runtime.fork_server", str(its.fileno())]
    server = subprocess.Popen(program, pass_fds=[its.fileno()], stderr=subprocess.PIPE, text=True)
    its.close()
    wait_for(lambda: select.select([ours], [], [], 0)[0], "it to be ready")
    ours.close()
    assert server.communicate(timeout=PATIENCE_SECONDS)[1] == ""
    assert server.returncode == 0


def test_a_recording_is_the_same_to_both(warmth, tmp_path, monkeypatch):
    recording = clips.make(tmp_path / "a.mp4", clips.Picture(seconds=1))
    warm = probe(recording, poster=tmp_path / "warm.jpg")
    monkeypatch.setattr(sandbox, "WARMTH", Warmth())
    cold = probe(recording, poster=tmp_path / "cold.jpg")
    assert (warm.info, warm.sha256) == (cold.info, cold.sha256)
    assert (tmp_path / "warm.jpg").read_bytes() == (tmp_path / "cold.jpg").read_bytes()


def test_who_was_not_allowed_one_starts_none():
    assert Warmth().start(WORK, ["tell"], {}, is_given=False) is None
    assert warm_children.WARMTH._server is None
