"""Which machine this is."""

import functools
import socket
from pathlib import Path


@functools.cache
def identity() -> str:
    """Names the running system and, in containers, the table of processes, within which alone a process id means
    something. Names of hosts may repeat."""
    try:
        booted = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{booted} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # not Linux
        return socket.gethostname()


def oom_kills() -> int:
    """How many processes the kernel has killed for want of memory since it started."""
    try:
        counters = dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())
    except OSError:
        return 0
    return int(counters.get("oom_kill", 0))
