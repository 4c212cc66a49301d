"""Outside programs: started in one place, bounded, logged, and never left behind.

A child is started through `setpriv` and `prlimit` (util-linux) instead of a `preexec_fn`, which is not safe in a
process with threads. `setpriv --pdeathsig KILL` makes the kernel end the child when the thread that started it ends,
however that comes about.
"""

import collections
import contextlib
import dataclasses
import errno
import functools
import os
import resource
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

from jobs.errors import Crash, InputError, ResourceError, TimedOut, TooHeavy, ToolError

TAIL_LINES = 60
# How a program dies of its own doing. SIGKILL and the like come from somebody else.
BREAKDOWNS = {-number for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)}
NO_MEMORY = (
    *(os.strerror(errno.ENOMEM), "MemoryError", "bad_alloc"),
    *("Could not allocate memory", "get_buffer() failed", "malloc of size"),
)
"""How programs, and the decoders and encoders in them, say that they were given no memory."""
MOST_STARVED_LINES = 100
"""ffmpeg can go on for ever without memory, and say so for every packet again and again."""


Bounds = Mapping[str, tuple[int, int]]
"""Soft and hard limits by the names of `prlimit`: cpu, as, fsize."""


class Program(Protocol):
    """What is used of a `Popen`."""

    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None
    returncode: int | None

    def poll(self) -> int | None: ...
    def wait(self) -> int: ...
    def kill(self) -> None: ...


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds on a child; None means unbounded.

    `seconds` is processor time, `wall_seconds` is time on the clock (a hang uses no processor), `memory_bytes` is
    address space, `file_bytes` is the largest file it may write. `network=False` takes the network away where the
    kernel allows it.
    """

    seconds: int | None = None
    memory_bytes: int | None = None
    wall_seconds: float | None = None
    file_bytes: int | None = None
    network: bool = True


class CommandLog:
    """The exact commands of one job and the last lines of what they printed, for the operator."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.tail: collections.deque[str] = collections.deque(maxlen=TAIL_LINES)

    def started(self, argv: Sequence[str]) -> None:
        self.commands.append(shlex.join(argv))

    def ended(self, status: int | None) -> None:
        """The command that this thread started last is over; None when nobody knows how."""

    def line(self, text: str) -> None:
        self.tail.append(text)

    @property
    def text(self) -> str:
        return "\n".join(self.tail)


def guarded(argv: Sequence[str], limits: Limits | None = None) -> list[str]:
    """The command line with the guards in front: network, processor time, sizes, death signal, no new privileges."""
    guards: list[str] = []
    if limits and not limits.network:
        guards += no_network()
    if limits and shutil.which("prlimit"):
        guards += ["prlimit", "--core=0"]
        guards += [f"--{name}={soft}:{hard}" for name, (soft, hard) in bounds(limits).items()]
    if shutil.which("setpriv"):
        # Last of the guards: a change of user namespace before it would clear the death signal.
        guards += ["setpriv", "--pdeathsig", "KILL", "--no-new-privs"]
    return [*guards, *argv]


def bounds(limits: Limits) -> Bounds:
    # The hard limit comes later: at the soft one the kernel sends SIGXCPU, so that SIGKILL means something else.
    cpu = (limits.seconds, limits.seconds + 5) if limits.seconds is not None else None
    sizes = {"as": limits.memory_bytes, "fsize": limits.file_bytes}
    found = {name: (size, size) for name, size in sizes.items() if size is not None}
    return found | ({"cpu": cpu} if cpu else {})


