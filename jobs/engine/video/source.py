"""A recording that work is done on."""

import dataclasses
from pathlib import Path

from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.video.frame_index import FrameIndex


@dataclasses.dataclass(frozen=True)
class Source:
    """A file, its facts, and when its frames are shown; there is no `index` of audio alone.

    What is not to be in a result (its picture, some of its tracks) the facts leave out.
    """

    path: Path
    info: MediaInfo
    index: FrameIndex | None = None
