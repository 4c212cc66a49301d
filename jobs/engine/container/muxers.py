"""The containers that results are written in: what each is called, and what it can hold.

Results are made and proven as MP4 or QuickTime, whose clocks hold every time to the tick; what becomes Matroska, WebM
or an audio file is moved there from a proven file (`remux`).
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from jobs.engine.container import audio_files, demuxing
from jobs.engine.container.audio_files import AudioFileFormat
from jobs.engine.model.media_types import MEDIA_TYPES
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo, demuxer
from jobs.errors import InputError

ContainerChoice = Literal["mp4", "source", "mov", "mkv", "webm"]
"""What a person chooses; "source" is the recording's own, where that can be written."""
AudioCoding = Literal["aac", "opus", "flac", "flac24"]
"""How audio is encoded. "flac" keeps the bits that the source has, "flac24" 24 a sample, for what is encoded later."""
VIDEO_CODECS_IN_MP4 = {"h264", "hevc", "av1", "vp9", "mpeg4", "mpeg2video"}
"""Video codecs that MP4 holds in a way that players know."""
VIDEO_CODECS_IN_MOV = {
    "h264",
    "hevc",
    "mpeg4",
    "prores",
    "dnxhd",
    "mjpeg",
    "jpeg2000",
    "dvvideo",
    "cfhd",
    "rawvideo",
    "v210",
}
AUDIO_CODECS_IN_MP4 = {"aac", "mp3", "mp3float", "ac3", "eac3", "opus", "libopus", "flac", "alac"}
"""Audio codecs that MP4 holds in a way that players know."""
AUDIO_CODECS_IN_MOV = {"aac", "mp3", "mp3float", "ac3", "eac3", "alac"}
"""Beside PCM, which MP4 holds in a way that few know."""
VIDEO_CODECS_IN_WEBM = {"vp8", "vp9", "av1"}
AUDIO_CODECS_IN_WEBM = {"opus", "vorbis"}


@dataclasses.dataclass(frozen=True)
class Container:
    """`muxer` and `demuxer` are libavformat's names. `audio_coding` is how audio is encoded for it, `video_codec` how
    video is (HEVC in place of H.264 where there is more than eight bits hold), and `subtitle_codec` how captions are.

    `audio_file` is the file of one track that a proven result is taken out to; None for what holds several.
    """

    name: str
    suffix: str
    muxer: str
    demuxer: str = "mov"
    audio_coding: AudioCoding = "aac"
    video_codec: Literal["h264", "vp9"] = "h264"
    subtitle_codec: str = "mov_text"
    audio_file: AudioFileFormat | None = None
    audio_only: bool = False

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[".weba" if self.audio_only and self.suffix == ".webm" else self.suffix]

    @property
    def checked_muxer(self) -> str:
        """The muxer of the file that a result is made and proven as."""
        return "mov" if self.muxer == "mov" else "mp4"

    @property
    def needs_remux(self) -> bool:
        """Whether a proven file has to be moved into it."""
        return self.demuxer != "mov"

    def as_stored(self, info: MediaInfo) -> MediaInfo:
        """The recording as it is stored in this container: WebM does not say which way is up, so it is turned."""
        if self.muxer != "webm" or info.video is None:
            return info
        return dataclasses.replace(info, video=dataclasses.replace(info.video, rotation=0, mirrored=False))

    def can_copy(self, info: MediaInfo) -> bool:
        """Whether it shows the recording's pictures as they are stored, the same way up."""
        video = info.require_video()
        return self.as_stored(info) == info and self.holds_video(video.codec)

    def holds_video(self, codec: str) -> bool:
        known = {"mp4": VIDEO_CODECS_IN_MP4, "mov": VIDEO_CODECS_IN_MOV, "webm": VIDEO_CODECS_IN_WEBM}.get(self.muxer)
        return known is None or codec in known

    def holds_audio(self, codec: str) -> bool:
        if self.audio_file:
            return codec in self.audio_file.holds
        if self.muxer == "mov":
            return codec in AUDIO_CODECS_IN_MOV or codec.startswith("pcm_")
        known = {"mp4": AUDIO_CODECS_IN_MP4, "webm": AUDIO_CODECS_IN_WEBM}.get(self.muxer)
        return known is None or codec in known

    def holds(self, video_codec: str | None, audio_codecs: Sequence[str]) -> bool:
        """Whether all of these codecs can be copied into it."""
        return (video_codec is None or self.holds_video(video_codec)) and all(map(self.holds_audio, audio_codecs))


