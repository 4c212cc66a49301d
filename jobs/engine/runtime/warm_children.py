"""Children of a process that has their imports behind it (`fork_server`): most of a short child's time goes there.

Only a process that has said so (`allow`) has such a server: the web process. It starts one when work is to come. Until
that is ready, and whenever it cannot be asked, children are started as ever.

All forks of a server have one layout of addresses, which bytes that broke one of them might have learnt from: a server
whose child broke down is asked no more.
"""

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO

from jobs.engine.runtime.fork_server import MOST_BYTES, READY
from jobs.engine.runtime.subprocess_runner import BREAKDOWNS, Bounds

log = logging.getLogger(__name__)


class WarmChild:
    """What `subprocess_runner.Child` uses of a `Popen`."""

    def __init__(self, control: socket.socket, pipes: Sequence[IO[bytes] | None], ended: Callable[[int], None]) -> None:
        self._control, self._ended = control, ended
        self.stdin, self.stdout, self.stderr = pipes
        self.returncode: int | None = None
        self._waiting = threading.Lock()

    def poll(self) -> int | None:
        if self._waiting.acquire(blocking=False):
            try:
                self._look(socket.MSG_DONTWAIT)
            finally:
                self._waiting.release()
        return self.returncode

    def wait(self) -> int:
        with self._waiting:
            self._look(0)
        assert self.returncode is not None
        return self.returncode

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            self._control.send(b"kill")

    def _look(self, flags: int) -> None:
        if self.returncode is not None:
            return
        try:
            told = self._control.recv(32, flags)
        except BlockingIOError:
            return
        except OSError:
            told = b""
        self.returncode = int(told) if told else -signal.SIGKILL  # with the server, which took it along
        self._control.close()
        self._ended(self.returncode)


class WarmServer:
    """A fork server from its start until it is closed. `argv` starts one on a descriptor, which has the place of %d."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        self._socket, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.is_ready = False
        with its:
            words = [word.replace("%d", str(its.fileno())) for word in argv]
            self._process = subprocess.Popen(
                words, env=env, pass_fds=(its.fileno(),), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )

    def look(self) -> bool:
        """Whether it can be asked by now."""
        if not self.is_ready:
            with contextlib.suppress(OSError):
                self.is_ready = self._socket.recv(len(READY), socket.MSG_DONTWAIT) == READY
        return self.is_ready

    @property
    def is_over(self) -> bool:
        return self._process.poll() is not None

    def start(
        self, module: str, arguments: Sequence[str], bounds: Bounds, *, is_given: bool, ended: Callable[[int], None]
    ) -> WarmChild | None:
        """A child at work on `main` of the module; None where it cannot be asked. With `is_given` it reads a pipe."""
        work = json.dumps({"module": module, "arguments": list(arguments), "bounds": bounds}).encode()
        if len(work) > MOST_BYTES:
            return None
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            control, its_control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            ours.callback(control.close)
            theirs.callback(its_control.close)
            given, stdin = os.pipe() if is_given else (os.open(os.devnull, os.O_RDONLY), None)
            (stdout, told), (stderr, said) = os.pipe(), os.pipe()
            for end in (given, told, said):
                theirs.callback(os.close, end)
            files = [os.fdopen(stdin, "wb", 0) if stdin is not None else None, *map(reader, (stdout, stderr))]
            for file in filter(None, files):
                ours.callback(file.close)
            try:
                socket.send_fds(self._socket, [work], [given, told, said, its_control.fileno()])
                theirs.close()
                started = bool(control.recv(32))
            except OSError:
                started = False
            if not started:
                return None
            ours.pop_all()
            return WarmChild(control, files, ended)

    def close(self) -> None:
        """Ask it no more. It ends with its last child."""
        self._socket.close()
        threading.Thread(target=self._process.wait, daemon=True).start()


def reader(descriptor: int) -> IO[bytes]:
    return os.fdopen(descriptor, "rb")


class Warmth:
    """The server of this process, if it may have one and there has been work."""

    def __init__(self) -> None:
        self._argv: Sequence[str] = ()
        self._modules: Sequence[str] = ()
        self._env: Mapping[str, str] = {}
        self._server: WarmServer | None = None
        self._lock = threading.Lock()

    def allow(self, argv: Sequence[str], env: Mapping[str, str], modules: Sequence[str]) -> None:
        """Forks are for work of these modules alone: what takes long gains nothing, and has a name in the table."""
        self._argv, self._env, self._modules = argv, env, modules

    def warm(self) -> WarmServer | None:
        """The server that can be asked. One is started where there is none; then children are not warm yet."""
        with self._lock:
            if self._server and self._server.is_over:
                self._server.close()
                self._server = None
            if self._server is None and self._argv:
                try:
                    self._server = WarmServer(self._argv, self._env)
                except OSError as error:
                    log.warning("children are started without a warm server: %s", error)
            return self._server if self._server and self._server.look() else None

    def start(self, module: str, arguments: Sequence[str], bounds: Bounds, *, is_given: bool) -> WarmChild | None:
        """A warm child, or None: start it as ever."""
        server = self.warm() if module in self._modules else None
        if server is None:
            return None

        def ended(status: int) -> None:
            if status in BREAKDOWNS:
                self._retire(server)

        return server.start(module, arguments, bounds, is_given=is_given, ended=ended)

    def _retire(self, server: WarmServer) -> None:
        with self._lock:
            if self._server is server:
                self._server = None
                server.close()


WARMTH = Warmth()
