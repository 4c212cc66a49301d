"""Files of sound alone: what each can hold as it is, and how sound is encoded for it."""

import dataclasses
from collections.abc import Callable

from jobs.engine.model.audio_layout import HOLE_SECONDS, LAYOUTS
from jobs.engine.model.mediainfo import AudioTrack


@dataclasses.dataclass(frozen=True)
class SoundFile:
    """A kind of file. `holds` are libavcodec's names of what can be copied into it; none means anything.

    `encoder` turns a track and a bit rate into ffmpeg's output options; None for files that are only copied into.
    `kbps` is the usual bit rate of one channel, `most_kbps` what the format allows in all; 0 when it has none.
    """

    suffix: str
    muxer: str
    media_type: str
    holds: frozenset[str] = frozenset()
    encoder: Callable[[AudioTrack, int], list[str]] | None = None
    kbps: int = 0
    most_kbps: int = 0
    channels: int = 8
    options: tuple[str, ...] = ()

    def usual_kbps(self, channels: int) -> int:
        """The bit rate for so many channels when none is asked for."""
        # One channel cannot borrow from another.
        return min(self.most_kbps, self.kbps * 3 // 2 if channels == 1 else self.kbps * channels)


def in_time(channels: int) -> str:
    """ffmpeg's filter that puts every sample at its time after the recording's start, into so many channels."""
    clock = f"aresample=async=1:min_comp=0.00001:min_hard_comp={HOLE_SECONDS}:first_pts=0"
    return f"{clock}:ochl={LAYOUTS[channels]}"


def _mp3(track: AudioTrack, kbps: int) -> list[str]:
    return ["-c:a", "libmp3lame", "-b:a", f"{kbps}k"]


def _aac(track: AudioTrack, kbps: int) -> list[str]:
    # Quicker, and the better one for speech at such rates.
    return ["-c:a", "aac", "-aac_coder", "fast", "-b:a", f"{kbps}k"]


def _opus(track: AudioTrack, kbps: int) -> list[str]:
    return ["-c:a", "libopus", "-b:a", f"{kbps}k"]


def _flac(track: AudioTrack, kbps: int) -> list[str]:
    return ["-c:a", "flac", "-sample_fmt", "s32" if is_deep(track) else "s16"]


def _wav(track: AudioTrack, kbps: int) -> list[str]:
    return ["-c:a", "pcm_s24le" if is_deep(track) else "pcm_s16le"]


def is_deep(track: AudioTrack) -> bool:
    """Whether a track without loss has more than 16 bits a sample; lossy ones have no more to tell apart."""
    return track.codec in {"pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f32be", "pcm_f64le"}


PCM_OF_WAV = frozenset({"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"})

FILES = {
    "mp3": SoundFile(".mp3", "mp3", "audio/mpeg", frozenset({"mp3"}), _mp3, 96, 320, channels=2),
    "m4a": SoundFile(".m4a", "ipod", "audio/mp4", frozenset({"aac", "alac"}), _aac, 80, 512),
    "opus": SoundFile(".opus", "opus", "audio/ogg", frozenset({"opus"}), _opus, 64, 510),
    "flac": SoundFile(".flac", "flac", "audio/flac", frozenset({"flac"}), _flac),
    # Beyond 4 GB only RF64 has room for the size.
    "wav": SoundFile(".wav", "wav", "audio/wav", PCM_OF_WAV, _wav, options=("-rf64", "auto")),
    "ogg": SoundFile(".ogg", "ogg", "audio/ogg", frozenset({"vorbis"})),
    "mka": SoundFile(".mka", "matroska", "audio/x-matroska"),
}
ENCODED = tuple(name for name, file in FILES.items() if file.encoder)


def home_of(codec: str) -> SoundFile:
    """The most common kind of file that holds this codec as it is."""
    return next(file for file in FILES.values() if codec in file.holds or not file.holds)
