"""Processes that tests start: ended by their id, whatever becomes of the test."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

BASE_DIR = Path(__file__).resolve().parent.parent
T = TypeVar("T")
PATIENCE_SECONDS = 120
"""What takes a second alone takes many times as long in a run of all tests. Who waits for what comes loses nothing."""


class Process:
    """A program with a name, whose output goes to a file. The kernel kills it should the test run itself be killed."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        log: Path,
        env: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        self.name, self.log = name, log
        with log.open("ab") as out:
            self._popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *map(str, argv)],
                cwd=BASE_DIR,
                env=env,
                stdin=stdin,
                stdout=out,
                stderr=out,
                start_new_session=True,  # Ctrl-C is for the test run, which then ends us in order
            )
        self.pid = self._popen.pid

    def __repr__(self) -> str:
        return f"<{self.name}, process {self.pid}>"

    @property
    def alive(self) -> bool:
        return self._popen.poll() is None

    def end(self, number: int = signal.SIGTERM, seconds: float = 20) -> int:
        """Send a signal and wait for the end, by force if need be. Returns the exit status."""
        if self.alive:
            self._popen.send_signal(number)
            try:
                self._popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self._popen.kill()
        return self._popen.wait()

    def ended(self, seconds: float) -> int:
        """The exit status of one that was told to end, and has to within this time."""
        return self._popen.wait(seconds)

    def said(self) -> str:
        return self.log.read_text(errors="replace")


def wait_for(check: Callable[[], T], what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """Ask again and again until the answer is true, and return it. `what` completes "waited for ..."."""
    begun = time.monotonic()
    while not (answer := check()):
        waited = time.monotonic() - begun
        assert waited < seconds, f"waited {seconds:g} s for {what}"
        # Asking takes the processor from what is waited for: the longer that takes, the less often.
        time.sleep(min(max(0.05, waited / 20), 0.25))
    return answer


def alive(pid: int) -> bool:
    """Whether any process of this id runs; one that ended but was not reaped yet does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def parent(pid: int) -> int:
    """The process that has started this one, or has it now; 0 for one that is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def children(pid: int) -> list[int]:
    """What this process has started itself and still runs."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def belonging_to(variable: str, value: str) -> dict[int, str]:
    """Ids and command lines of all living processes that have this in their environment."""
    found: dict[int, str] = {}
    wanted = f"{variable}={value}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0") and alive(int(folder.name)):
                found[int(folder.name)] = (
                    (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
        except OSError:
            continue
    found.pop(os.getpid(), None)
    return found


def run(argv: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; it has to succeed."""
    done = subprocess.run([str(part) for part in argv], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{argv} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done
