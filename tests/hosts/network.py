"""Several hosts on this machine: network namespaces on one switch, each with an address and a name of its own.

Processes of a host share this machine's files and process ids, but reach each other only over the network, which a test
may unplug. Everything goes with `Network.stop`; what a killed run left, the next one clears away.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests import nginx
from tests.processes import Process, alive, run

PREFIX = "vshosts"
NAMED = re.compile(rf"{PREFIX}(\d+)-")


def missing() -> str | None:
    """Why there can be no hosts here; None where there can."""
    if lacking := [name for name in ("ip", "unshare", "nginx") if not shutil.which(name, path=nginx.PROGRAMS)]:
        return f"not here: {', '.join(lacking)}"
    name = f"{PREFIX}{os.getpid()}-probe"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        return "network namespaces may not be made here"
    run(["ip", "netns", "delete", name])
    return None


class Network:
    """A switch in a namespace of its own. This process is on it too, as `outside`."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._id = f"{PREFIX}{os.getpid()}"
        self._switch, self._link = f"{self._id}-switch", f"vsh{os.getpid()}"
        self._net = free_net()
        self.hosts: list[Host] = []

    def start(self) -> None:
        clear_left()
        ip(f"netns add {self._switch}")
        ip(f"-n {self._switch} link add switch type bridge")
        ip(f"-n {self._switch} link set switch up")
        ip(f"link add {self._link} type veth peer name outside netns {self._switch}")
        ip(f"-n {self._switch} link set outside master switch up")
        ip(f"addr add {self.address(1)}/24 dev {self._link}")
        ip(f"link set {self._link} up")

    def address(self, number: int) -> str:
        return f"{self._net}.{number}"

    def host(self, name: str) -> "Host":
        """Another host on the switch."""
        host = Host(f"{self._id}-{name}", name, self.address(10 + len(self.hosts)), self.logs)
        ip(f"netns add {host.namespace}")
        port = f"port{len(self.hosts)}"
        ip(f"link add eth0 netns {host.namespace} type veth peer name {port} netns {self._switch}")
        ip(f"-n {self._switch} link set {port} master switch up")
        ip(f"-n {host.namespace} addr add {host.address}/24 dev eth0")
        ip(f"-n {host.namespace} link set lo up")
        host.plug()
        self.hosts.append(host)
        return host

    def stop(self) -> None:
        for host in self.hosts:
            host.kill()
        for namespace in [*(host.namespace for host in self.hosts), self._switch]:
            with contextlib.suppress(AssertionError):
                ip(f"netns delete {namespace}")


class Host:
    """One of them. What runs on it is in `processes`, by name."""

    def __init__(self, namespace: str, name: str, address: str, logs: Path) -> None:
        self.namespace, self.name, self.address, self.logs = namespace, name, address, logs
        self.processes: dict[str, Process] = {}

    @property
    def inside(self) -> tuple[str, ...]:
        """What makes a command run here: the same process, with this host's network and name."""
        named = ("unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', self.name)
        return ("ip", "netns", "exec", self.namespace, *named)

    def run(self, name: str, argv: Sequence[str | Path], env: Mapping[str, str] | None = None) -> Process:
        """Start a program here."""
        process = Process(f"{self.name}-{name}", [*self.inside, *argv], self.logs / f"{self.name}-{name}.log", env)
        self.processes[name] = process
        return process

    def end(self, name: str, number: int = signal.SIGTERM, seconds: float = 60) -> int:
        """Send a signal to one of the programs and wait for its end. Returns its exit status."""
        return self.processes.pop(name).end(number, seconds)

    def kill(self) -> None:
        """As if the power went: all that runs here ends, also what its programs have started."""
        end_all(self.namespace)
        for name in list(self.processes):
            self.end(name, signal.SIGKILL)

    def unplug(self) -> None:
        """Take the cable out: its processes go on, and reach nobody."""
        ip(f"-n {self.namespace} link set eth0 down")

    def plug(self) -> None:
        ip(f"-n {self.namespace} link set eth0 up")


def ip(words: str) -> str:
    return run(["ip", *words.split()]).stdout


def free_net() -> str:
    """The first three numbers of addresses that no link of this machine has."""
    taken = ip("-o -4 address")
    return next(net for number in range(1, 255) if f"{(net := f'10.213.{number}')}." not in taken)


def end_all(namespace: str) -> None:
    """Kill whatever runs in a namespace."""
    for pid in ip(f"netns pids {namespace}").split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)


def clear_left() -> None:
    """Delete the namespaces of runs that are over, with what still runs in them; their links go with them."""
    for line in ip("netns list").splitlines():
        name = line.split()[0]
        found = NAMED.match(name)
        if found and not alive(int(found[1])):
            with contextlib.suppress(AssertionError):
                end_all(name)
                ip(f"netns delete {name}")
