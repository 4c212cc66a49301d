"""The guarded starting of outside programs, on real processes."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from jobs.engine.container import ffmpeg
from jobs.engine.runtime import subprocess_runner
from jobs.engine.runtime.sandbox import ROOT
from jobs.errors import Crash, InputError, ResourceError, TimedOut, TooHeavy, ToolError

FOREVER = [sys.executable, "-c", "import time\nwhile True: time.sleep(1)"]


def python(code: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code)]


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended but was not reaped yet does not count."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def gone(pid: int, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not alive(pid)


def test_a_block_left_by_an_exception_leaves_no_child():
    with pytest.raises(ZeroDivisionError), subprocess_runner.started(FOREVER) as child:
        pid = child.process.pid
        assert alive(pid)
        raise ZeroDivisionError
    assert not Path(f"/proc/{pid}").exists(), "ended and reaped"


def test_a_flood_on_standard_error_does_not_block():
    log = subprocess_runner.CommandLog()
    code = """
        import sys
        for n in range(20000):
            print("noise " * 10, n, file=sys.stderr)
        print("done")
    """
    assert subprocess_runner.output(python(code), log=log) == b"done\n"
    assert len(log.tail) == subprocess_runner.TAIL_LINES
    assert log.tail[-1].endswith(" 19999")


def test_the_command_and_its_last_words_are_kept():
    log = subprocess_runner.CommandLog()
    with pytest.raises(ToolError) as caught:
        subprocess_runner.output(python("import sys; sys.exit('out of luck')"), log=log)
    assert "out of luck" in caught.value.detail
    assert "exit status 1" in caught.value.detail
    assert log.text == "out of luck"
    assert log.commands[0].startswith(sys.executable)
    assert not caught.value.permanent


def test_a_child_dies_with_the_process_that_started_it():
    starter = f"""
        import sys
        from jobs.engine.runtime import subprocess_runner
        with subprocess_runner.started({FOREVER!r}) as child:
            print(child.process.pid, flush=True)
            child.process.wait()
    """
    root = ROOT
    parent = subprocess.Popen(python(starter), stdout=subprocess.PIPE, cwd=root, env={"PYTHONPATH": str(root)})
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
    # The guards exec each other, so wait until the last of them has set the death signal and become Python.
    deadline = time.monotonic() + 10
    while not Path(f"/proc/{pid}/cmdline").read_bytes().startswith(FOREVER[0].encode()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert alive(pid)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    try:
        assert gone(pid)
    finally:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


def test_a_full_disk_is_said_as_a_full_disk():
    tone = [ffmpeg.program(), "-v", "error", "-f", "lavfi", "-i", "sine=duration=5", "-f", "wav", "-y", "/dev/full"]
    with pytest.raises(ResourceError) as caught:
        subprocess_runner.output(tone)
    assert caught.value.code == "disk_full"
    assert "disk is full" in caught.value.message


def test_memory_is_bounded():
    with pytest.raises(TooHeavy, match="more memory") as caught:
        subprocess_runner.output(
            python("b'x' * 2_000_000_000"), limits=subprocess_runner.Limits(memory_bytes=500_000_000)
        )
    assert "MemoryError" in caught.value.detail
    assert caught.value.permanent and "again" not in caught.value.message.lower()


def test_processor_time_is_bounded():
    with pytest.raises(TooHeavy, match="processor time") as caught:
        subprocess_runner.output(
            python("while True: pass"), limits=subprocess_runner.Limits(seconds=1, wall_seconds=60)
        )
    assert f"exit status {-signal.SIGXCPU}" in caught.value.detail


def test_a_program_that_broke_down_is_told_from_one_that_gave_up():
    with pytest.raises(Crash):
        subprocess_runner.output(python("import os; os.abort()"))
    with pytest.raises(ToolError) as caught:
        subprocess_runner.output(python("raise SystemExit(3)"))
    assert not isinstance(caught.value, Crash)


def test_what_somebody_else_killed_is_no_fault_of_the_recording():
    """As the kernel does when memory runs out."""
    with pytest.raises(ResourceError, match="Try again") as caught:
        subprocess_runner.output(python("import os; os.kill(os.getpid(), 9)"))
    assert "exit status -9" in caught.value.detail


def test_a_hang_is_ended_by_the_clock():
    with (
        pytest.raises(TimedOut),
        subprocess_runner.started(FOREVER, limits=subprocess_runner.Limits(wall_seconds=0.5)) as child,
    ):
        assert child.stdout.read() == b""
        child.wait()


def test_the_clock_does_not_touch_a_child_that_ends_in_time():
    assert subprocess_runner.output(python("print(1)"), limits=subprocess_runner.Limits(wall_seconds=60)) == b"1\n"


def test_the_size_of_a_written_file_is_bounded(tmp_path):
    path = tmp_path / "large"
    write = python(f"open({str(path)!r}, 'wb').write(bytes(200_000))")
    with pytest.raises(TooHeavy, match="room on the disk"):
        subprocess_runner.output(write, limits=subprocess_runner.Limits(file_bytes=100_000))
    assert path.stat().st_size <= 100_000


@pytest.mark.skipif(not subprocess_runner.no_network(), reason="this kernel or container gives no network namespaces")
def test_the_network_can_be_taken_away():
    interfaces = python("import socket; print([name for _, name in socket.if_nameindex()])")
    assert subprocess_runner.output(interfaces, limits=subprocess_runner.Limits(network=False)) == b"['lo']\n"
    refused = python("import socket; socket.create_connection(('127.0.0.1', 9), 5)")
    with pytest.raises(ToolError) as caught:
        subprocess_runner.output(refused, limits=subprocess_runner.Limits(network=False))
    assert "unreachable" in caught.value.detail


def test_a_child_can_give_the_network_up_by_itself():
    """Where a container gives no namespaces: also for threads and programs that it starts."""
    code = (
        "import socket, subprocess, sys, threading\n"
        "from jobs.engine.runtime import network_filter\n"
        "def try_it():\n"
        "    try: print(socket.socket())\n"
        "    except OSError as error: print(error.strerror)\n"
        "print(network_filter.enter())\n"
        "for _ in range(2): threads = [threading.Thread(target=try_it)]; threads[0].start(); threads[0].join()\n"
        "child = 'import socket; socket.socket(socket.AF_INET6)'\n"
        "print('PermissionError' in subprocess.run([sys.executable, '-c', child], stderr=-1).stderr.decode())\n"
    )
    assert subprocess_runner.output(python(code)).decode().splitlines() == ["True", *2 * ["Permission denied"], "True"]


def test_a_child_can_gain_no_privileges():
    status = subprocess_runner.output(python("print(open('/proc/self/status').read())")).decode()
    assert "NoNewPrivs:\t1" in status


def test_the_environment_can_be_cut_down():
    names = python("import os; print(sorted(os.environ))")
    assert b"ONLY" in subprocess_runner.output(names, env={"ONLY": "this"})
    assert b"HOME" not in subprocess_runner.output(names, env={"ONLY": "this", "PATH": os.defpath})


def test_positions_are_exact_seconds():
    command = [ffmpeg.program(), "-v", "error", "-f", "lavfi", "-i", "sine=duration=3", "-progress", "pipe:1"]
    with subprocess_runner.started([*command, "-f", "null", "-"]) as child:
        seen = list(ffmpeg.positions(child))
        child.wait()
    assert seen[-1] == 3


@pytest.mark.parametrize(("content", "code"), [(None, "no_file"), (b"", "empty")])
def test_nothing_to_work_on_is_said(tmp_path, content, code):
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        subprocess_runner.require_file(path)
    assert caught.value.code == code
