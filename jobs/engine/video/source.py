"""A recording that work is done on."""

import dataclasses
from pathlib import Path

from jobs.engine.model.mediainfo import AudioTrack, MediaInfo
from jobs.engine.video.frame_index import FrameIndex


@dataclasses.dataclass(frozen=True)
class Source:
    """A file, its facts, and when its frames are shown; there is no `index` of audio alone.

    What is not to be in a result (its picture, some of its tracks) the facts leave out.
    """

    path: Path
    info: MediaInfo
    index: FrameIndex | None = None

    def require_index(self) -> FrameIndex:
        """Of a recording whose frames are known to have been indexed."""
        assert self.index is not None
        return self.index

    @property
    def audio_only(self) -> "Source":
        """The same without its picture."""
        return Source(self.path, dataclasses.replace(self.info, video=None))

    def with_audio(self, *tracks: AudioTrack) -> "Source":
        """The same with no other audio than these of its tracks."""
        return dataclasses.replace(self, info=dataclasses.replace(self.info, audio=tracks))
