"""One picture of a recording with a mark, while somebody still chooses where it goes: drawn in a bounded child process.

`python -m jobs.engine.pipelines.watermark_preview REQUEST` takes JSON and prints a line of it: `{}`, or what went
wrong (see `sandbox`).
"""

import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.pipelines.watermark import Mark, check
from jobs.engine.runtime import sandbox, subprocess_runner
from jobs.engine.video import frame_picker, still
from jobs.engine.video.overlay import OverlayOptions, OverlayPainter
from jobs.engine.video.source import Source

LIMITS = subprocess_runner.Limits(seconds=30, wall_seconds=40, memory_bytes=4 << 30, file_bytes=16 << 20, network=False)


def draw(source: Source, mark: Mark, look: OverlayOptions, at: Fraction, out: Path, *, width: int) -> None:
    """Write the picture on show at `at`, seconds after the start, with the mark to `out`, a JPEG `width` pixels wide.

    Where the mark does not show then, the first picture is taken in which all of it does. Raises InputError as
    `watermark` does, Crash, ResourceError.
    """
    check(source.info, look)
    request = {
        "source": os.fspath(source.path.absolute()),
        "out": os.fspath(out.absolute()),
        "info": source.info.to_json(),
        "image": os.fspath(mark.image.absolute()) if mark.image else None,
        "text": mark.text,
        "look": {name: str(value) if isinstance(value, Fraction) else value for name, value in vars(look).items()},
        "at": str(at),
        "width": width,
    }
    sandbox.ask(sandbox.command(__name__, "--", json.dumps(request)), LIMITS)


# In the child --------------------------------------------------------------------------------------------------------


def drawn(request: dict[str, Any]) -> sandbox.Answer:
    info = MediaInfo.from_json(request["info"])
    video = info.require_video()
    look = look_of(request["look"])
    mark = Mark(Path(request["image"]) if request["image"] else None, request["text"])
    at = moment(look, Fraction(request["at"]), info.duration)
    painter = OverlayPainter(mark.drawn, look, video, info.duration)
    picture = next(frame_picker.frames_at(Path(request["source"]), info, [at]))
    painted = painter(planar(picture.frame), at)
    still.save(still.drawn(painted, video, request["width"]), Path(request["out"]), "jpeg")
    return {}


def look_of(told: dict[str, Any]) -> OverlayOptions:
    times = {name: Fraction(told[name]) for name in ("start", "fade")}
    end = None if told["end"] is None else Fraction(told["end"])
    known = {field.name for field in dataclasses.fields(OverlayOptions)}
    return OverlayOptions(**{name: value for name, value in told.items() if name in known} | times | {"end": end})


def moment(look: OverlayOptions, at: Fraction, duration: Fraction) -> Fraction:
    """The requested time, or the first at which all of the mark shows when nothing of it does then."""
    if look.strength(at, duration) > 0:
        return at
    end = duration if look.end is None else min(look.end, duration)
    return look.start + min(look.fade, (end - look.start) / 2)


def planar(frame: VideoFrame) -> VideoFrame:
    """The frame as it is encoded: 4:2:0 of 8 bits in its own colours."""
    rgb = frame.format.is_rgb
    full = frame.format.name.startswith("yuvj") or (frame.color_range == ColorRange.JPEG and not rgb)
    return frame.reformat(
        max(2, frame.width & ~1),
        max(2, frame.height & ~1),
        "yuvj420p" if full else "yuv420p",
        dst_colorspace=Colorspace.ITU709 if rgb else None,
        dst_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
    )


def main(argv: Sequence[str] | None = None) -> None:
    request = (argv if argv is not None else sys.argv[1:])[-1]
    sandbox.answer(lambda: drawn(json.loads(request)))


if __name__ == "__main__":
    main()