@functools.cache
def no_network() -> tuple[str, ...]:
    """The guard that gives a child an empty network, or nothing where the kernel or a container forbids it."""
    if shutil.which("unshare"):
        for guard in (("unshare", "--net"), ("unshare", "--net", "--map-current-user")):
            if subprocess.run([*guard, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
                return guard
    return ()


class Child:
    """A running program whose standard error is drained into a log by a thread of its own."""

    def __init__(
        self,
        argv: Sequence[str],
        process: Program,
        log: CommandLog,
        limits: Limits | None = None,
    ) -> None:
        self.argv = list(argv)
        self.process = process
        self.log = log
        self.limits = limits or Limits()
        self._tail: collections.deque[str] = collections.deque(maxlen=TAIL_LINES)
        self._expired = threading.Event()
        self._starved = False
        self._clock = threading.Timer(self.limits.wall_seconds or 0, self._expire)
        self._clock.daemon = True
        if self.limits.wall_seconds is not None:
            self._clock.start()
        # ffmpeg blocks when nobody reads its standard error.
        self._drain = threading.Thread(target=self._read_errors, daemon=True)
        self._drain.start()

    @property
    def stdin(self) -> IO[bytes]:
        assert self.process.stdin is not None
        return self.process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    @property
    def tail(self) -> str:
        """The last lines of its standard error."""
        return "\n".join(self._tail)

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        starved = 0
        for raw in self.process.stderr:
            line = raw.decode(errors="replace").rstrip()
            self._tail.append(line)
            self.log.line(line)
            starved += is_memory_bounded(self.limits) and any(words in line for words in NO_MEMORY)
            if starved > MOST_STARVED_LINES:
                self._starved = True
                self.process.kill()

    def _expire(self) -> None:
        self._expired.set()
        self.process.kill()

    def wait(self) -> None:
        """Wait for the end.

        Raises TimedOut after the time on the clock, TooHeavy when it went beyond its other limits, ResourceError when
        disk or memory is full or somebody else killed it, Crash when it broke down, and ToolError for any other exit
        status than 0.
        """
        status = self.process.wait()
        self._clock.cancel()
        self._drain.join()
        if status != 0 and self._expired.is_set():
            raise overdue(self.argv, self.tail)
        if self._starved:
            raise too_heavy("memory", f"{shlex.join(self.argv)}\n{self.tail}")
        if status != 0:
            raise failure(self.argv, status, self.tail, self.limits)

    def end(self) -> None:
        """Kill and reap it if it still runs. Safe to call at any time."""
        self._clock.cancel()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._drain.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()


def failure(
    argv: Sequence[str], status: int, tail: str, limits: Limits | None = None
) -> ToolError | ResourceError | TooHeavy:
    """What the exit status and the last lines of a program mean for the owner."""
    name = Path(argv[0]).name.split("-")[0]
    detail = f"{shlex.join(argv)}\nexit status {status}\n{tail}"
    if os.strerror(errno.ENOSPC) in tail:
        return disk_full(detail)
    if wanted := beyond(status, tail, limits or Limits()):
        return too_heavy(wanted, detail)
    if os.strerror(errno.ENOMEM) in tail:
        return memory_full(detail)
    if status == -signal.SIGKILL:  # by nobody here; most often by the kernel, for want of memory
        return ResourceError(
            "The server had to stop the work on this recording, which happens when its memory runs out. Try again "
            "when it is less busy.",
            detail=detail,
        )
    kind = Crash if status in BREAKDOWNS else ToolError
    return kind(
        f"The recording could not be worked on: {name} stopped with an error. Choose other settings; if that "
        "fails too, tell the operator.",
        detail=detail,
    )


def beyond(status: int, tail: str, limits: Limits) -> str:
    """What a program that failed wanted more of than it, or this process and so all of its children, may have."""
    if status == -signal.SIGXCPU:
        return "processor time"
    if status == -signal.SIGXFSZ or os.strerror(errno.EFBIG) in tail:
        return "room on the disk"
    if any(words in tail for words in NO_MEMORY) and is_memory_bounded(limits):
        return "memory"
    return ""


def is_memory_bounded(limits: Limits) -> bool:
    own = (resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA))
    return limits.memory_bytes is not None or any(bound != resource.RLIM_INFINITY for bound in own)


def too_heavy(wanted: str, detail: str) -> TooHeavy:
    """`wanted` is what there was too little of: memory, processor time, room on the disk."""
    return TooHeavy(
        f"This recording needs more {wanted} than one piece of work may have here. Make it smaller or shorter with "
        "another program, or ask the operator for more.",
        detail=detail,
    )


def overdue(argv: Sequence[str], tail: str) -> TimedOut:
    name = Path(argv[0]).name.split("-")[0]
    return TimedOut(
        f"The work on the recording was ended because {name} made no end of it. Try again when the server is "
        "less busy; if that fails too, tell the operator.",
        detail=f"{shlex.join(argv)}\n{tail}",
    )


def disk_full(detail: str) -> ResourceError:
    return ResourceError(
        "The server's disk is full, so nothing was kept of this try. Ask the operator to make room, then try again.",
        detail=detail,
        code="disk_full",
    )


def memory_full(detail: str) -> ResourceError:
    return ResourceError(
        "The server ran out of memory for this recording. Try again when it is less busy.",
        detail=detail,
        code="memory_full",
    )


@contextlib.contextmanager
def started(
    argv: Sequence[str],
    *,
    log: CommandLog | None = None,
    limits: Limits | None = None,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
    env: Mapping[str, str] | None = None,
    otherwise: Callable[[], Program | None] = lambda: None,
) -> Iterator[Child]:
    """Start a program; however the block is left, the program is gone and reaped after it.

    `env` is its whole environment; None hands ours down. `otherwise` is another way to start it, which is tried first.
    Stay in one thread from start to end: the kernel's death signal follows the starting thread, not the process.
    """
    log = log or CommandLog()
    log.started(argv)
    try:
        process = otherwise() or subprocess.Popen(
            guarded(argv, limits), stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, env=env
        )
    except BaseException:
        log.ended(None)
        raise
    child = Child(argv, process, log, limits)
    try:
        yield child
    finally:
        child.end()
        log.ended(process.returncode)


def output(
    argv: Sequence[str],
    *,
    log: CommandLog | None = None,
    limits: Limits | None = None,
    env: Mapping[str, str] | None = None,
    given: bytes = b"",
    at_start: Callable[["Child"], None] = lambda child: None,
    otherwise: Callable[[], Program | None] = lambda: None,
) -> bytes:
    """Run a program to its end and return its standard output. Raises as `Child.wait` does.

    `given` is all that it reads, before it says anything. `at_start` gets the child, for somebody else to end it.
    """
    stdin = subprocess.PIPE if given else subprocess.DEVNULL
    with started(argv, log=log, limits=limits, env=env, stdin=stdin, otherwise=otherwise) as child:
        at_start(child)
        if given:
            with contextlib.suppress(BrokenPipeError):  # it ended by itself, and says why
                child.stdin.write(given)
                child.stdin.close()
        data = child.stdout.read()
        child.wait()
    return data


def require_file(path: Path) -> None:
    """Raise InputError unless `path` is a file with something in it."""
    if not path.is_file():
        raise InputError(f"There is no file {path.name} to work on. Check the path.", detail=str(path), code="no_file")
    if path.stat().st_size == 0:
        raise InputError("The file is empty. Choose another one.", detail=str(path), code="empty")
