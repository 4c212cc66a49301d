"""What planning a cut needs to know of a recording: found in a bounded child process, kept in the cache of its bytes.

`python -m jobs.engine.measuring` reads a request as JSON and prints a line of it: `{}` when what was asked for is in
the cache, the plan when a plan was asked for, or what went wrong (see `sandbox`). Of several children, also those of
other processes and machines, one measures; the others wait for it and find its result.
"""

import contextlib
import dataclasses
import fcntl
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jobs.engine import cut, levels, process, sandbox, timeline, voice
from jobs.engine.cutparams import CutParams
from jobs.engine.media import MediaInfo

NICENESS = 10
"""People who only look at pages come first."""


@dataclasses.dataclass(frozen=True)
class Request:
    """`what` is loudness, voice, frames or plan; only frames need no track. `params` are those of a plan, in JSON."""

    what: str
    source: str
    cache: str
    info: dict[str, Any]
    track: int | str = "all"
    params: dict[str, Any] = dataclasses.field(default_factory=dict)


def ask(request: Request, at_start: Callable[[process.Child], None] = lambda child: None) -> sandbox.Answer:
    """Have a child do it. Raises InputError, ToolError, ResourceError, and Busy, as `sandbox.ask` does."""
    given = json.dumps(dataclasses.asdict(request)).encode()
    duration = float(MediaInfo.from_json(request.info).duration)
    return sandbox.ask(sandbox.command("measuring"), limits(duration), given=given, at_start=at_start)


def limits(duration: float) -> process.Limits:
    """Listening for voice is the slowest, at a hundred times the pace of the recording."""
    return process.Limits(seconds=60 + int(duration) // 10, memory_bytes=4 << 30, file_bytes=1 << 30, network=False)


# In the child --------------------------------------------------------------------------------------------------------


def done(request: Request) -> sandbox.Answer:
    source, cache, info = Path(request.source), Path(request.cache), MediaInfo.from_json(request.info)
    if request.what == "plan":
        how = CutParams(**request.params)
        return cut.plan_json(cut.plan_only(source, info, how, track=request.track, cache=cache))
    with alone(lock_file(cache, request.what, request.track)):
        if request.what == "loudness":
            levels.measure(source, info, request.track, cache_dir=cache)
        elif request.what == "voice":
            voice.measure(source, info, request.track, cache_dir=cache)
        else:
            timeline.index_frames(source, info, cache_dir=cache)
    return {}


def lock_file(cache: Path, what: str, track: int | str) -> Path:
    return cache / f".{what}-{track}.lock"


@contextlib.contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold a lock, that ends with this process at the latest."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> None:
    os.nice(NICENESS)
    sandbox.answer(lambda: done(Request(**json.load(sys.stdin))))


if __name__ == "__main__":
    main()
