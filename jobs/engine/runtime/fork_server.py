"""A process that has imported what children need, touches nobody's bytes, and forks one child for each piece of work.

`python -P -m jobs.engine.runtime.fork_server DESCRIPTOR MODULE...`, as `warm_children` starts it: without network and
with the environment of a sandboxed child. On the socket DESCRIPTOR it says that it is ready once it has imported the
modules. Each message from then on is work, as JSON (module, arguments, bounds), with four descriptors: the child's
standard input, output and error, and a socket on which it tells the child's number, is told to kill it, and tells its
exit status.

It has one thread, so that a fork is whole. When nobody holds the other end of a child's socket any more, that child is
killed; when nobody holds that of its own, it ends with the last child.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import random
import resource
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import NoReturn

from jobs.engine.runtime import network_filter

READY = b"ready"
MOST_BYTES = 1 << 17
IDLE_SECONDS = 900
"""After so long without work it ends: whoever needs one starts another."""
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
BOUNDS = {"cpu": resource.RLIMIT_CPU, "as": resource.RLIMIT_AS, "fsize": resource.RLIMIT_FSIZE}


class Server:
    def __init__(self, asked: socket.socket) -> None:
        self._asked, self._pid = asked, os.getpid()
        self._selector = selectors.DefaultSelector()
        self._children: dict[int, socket.socket] = {}
        self._woken, wake = os.pipe()
        for end in (self._woken, wake):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who asked
        signal.set_wakeup_fd(wake)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._selector.register(asked, selectors.EVENT_READ)
        self._is_asked = True

    def run(self) -> None:
        with contextlib.suppress(ConnectionError):  # as in `_take`
            self._asked.send(READY)
        while self._is_asked or self._children:
            events = self._selector.select(IDLE_SECONDS)
            if not events and not self._children:
                return
            for key, _ in events:
                if key.fileobj is self._asked:
                    self._take()
                elif key.fd == self._woken:
                    os.read(self._woken, 4096)
                else:
                    os.kill(key.data, signal.SIGKILL)  # told to, or nobody waits for it; it is ours until it is reaped
                    self._selector.unregister(key.fileobj)
            self._reap()

    def _take(self) -> None:
        try:
            message, descriptors, _, _ = socket.recv_fds(self._asked, MOST_BYTES, 4)
        except ConnectionError:  # who asked was killed
            message, descriptors = b"", []
        if not message:
            self._is_asked = False
            self._selector.unregister(self._asked)
            return
        *streams, told = descriptors
        pid = os.fork()
        if pid == 0:
            self._become(json.loads(message), streams)
        for stream in streams:
            os.close(stream)
        control = socket.socket(fileno=told)
        self._children[pid] = control
        self._selector.register(control, selectors.EVENT_READ, pid)
        tell(control, pid)

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            control = self._children.pop(pid)
            if control in self._selector.get_map():  # it was not killed
                self._selector.unregister(control)
            tell(control, os.waitstatus_to_exitcode(status))
            control.close()

    def _become(self, work: Mapping[str, object], streams: Sequence[int]) -> NoReturn:
        """In the child: nothing of the server stays open, and nothing that it does comes back here."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for target, stream in enumerate(streams):
                os.dup2(stream, target)
            os.closerange(3, 1 << 20)
            bound(self._pid, work["bounds"])  # type: ignore[arg-type]
            random.seed()
            status = done(str(work["module"]), work["arguments"])  # type: ignore[arg-type]
        finally:
            os._exit(status)


def tell(control: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):  # who asked has gone
        control.send(str(number).encode())


def bound(server: int, bounds: Mapping[str, Sequence[int]]) -> None:
    """As `subprocess_runner.guarded` does by programs; core dumps and privileges are out of reach already."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:
        os._exit(1)
    for name, (soft, hard) in bounds.items():
        resource.setrlimit(BOUNDS[name], (soft, hard))


def prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(ctypes.c_int(option), *(ctypes.c_ulong(number) for number in (value, 0, 0, 0)))


def done(module: str, arguments: Sequence[str]) -> int:
    """The exit status of `python -m MODULE ARGUMENTS`."""
    sys.argv = [module, *arguments]
    try:
        importlib.import_module(module).main()
        sys.stdout.flush()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except Exception:  # noqa: BLE001 the boundary: it is told as Python tells it
        traceback.print_exc()
        return 1
    return 0


def main() -> None:
    descriptor, *modules = sys.argv[1:]
    network_filter.enter()
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # so that collecting in a child copies no pages of ours
    Server(socket.socket(fileno=int(descriptor))).run()


if __name__ == "__main__":
    main()
