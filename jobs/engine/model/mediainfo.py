"""What a recording is: the plain facts that probing finds, as frozen data that goes to JSON and back."""

import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple, Self

from jobs.errors import InputError


class ContainerCrop(NamedTuple):
    """How many pixels a container takes off each edge of the frames that the decoder gives."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def fits(self, width: int, height: int) -> bool:
        """Whether there is something to take off a frame of this size, and something left then."""
        return any(self) and self.left + self.right < width and self.top + self.bottom < height


NO_CROP = ContainerCrop()


@dataclasses.dataclass(frozen=True)
class VideoTrack:
    """`width` and `height` are pixels as stored, without those that `crop` takes off the edges.

    `rotation` is clockwise degrees (0, 90, 180, 270) to show it upright; where it is `mirrored`, left and right have to
    change places after that.
    """

    index: int
    codec: str
    width: int
    height: int
    rotation: int = 0
    sample_aspect: Fraction = Fraction(1)
    frame_rate: Fraction = Fraction(0)
    variable_rate: bool = False
    pixel_format: str = ""
    hdr: bool = False
    bit_rate: int = 0
    mirrored: bool = False
    crop: ContainerCrop = NO_CROP

    @property
    def sideways(self) -> bool:
        """Whether a viewer sees as its width what is stored as its height."""
        return self.rotation in (90, 270)

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height in square pixels as a viewer sees it, upright."""
        width = round(self.width * self.sample_aspect)
        return (self.height, width) if self.sideways else (width, self.height)


@dataclasses.dataclass(frozen=True)
class AudioTrack:
    """`is_deep` says that it has no loss, and more than 16 bits a sample; of codecs whose name does not tell."""

    index: int
    codec: str
    sample_rate: int
    channels: int
    language: str = ""
    title: str = ""
    bit_rate: int = 0
    is_deep: bool = False


@dataclasses.dataclass(frozen=True)
class MediaInfo:
    """A probed recording. Seconds are exact; `start` is the container's start time, `duration` the length after it.

    `format` is libavformat's name of the demuxer, to be forced on every later opening of the same bytes.
    `video` leaves out cover pictures. `subtitles` are languages (or "und") of embedded text tracks. `unread` has
    what each audio track is stored as that nothing here decodes, as people call it. `clocks` is how often its clock
    starts, and `restamped` tells whether times of its frames are told wrongly: see `is_of_copy`.
    """

    format: str
    duration: Fraction
    size_bytes: int
    start: Fraction = Fraction(0)
    video: VideoTrack | None = None
    audio: tuple[AudioTrack, ...] = ()
    subtitles: tuple[str, ...] = ()
    chapters: int = 0
    unread: tuple[str, ...] = ()
    clocks: int = 1
    restamped: bool = False

    @property
    def is_of_copy(self) -> bool:
        """Whether all but `format` and `size_bytes` is said of a copy with times that rise, which is what has to be
        opened (`probe.discontinuities`)."""
        return self.clocks > 1 or self.restamped

    def require_video(self) -> VideoTrack:
        """The video track. Raises InputError (`no_picture`) where there is none."""
        if self.video is None:
            raise InputError("This recording has no picture, only sound. Choose one with a picture.", code="no_picture")
        return self.video

    def require_audio(self, track: int | str) -> tuple[AudioTrack, ...]:
        """The tracks meant by "all" or by an index among the audio tracks (0 is the first). Raises InputError."""
        if not self.audio and self.unread:
            raise InputError(
                f"The sound of this recording cannot be read here ({self.unread[0]}). Export it with another kind of "
                "sound, such as AAC.",
                code="no_audio",
            )
        if not self.audio:
            raise InputError("This recording has no sound. Choose a recording with sound.", code="no_audio")
        if track == "all":
            return self.audio
        if not isinstance(track, int) or not 0 <= track < len(self.audio):
            count = len(self.audio)
            choice = '0 or "all"' if count == 1 else f'0 to {count - 1} or "all"'
            raise InputError(f"This recording has {count} audio tracks. Choose {choice}.", code="no_track")
        return (self.audio[track],)

    @property
    def kind(self) -> str:
        return "video" if self.video else "audio"

    def to_json(self) -> dict[str, Any]:
        return _plain(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        video = data["video"]
        if video is not None:
            fractions = {key: Fraction(video[key]) for key in ("sample_aspect", "frame_rate")}
            video = VideoTrack(**{**video, **fractions, "crop": ContainerCrop(*video.get("crop", ()))})
        return cls(
            **{
                **data,
                "duration": Fraction(data["duration"]),
                "start": Fraction(data["start"]),
                "video": video,
                "audio": tuple(AudioTrack(**track) for track in data["audio"]),
                "subtitles": tuple(data["subtitles"]),
                "unread": tuple(data.get("unread", ())),
            }
        )


def demuxer(info: MediaInfo) -> str:
    """The one name to force; libavformat lists several for some demuxers."""
    return "mpegts" if info.is_of_copy else info.format.split(",")[0]


def title_of(metadata: Mapping[str, str]) -> str:
    """The title of a track in one line, from what libavformat tells of it: MP4's it calls its name."""
    return one_line(metadata.get("title") or metadata.get("name", ""))


def one_line(text: str) -> str:
    return " ".join(text.split())[:200]


def _plain(value: Any) -> Any:
    """Fractions as "n/d" strings and tuples as lists, all the way down."""
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
