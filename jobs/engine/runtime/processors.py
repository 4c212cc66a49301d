"""How many processors this process may use."""

import functools
import math
import os

from jobs.engine.runtime import cgroup


@functools.cache
def available() -> int:
    """Those that it is bound to, and no more than a container's share of processor time is worth; at least one."""
    try:
        bound = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        bound = os.cpu_count() or 1
    return max(1, min([bound, *map(math.ceil, cgroup.processors())]))
