"""What the result of some work would show, for somebody who still sets its parameters.

A large recording that does not lie on this machine is fetched first, by a thread of its own that no request waits for.
"""

import contextlib
import tempfile
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from uuid import UUID

from jobs import storage
from jobs.engine.pipelines import frame_preview
from jobs.engine.runtime import sandbox
from jobs.engine.video.source import Source
from jobs.errors import Busy, JobError
from jobs.models import Video
from jobs.operations import registry
from jobs.operations.base import Params
from jobs.services import inputs, sources
from jobs.services.arrivals import PROBES

TURN_SECONDS = 10
"""How long a picture may wait for others; who moved on meanwhile does not want it any more."""
MOST_FETCHED = 2
"""Recordings at the same time, for one web process."""
FRAME_WIDTH = 960
_guard = threading.Lock()
_fetched: dict[UUID, Exception | None] = {}
"""What is being fetched, or could not be; who asks next is told why, and may ask again."""


@contextlib.contextmanager
def _turn() -> Iterator[None]:
    if not PROBES.acquire(timeout=TURN_SECONDS):
        raise sandbox.busy("no turn to draw a preview")
    try:
        yield
    finally:
        PROBES.release()


def picture(video: Video, slug: str, params: Params, at: Fraction) -> bytes:
    """A JPEG of the result at a time, seconds after the start. Raises KeyError when this work has no preview, and
    InputError, Crash, ResourceError, and Busy while the recording is fetched."""
    operation = registry.get(slug)
    if not operation.previews:
        raise KeyError(slug)
    found = inputs.find(video.owner, video, slug, params)
    with found.files() as files:
        return _drawn(video, lambda source, out: operation.preview(source, video.info, files, params, at, out))


def frame(video: Video, at: Fraction) -> bytes:
    """A JPEG of the recording itself at a time, seconds after the start. Raises as `picture` does."""
    video.info.require_video()

    def draw(source: Path, out: Path) -> None:
        frame_preview.draw(Source(source, video.info), at, out, width=FRAME_WIDTH)

    return _drawn(video, draw)


def _drawn(video: Video, draw: Callable[[Path, Path], None]) -> bytes:
    """What `draw` writes: it is given the recording's file, and where to."""
    if not sources.is_at_hand(video):
        _have_fetched(video)
    with (
        tempfile.TemporaryDirectory(prefix="preview-") as folder,
        sources.file(video) as source,
        _turn(),  # last: uploads wait for one too, but not for what is fetched
    ):
        out = Path(folder) / "preview.jpg"
        draw(source, out)
        return out.read_bytes()


def _have_fetched(video: Video) -> None:
    """Begin to fetch it, unless somebody does. Raises Busy, and what went wrong with it before."""
    storage.stat(video.key)
    with _guard:
        if video.pk not in _fetched:
            if sum(failure is None for failure in _fetched.values()) >= MOST_FETCHED:
                raise Busy("The server is fetching other recordings from the storage. Try again in a minute.")
            _fetched[video.pk] = None
            threading.Thread(target=_fetch, args=[video], name="preview-fetch", daemon=True).start()
        elif failure := _fetched[video.pk]:
            del _fetched[video.pk]
            raise failure
    raise Busy("The recording is being fetched from the storage. Its preview is here in a minute.")


def _fetch(video: Video) -> None:
    failure: Exception | None = None
    try:
        with sources.file(video):
            pass
    except (JobError, OSError) as error:
        failure = error
    finally:
        with _guard:
            del _fetched[video.pk]
            if failure:
                _fetched[video.pk] = failure
