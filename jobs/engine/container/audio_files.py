"""Audio files: what each can hold as it is, and how audio is encoded for it."""

import dataclasses
from collections.abc import Callable

from jobs.engine.model.audio_layout import HOLE_SECONDS, LAYOUTS
from jobs.engine.model.media_types import MEDIA_TYPES
from jobs.engine.model.mediainfo import AudioTrack

# "fast" takes a third of the time of "twoloop", with less noise. Intensity stereo writes high bands once for both
# channels, which leaves little of delayed or different ones. Without TNS and noise substitution there is a little less
# noise still (`benchmarks/aac.py`).
AAC_CODER = {"aac_coder": "fast", "aac_is": "0", "aac_tns": "0", "aac_pns": "0"}
"""How ffmpeg's AAC encoder is set, wherever it is used."""
AAC_ARGUMENTS = ("-c:a", "aac", *(part for name, value in AAC_CODER.items() for part in (f"-{name}", value)))


@dataclasses.dataclass(frozen=True)
class AudioFileFormat:
    """A kind of file. `holds` are libavcodec's names of what can be copied into it; none means anything.

    `encoder` turns a track and a bit rate into ffmpeg's output options; None for files that are only copied into.
    `channel_kbps` is the usual bit rate of one channel, `maximum_kbps` what the format allows in all; 0 when it has
    none."""

    suffix: str
    muxer: str
    holds: frozenset[str] = frozenset()
    encoder: Callable[[AudioTrack, int], list[str]] | None = None
    channel_kbps: int = 0
    maximum_kbps: int = 0
    channels: int = 8
    options: tuple[str, ...] = ()

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[self.suffix]

    def usual_kbps(self, channels: int) -> int:
        """The bit rate for so many channels when none is asked for."""
        # One channel cannot borrow from another.
        return min(self.maximum_kbps, self.channel_kbps * 3 // 2 if channels == 1 else self.channel_kbps * channels)


def timestamp_sync_filter(channels: int) -> str:
    """ffmpeg's filter that puts every sample at its time after the recording's start, into so many channels."""
    clock = f"aresample=async=1:min_comp=0.00001:min_hard_comp={HOLE_SECONDS}:first_pts=0"
    return f"{clock}:ochl={LAYOUTS[channels]}"


def _mp3(track: AudioTrack, kbps: int) -> list[str]:
    return ["-c:a", "libmp3lame", "-b:a", f"{kbps}k"]


def _aac(track: AudioTrack, kbps: int) -> list[str]:
    return [*AAC_ARGUMENTS, "-b:a", f"{kbps}k"]


def _opus(track: AudioTrack, kbps: int) -> list[str]:
    return ["-c:a", "libopus", "-b:a", f"{kbps}k"]


def _flac(track: AudioTrack, kbps: int) -> list[str]:
    return ["-c:a", "flac", "-sample_fmt", "s32" if may_have_over_16_bits(track) else "s16"]


def _wav(track: AudioTrack, kbps: int) -> list[str]:
    return ["-c:a", "pcm_s24le" if has_over_16_bits(track) else "pcm_s16le"]


# With more than 16 bits a sample.
DEEP_PCM = {"pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f32be", "pcm_f64le"}


def is_lossless(track: AudioTrack) -> bool:
    return track.codec in {"flac", "alac"} or track.codec.startswith("pcm_")


def may_have_over_16_bits(track: AudioTrack) -> bool:
    """The same, asked for FLAC, where eight bits that are zero cost next to nothing: how many recordings in FLAC and
    ALAC have that were probed earlier nobody knows."""
    return track.codec in {"flac", "alac"} or has_over_16_bits(track)


def has_over_16_bits(track: AudioTrack) -> bool:
    """Whether a track without loss has more than 16 bits a sample; lossy ones have no more to tell apart."""
    return track.is_deep or track.codec in DEEP_PCM


PCM_CODECS_IN_WAV = frozenset({"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"})

FORMATS = {
    "mp3": AudioFileFormat(".mp3", "mp3", frozenset({"mp3"}), _mp3, 96, 320, channels=2),
    "m4a": AudioFileFormat(".m4a", "ipod", frozenset({"aac", "alac"}), _aac, 80, 512),
    "opus": AudioFileFormat(".opus", "opus", frozenset({"opus"}), _opus, 64, 510),
    "flac": AudioFileFormat(".flac", "flac", frozenset({"flac"}), _flac),
    # Beyond 4 GB only RF64 has room for the size.
    "wav": AudioFileFormat(".wav", "wav", PCM_CODECS_IN_WAV, _wav, options=("-rf64", "auto")),
    "ogg": AudioFileFormat(".ogg", "ogg", frozenset({"vorbis"})),
    "mka": AudioFileFormat(".mka", "matroska"),
}
ENCODED = tuple(name for name, file in FORMATS.items() if file.encoder)


def format_holding(codec: str) -> AudioFileFormat:
    """The most common kind of file that holds this codec as it is."""
    return next(file for file in FORMATS.values() if codec in file.holds or not file.holds)
