"""What planning a cut needs to know of a recording: found in a bounded child process, kept in the cache of its bytes.

`python -m jobs.engine.measuring` reads a request as JSON and prints a line of it: `{}` when what was asked for is in
the cache, the plan when a plan was asked for, or what went wrong (see `sandbox`). Of several children, also those of
other processes and machines, one measures; the others wait for it and find its result.
"""

import dataclasses
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobs.engine import clock, cut, levels, process, sandbox, timeline, voice
from jobs.engine.cutparams import CutParams
from jobs.engine.lock import alone
from jobs.engine.media import MediaInfo

NICENESS = 10
"""People who only look at pages come first."""


@dataclasses.dataclass(frozen=True)
class Request:
    """`what` is loudness, voice, frames, plan or clock; the first two and plans need a track. `params` are those of a
    plan, in JSON. `clock` only sees to it that the file to work on is there (`clock.file`)."""

    what: str
    source: str
    cache: str
    info: dict[str, Any]
    track: int | str = "all"
    params: dict[str, Any] = dataclasses.field(default_factory=dict)


def ask(request: Request, at_start: Callable[[process.Child], None] = lambda child: None) -> sandbox.Answer:
    """Have a child do it. Raises InputError, ToolError, ResourceError, and Busy, as `sandbox.ask` does."""
    given = json.dumps(dataclasses.asdict(request)).encode()
    info = MediaInfo.from_json(request.info)
    return sandbox.ask(sandbox.command("measuring"), limits(info), given=given, at_start=at_start)


def limits(info: MediaInfo) -> process.Limits:
    """Listening for voice is the slowest, at a hundred times the pace of the recording."""
    seconds, size = 60 + int(info.duration) // 10, 1 << 30
    if info.is_of_copy:
        more_seconds, copied = clock.limits(info.size_bytes)
        seconds, size = seconds + more_seconds, max(size, copied)
    return process.Limits(seconds=seconds, memory_bytes=4 << 30, file_bytes=size, network=False)


# In the child --------------------------------------------------------------------------------------------------------


def done(request: Request) -> sandbox.Answer:
    cache, info = Path(request.cache), MediaInfo.from_json(request.info)
    source = clock.file(Path(request.source), info, cache)
    if request.what == "clock":
        return {}
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


def main() -> None:
    os.nice(NICENESS)
    sandbox.answer(lambda: done(Request(**json.load(sys.stdin))))


if __name__ == "__main__":
    main()
