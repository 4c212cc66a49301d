"""The file to work on of a recording, which is not always the one that came."""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

from jobs import storage
from jobs.engine.container import elsewhere
from jobs.engine.pipelines import measuring
from jobs.engine.probe import discontinuities
from jobs.models import Video

WORTH_BYTES = 64 * 1024**2
"""What is smaller is fetched as a whole sooner than in pieces."""
PLACE_BYTES, PLACE_SECONDS = 2 * 1024**2, 3
"""What is read for one place: the file's index and what lies beside, and pictures from the keyframe before it on."""


@contextlib.contextmanager
def file(video: Video) -> Iterator[Path]:
    """What the recording's facts are about, for as long as the block runs; made by a bounded child when it is gone.

    Raises InputError, ToolError, ResourceError.
    """
    if not video.info.is_of_copy:
        with storage.fetch(video.key, video.sha256) as came:
            yield came
        return
    with storage.measured(video.sha256) as cache:
        copy = discontinuities.cached_copy(cache)
        if not copy.exists():
            with storage.fetch(video.key, video.sha256) as came:
                measuring.ask(measuring.Request("clock", str(came), str(cache), video.info.to_json()))
        yield copy


def is_at_hand(video: Video) -> bool:
    """Whether `file` has little or nothing to fetch."""
    if video.size < WORTH_BYTES or storage.is_near(video.key, video.sha256):
        return True
    return video.info.is_of_copy and discontinuities.cached_copy(storage.cache_dir(video.sha256)).exists()


@contextlib.contextmanager
def excerpts(video: Video, places: int) -> Iterator[Path]:
    """As `file`, for work that reads so many places of it, by frames alone: of a large file in a bucket only what is
    read is fetched where that is less. The path may be one that no file has (`jobs.engine.container.elsewhere`)."""
    if not places or video.info.is_of_copy or not _is_worth(video, places) or storage.is_near(video.key, video.sha256):
        with file(video) as found:
            yield found
        return
    path = storage.room("scratch") / f"{uuid.uuid4()}{Path(video.key).suffix}"
    with elsewhere.standing_for(path, lambda: storage.open_file(video.key)):
        yield path


def _is_worth(video: Video, places: int) -> bool:
    each = PLACE_BYTES + PLACE_SECONDS * video.size / max(1.0, video.duration_seconds)
    return video.size >= WORTH_BYTES and places * each < video.size / 2
