"""A mark over a recording's picture, all the time or for a while: an image or a text."""

import dataclasses
from pathlib import Path

from PIL import Image

from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.pipelines.painted_frames import PaintedResult, Painting, paint_frames
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video import text_raster
from jobs.engine.video.overlay import OverlayOptions, OverlayPainter, upright_rectangle
from jobs.engine.video.source import Source
from jobs.errors import InputError


@dataclasses.dataclass(frozen=True)
class Mark:
    """What is laid over: an image file (one that we wrote, see `image_sanitizer`), or a text."""

    image: Path | None = None
    text: str = ""

    def drawn(self, width: int) -> Image.Image:
        """As RGBA; a text about as wide as asked for. Raises InputError."""
        if self.image is None:
            return text_raster.drawn(self.text, width)
        with Image.open(self.image, formats=["PNG"]) as image:
            return image.convert("RGBA")


def check(info: MediaInfo, look: OverlayOptions) -> None:
    """Raise InputError when a mark cannot be laid over this recording like that."""
    if info.video is None:
        raise InputError(
            "This recording has no picture to lay a mark over. Choose one with a picture.", code="no_picture"
        )
    if look.start >= info.duration:
        raise InputError(
            f"The recording ends after {float(info.duration):.6g} s, before the mark would show. Choose an earlier "
            "start.",
            code="beyond_end",
        )
    if look.end is not None and look.end <= look.start:
        raise InputError("The mark would end before it begins. Choose a later end.", code="bad_range")
    upright_rectangle(look, info.video.display_size, (1, 1))


def watermark(source: Source, mark: Mark, look: OverlayOptions, output: Path, work: Workspace) -> PaintedResult:
    """Write `source` with the mark to `output`: see `paint_frames`. Raises InputError, ToolError, ResourceError."""
    check(source.info, look)
    painter = OverlayPainter(mark.drawn, look, source.info.require_video(), source.info.duration)
    return paint_frames(source, Painting(painter, look.start, look.end, "Drawing the mark"), output, work)