MP4 = Container("MP4", ".mp4", "mp4")
MOV = Container("QuickTime", ".mov", "mov")
MKV = Container("Matroska", ".mkv", "matroska", "matroska", subtitle_codec="srt")
WEBM = Container("WebM", ".webm", "webm", "matroska", "opus", "vp9", "webvtt")
M4A = Container("M4A", ".m4a", "mp4", audio_only=True)
MKA = dataclasses.replace(MKV, suffix=".mka", audio_only=True)
WEBA = dataclasses.replace(WEBM, audio_only=True)
AUDIO_FILES = tuple(
    Container(
        name.upper(),
        file.suffix,
        file.muxer,
        "ogg" if name == "opus" else name,
        "flac",
        audio_file=file,
        audio_only=True,
    )
    for name, file in audio_files.FORMATS.items()
    if name in ("mp3", "wav", "flac", "opus")
)
"""Files of one audio track, and of nothing else."""
ALL = (MP4, dataclasses.replace(MP4, suffix=".m4v"), MOV, MKV, WEBM, M4A, MKA, *AUDIO_FILES)
SUFFIXES = tuple(container.suffix for container in ALL)
CHOICES = {"mp4": MP4, "mov": MOV, "mkv": MKV, "webm": WEBM}


def for_name(path: Path) -> Container:
    """The container that a name stands for. Raises InputError (`bad_name`)."""
    container = next((one for one in ALL if one.suffix == path.suffix.lower()), None)
    if container is None:
        raise InputError(f"Give the result a name that ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}.")
    return container


def chosen_container(name: ContainerChoice, source: Path, info: MediaInfo) -> Container:
    """The container of a result, as chosen for a recording."""
    return without_video(of_recording(source, info) if name == "source" else CHOICES[name], info)


def without_video(container: Container, info: MediaInfo) -> Container:
    """The same for audio alone, where that has a name of its own."""
    return container if info.video else {MP4: M4A, MKV: MKA, WEBM: WEBA}.get(container, container)


def of_recording(source: Path, info: MediaInfo) -> Container:
    """The container that is the recording's own; MP4 where that is none that is written here."""
    kind = demuxer(info)
    if kind == "mov":
        with demuxing.recording(source, kind) as opened:
            return MOV if opened.metadata.get("major_brand", "").startswith("qt") else MP4
    if kind == "matroska":
        with source.open("rb") as file:
            return WEBM if b"webm" in file.read(64) else MKV
    if info.video is None:
        codec = info.audio[0].codec if info.audio else ""
        return next((one for one in AUDIO_FILES if one.demuxer == kind and one.holds_audio(codec)), MP4)
    return MP4


def for_copies(
    name: ContainerChoice,
    source: Path,
    info: MediaInfo,
    video_codec: str | None,
    audio_codecs: Sequence[str],
    usual: Sequence[Container],
) -> Container:
    """The container of a result that these tracks are copied into, as chosen for a recording.

    `usual` are tried in their order where nothing else is asked for, or where the recording's own does not hold them.
    WebM holds everything: what it does not take is encoded for it. Raises InputError (`bad_container`).
    """
    own = [of_recording(source, info)] if name == "source" else []
    wanted = [CHOICES[name]] if name in ("mov", "mkv", "webm") else [*own, *usual]
    container = next((one for one in wanted if one is WEBM or one.holds(video_codec, audio_codecs)), None)
    if container is None:
        codecs = ", ".join(dict.fromkeys(filter(None, (video_codec, *audio_codecs))))
        raise InputError(
            f"{wanted[0].name} cannot hold this recording as it is ({codecs}). Choose Matroska, or MP4.",
            code="bad_container",
        )
    return without_video(container, info)


def check_choice(name: ContainerChoice, info: MediaInfo, video_codec: str | None, audio_codecs: Sequence[str]) -> None:
    """Raise InputError (`bad_container`) when what was chosen cannot hold these tracks."""
    if name == "webm" and info.video is None:
        raise InputError("WebM is for recordings with a picture. Choose another kind of file.", code="bad_container")
    if name == "mov":
        for_copies(name, Path(), info, video_codec, audio_codecs, ())


def audio_track_of(info: MediaInfo, track: int | str) -> AudioTrack:
    """The one track of a file that holds no more: the one that is listened to, or the first. Raises InputError."""
    if not info.audio:
        raise InputError(
            "This recording has no sound. Name the result as a video, such as one that ends in .mp4.", code="no_audio"
        )
    return info.audio[track if isinstance(track, int) else 0]
