"""One audio track of a recording that work is done on."""

import dataclasses
from fractions import Fraction
from pathlib import Path

from jobs.engine.model.mediainfo import AudioTrack, MediaInfo, demuxer


@dataclasses.dataclass(frozen=True)
class AudioSource:
    """A file, its facts, and the track."""

    path: Path
    info: MediaInfo
    track: AudioTrack

    @property
    def format(self) -> str:
        """libavformat's name of the demuxer that reads the file."""
        return demuxer(self.info)

    @property
    def start(self) -> Fraction:
        """The time stamp, in seconds, that counts as zero."""
        return self.info.start
