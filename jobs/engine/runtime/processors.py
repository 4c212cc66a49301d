"""How many processors this process may use."""

import functools
import math
import os

from jobs.engine.runtime import cgroup

SHARED_BY = "PROCESSORS_SHARED_BY"
"""The variable of the environment that says among how many of its kind a process shares them; children inherit it."""


@functools.cache
def machine() -> int:
    """Those that it is bound to, and no more than a container's share of processor time is worth; at least one."""
    try:
        bound = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        bound = os.cpu_count() or 1
    return max(1, min([bound, *map(math.ceil, cgroup.processors())]))


def available() -> int:
    """This process's share of them; at least one."""
    return math.ceil(machine() / max(1, int(os.environ.get(SHARED_BY, 1))))


def share_among(count: int) -> None:
    """From now on, this process and what it starts take one of so many shares."""
    os.environ[SHARED_BY] = str(count)
