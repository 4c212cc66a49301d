"""One picture of a recording as it is, for somebody who chooses what becomes of it: drawn in a bounded child process.

`python -m jobs.engine.pipelines.frame_preview REQUEST` takes JSON and prints a line of it: `{}`, or what went wrong
(see `sandbox`).
"""

import json
import os
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.pipelines.watermark_preview import LIMITS
from jobs.engine.runtime import sandbox
from jobs.engine.video import frame_picker, still
from jobs.engine.video.source import Source


def draw(source: Source, at: Fraction, out: Path, *, width: int) -> None:
    """Write the picture on show at `at`, seconds after the start, upright and in its right aspect, to `out`, a JPEG of
    at most `width` pixels. Raises InputError where there is no picture, Crash, ResourceError."""
    source.info.require_video()
    request = {
        "source": os.fspath(source.path.absolute()),
        "out": os.fspath(out.absolute()),
        "info": source.info.to_json(),
        "at": str(at),
        "width": width,
    }
    sandbox.ask(sandbox.command(__name__, "--", json.dumps(request)), LIMITS)


# In the child --------------------------------------------------------------------------------------------------------


def drawn(request: dict[str, Any]) -> sandbox.Answer:
    info = MediaInfo.from_json(request["info"])
    picture = next(frame_picker.frames_at(Path(request["source"]), info, [Fraction(request["at"])]))
    image = still.drawn(picture.frame, info.require_video(), request["width"])
    still.save(image, Path(request["out"]), "jpeg")
    return {}


def main(argv: Sequence[str] | None = None) -> None:
    request = (argv if argv is not None else sys.argv[1:])[-1]
    sandbox.answer(lambda: drawn(json.loads(request)))


if __name__ == "__main__":
    main()
