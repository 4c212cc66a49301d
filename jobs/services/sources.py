"""The file to work on of a recording, which is not always the one that came."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from jobs import storage
from jobs.engine.pipelines import measuring
from jobs.engine.probe import discontinuities
from jobs.models import Video


@contextlib.contextmanager
def file(video: Video) -> Iterator[Path]:
    """What the recording's facts are about, for as long as the block runs; made by a bounded child when it is gone.

    Raises InputError, ToolError, ResourceError.
    """
    cache, info = storage.cache_dir(video.sha256), video.info
    if info.is_of_copy and (copy := discontinuities.cached_copy(cache)).exists():
        yield copy
        return
    with storage.fetch(video.key, video.sha256) as came:
        if info.is_of_copy:
            measuring.ask(measuring.Request("clock", str(came), str(cache), info.to_json()))
        yield discontinuities.cached_copy(cache) if info.is_of_copy else came
