"""What planning a cut needs to know of a recording: found in a bounded child process, kept in the cache of its bytes.

`python -m jobs.engine.pipelines.measuring` reads a request as JSON and prints a line of it: `{}` when what was asked
for is in the cache, the plan when a plan was asked for, or what went wrong (see `sandbox`). Of several children, also
those of other processes and machines, one measures; the others wait for it and find its result.
"""

import dataclasses
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobs.engine.analysis import peak_levels, vad
from jobs.engine.edit.cut_params import CutParams
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.pipelines import silence_cut
from jobs.engine.pipelines.probe import discontinuities
from jobs.engine.runtime import sandbox, subprocess_runner
from jobs.engine.runtime.file_lock import exclusive_lock
from jobs.engine.video import frame_index
from jobs.engine.video.source import Source

NICENESS = 10
"""People who only look at pages come first."""


@dataclasses.dataclass(frozen=True)
class Request:
    """`what` is loudness, voice, frames, plan or clock; the first two and plans need a track. `params` are those of a
    plan, in JSON. `clock` only sees to it that the file to work on is there (`discontinuities.readable_file`)."""

    what: str
    source: str
    cache: str
    info: dict[str, Any]
    track: int | str = "all"
    params: dict[str, Any] = dataclasses.field(default_factory=dict)


def ask(request: Request, at_start: Callable[[subprocess_runner.Child], None] = lambda child: None) -> sandbox.Answer:
    """Have a child do it. Raises InputError, ToolError, ResourceError, and Busy, as `sandbox.ask` does."""
    given = json.dumps(dataclasses.asdict(request)).encode()
    info = MediaInfo.from_json(request.info)
    return sandbox.ask(sandbox.command(__name__), limits(info), given=given, at_start=at_start)


def limits(info: MediaInfo) -> subprocess_runner.Limits:
    """Listening for voice is the slowest, at a hundred times the pace of the recording."""
    seconds, size = 60 + int(info.duration) // 10, 1 << 30
    if info.is_of_copy:
        more_seconds, copied = discontinuities.limits(info.size_bytes)
        seconds, size = seconds + more_seconds, max(size, copied)
    return subprocess_runner.Limits(seconds=seconds, memory_bytes=4 << 30, file_bytes=size, network=False)


# In the child --------------------------------------------------------------------------------------------------------


def done(request: Request) -> sandbox.Answer:
    cache, info = Path(request.cache), MediaInfo.from_json(request.info)
    source = discontinuities.readable_file(Path(request.source), info, cache)
    if request.what == "clock":
        return {}
    if request.what == "plan":
        how = CutParams(**request.params)
        return silence_cut.plan_json(silence_cut.plan_only(Source(source, info), how, track=request.track, cache=cache))
    with exclusive_lock(lock_file(cache, request.what, request.track)):
        if request.what == "loudness":
            peak_levels.measure(source, info, request.track, cache_dir=cache)
        elif request.what == "voice":
            vad.measure(source, info, request.track, cache_dir=cache)
        else:
            frame_index.index_frames(source, info, cache_dir=cache)
    return {}


def lock_file(cache: Path, what: str, track: int | str) -> Path:
    return cache / f".{what}-{track}.lock"


def main() -> None:
    os.nice(NICENESS)
    sandbox.answer(lambda: done(Request(**json.load(sys.stdin))))


if __name__ == "__main__":
    main()
