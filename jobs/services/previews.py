"""What the result of some work would show, for somebody who still sets its parameters."""

import contextlib
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from jobs.engine.runtime import sandbox
from jobs.models import Video
from jobs.operations import registry
from jobs.operations.base import Params
from jobs.services import inputs, sources
from jobs.services.arrivals import PROBES

TURN_SECONDS = 10
"""How long a picture may wait for others; who moved on meanwhile does not want it any more."""


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
    InputError, Crash, ResourceError."""
    operation = registry.get(slug)
    if not operation.previews:
        raise KeyError(slug)
    found = inputs.find(video.owner, video, slug, params)
    with (
        tempfile.TemporaryDirectory(prefix="preview-") as folder,
        _turn(),
        sources.file(video) as source,
        found.files() as files,
    ):
        out = Path(folder) / "preview.jpg"
        operation.preview(source, video.info, files, params, at, out)
        return out.read_bytes()
