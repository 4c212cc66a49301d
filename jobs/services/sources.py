"""The file to work on of a recording, which is not always the one that came."""

from pathlib import Path

from jobs import storage
from jobs.engine.pipelines import measuring
from jobs.engine.probe import discontinuities
from jobs.models import Video


def file(video: Video) -> Path:
    """What the recording's facts are about, made by a bounded child when it is not there.

    Raises InputError, ToolError, ResourceError.
    """
    came, cache, info = storage.path(video.key), storage.cache_dir(video.sha256), video.info
    if not info.is_of_copy:
        return came
    if not discontinuities.cached_copy(cache).exists():
        measuring.ask(measuring.Request("clock", str(came), str(cache), info.to_json()))
    return discontinuities.cached_copy(cache)
