"""A recording that work is done on."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from jobs.engine.model.mediainfo import AudioTrack, MediaInfo
from jobs.engine.video.frame_index import FrameIndex


@dataclasses.dataclass(frozen=True)
class Source:
    """A file, its facts, and when its frames are shown; there is no `index` of audio alone.

    What is not to be in a result (its picture, some of its tracks) the facts leave out. `stand_ins` are audio files
    that are listened to and rendered in the place of audio tracks, by the indexes of these; each has one track, whose
    first sample is heard at the recording's start.
    """

    path: Path
    info: MediaInfo
    index: FrameIndex | None = None
    stand_ins: Mapping[int, "Source"] = dataclasses.field(default_factory=dict)

    def audio(self, track: AudioTrack) -> tuple[Path, MediaInfo, AudioTrack]:
        """Where the samples of one of its audio tracks are: a file, its facts, and the track in that."""
        other = self.stand_ins.get(track.index)
        return (other.path, other.info, other.info.audio[0]) if other else (self.path, self.info, track)

    def require_index(self) -> FrameIndex:
        """Of a recording whose frames are known to have been indexed."""
        assert self.index is not None
        return self.index

    @property
    def audio_only(self) -> "Source":
        """The same without its picture."""
        return dataclasses.replace(self, info=dataclasses.replace(self.info, video=None), index=None)

    def with_audio(self, *tracks: AudioTrack) -> "Source":
        """The same with no other audio than these of its tracks."""
        return dataclasses.replace(self, info=dataclasses.replace(self.info, audio=tracks))
