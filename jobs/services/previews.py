"""What the result of some work would show, for somebody who still sets its parameters."""

import tempfile
from fractions import Fraction
from pathlib import Path

from jobs import storage
from jobs.models import Video
from jobs.operations import registry
from jobs.operations.base import Params
from jobs.services import inputs
from jobs.services.videos import PROBES


def picture(video: Video, slug: str, params: Params, at: Fraction) -> bytes:
    """A JPEG of the result at a time, seconds after the start. Raises KeyError when this work has no preview, and
    InputError, ToolError, ResourceError, TimedOut."""
    operation = registry.get(slug)
    if not operation.previews:
        raise KeyError(slug)
    found = inputs.find(video.owner, video, slug, params)
    with tempfile.TemporaryDirectory(prefix="preview-") as folder, PROBES:
        out = Path(folder) / "preview.jpg"
        operation.preview(storage.path(video.key), video.info, found.files, params, at, out)
        return out.read_bytes()
