"""The web processes of one machine: how many there are, and the one socket that they all listen on.

What each of them keeps for itself: its threads, how many measure at once, how many connections an address may have, and
while Redis is away the numbers of attempts. What all have to agree on lies in the database and in Redis.
"""

import copy
import shutil
import socket
from pathlib import Path
from typing import Any

from supervisor.datatypes import SocketConfig
from supervisor.options import ServerOptions

from jobs.engine.runtime import processors
from videoservice import env, listening

NAME = "web"
PROCESSORS_EACH = 4
"""Work keeps the others busy."""
METRICS = "PROMETHEUS_MULTIPROC_DIR"
"""Where several processes write what they count, so that each of them can tell the sum."""
COUNTS_AS = "WEB_NAME"
"""As whom: the next process of the same name goes on with that."""


def size() -> int:
    """How many there are; where WEB does not say, one, from two processors on two, and one more for each four."""
    found = processors.machine()
    return env.integer("WEB", max(min(found, 2), found // PROCESSORS_EACH), 1)


def arrange(options: ServerOptions, data: Path, address: str, port: int, count: int) -> None:
    """Make so many of the one that the configuration names, on this address."""
    (group,) = [one for one in options.process_group_configs if one.name == NAME]
    group.socket_config = Address(address, port)
    (process,) = group.process_configs
    if count > 1:
        figures = emptied(data / "metrics")
        group.process_configs = [numbered(process, number, figures) for number in range(1, count + 1)]


def numbered(process: Any, number: int, figures: Path) -> Any:
    """One like this process, with a log of its own, which counts in the folder of all."""
    found = copy.copy(process)
    found.name = f"{process.name}{number}"
    found.stdout_logfile = process.stdout_logfile.replace(f"{NAME}.log", f"{found.name}.log")
    found.environment = {**(process.environment or {}), METRICS: str(figures), COUNTS_AS: found.name}
    return found


def emptied(folder: Path) -> Path:
    """Nothing that counts in it runs yet."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder


class Address(SocketConfig):
    """Where they listen; also an address of IPv6, which supervisord's own does not take."""

    def __init__(self, address: str, port: int) -> None:
        self.address, self.port = address, port
        self.url = f"tcp://{address}:{port}"
        self.backlog = listening.BACKLOG

    def addr(self) -> tuple[str, int]:
        return self.address, self.port

    def create_and_bind(self) -> socket.socket:
        return listening.bound(self.address, self.port)
