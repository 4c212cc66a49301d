"""Work for a child, by its first argument: what bytes that mean harm might have it do."""

import os
import resource
import signal
import socket
import sys
import time
from pathlib import Path

from jobs.engine.runtime import sandbox


def main() -> None:
    globals()[sys.argv[1]](*sys.argv[2:])


def tell(*arguments: str) -> None:
    kinds = {"cpu": resource.RLIMIT_CPU, "as": resource.RLIMIT_AS, "fsize": resource.RLIMIT_FSIZE}
    bounds = {name: resource.getrlimit(kind) for name, kind in kinds.items()}
    # The last one is the folder's own.
    opened = sorted(int(file.name) for file in Path("/proc/self/fd").iterdir())[:-1]
    facts = {"bounds": bounds, "open": opened, "environment": dict(os.environ), "parent": os.getppid()}
    sandbox.answer(lambda: facts | {"pid": os.getpid(), "arguments": arguments})


def read() -> None:
    given = sys.stdin.read()
    sandbox.answer(lambda: {"given": given})


def connect() -> None:
    def refused() -> sandbox.Answer:
        try:
            socket.socket().close()
        except OSError as error:
            return {"error": {"message": str(error)}, "kind": "tool"}
        return {}

    sandbox.answer(refused)


def compute() -> None:
    while True:
        pass


def fill() -> None:
    bytearray(8 << 30)


def write(path: str) -> None:
    Path(path).write_bytes(bytes(2 << 20))


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def hang() -> None:
    time.sleep(600)


if __name__ == "__main__":
    main()
