"""One audio track in a file of its own: what it is to be, whether it can be a copy, and ffmpeg's command line."""

import dataclasses
from pathlib import Path
from typing import Literal

from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.decoder import output_channels
from jobs.engine.audio.loudness import Levelling
from jobs.engine.container import audio_files, ffmpeg
from jobs.engine.container.audio_files import AudioFileFormat
from jobs.engine.model.mediainfo import AudioTrack

AudioFormat = Literal["copy", "mp3", "m4a", "opus", "flac", "wav"]
# A bit rate is a mean: a source this little above the requested one need not be encoded.
BIT_RATE_TOLERANCE = 1.05
# What containers write about themselves, which would be wrong in another.
OWN_TAGS = ("major_brand", "minor_version", "compatible_brands")


@dataclasses.dataclass(frozen=True)
class AudioFileOptions:
    """What the file is to be.

    `bitrate_kbps` is for the whole track, None for the usual one; `loudness_lufs` is the integrated loudness to bring
    it to, None to leave it; `mono` mixes all channels into one.
    """

    format: AudioFormat = "copy"
    bitrate_kbps: int | None = None
    loudness_lufs: float | None = None
    mono: bool = False


def file_for(track: AudioTrack, options: AudioFileOptions) -> AudioFileFormat:
    return audio_files.format_holding(track.codec) if options.format == "copy" else audio_files.FORMATS[options.format]


def format_of(file: AudioFileFormat) -> AudioFormat:
    """The format whose file this is. Raises KeyError for files that nothing is encoded for."""
    formats: dict[str, AudioFormat] = {".mp3": "mp3", ".m4a": "m4a", ".opus": "opus", ".flac": "flac", ".wav": "wav"}
    return formats[file.suffix]


def can_copy(track: AudioTrack, options: AudioFileOptions) -> bool:
    """Whether the track as it is already is what is asked for."""
    if options.format == "copy":
        return True
    if track.codec not in audio_files.FORMATS[options.format].holds or options.loudness_lufs is not None:
        return False
    small = not options.bitrate_kbps or 0 < track.bit_rate <= options.bitrate_kbps * 1000 * BIT_RATE_TOLERANCE
    return small and not (options.mono and track.channels > 1)


def argv_of(
    audio: AudioSource,
    file: AudioFileFormat,
    options: AudioFileOptions,
    output: Path,
    *,
    copied: bool,
    levelling: Levelling | None = None,
) -> list[str]:
    """ffmpeg's command line from a recording to a file with one track of it, its tags and chapters."""
    track = audio.track
    return [
        *ffmpeg.writing(),
        *(*ffmpeg.reading(audio.path, audio.format), "-map", f"0:{track.index}"),
        *("-map_metadata:g", _tags_source(audio), "-map_metadata:s:a:0", f"0:s:{track.index}"),
        *("-map_chapters", "0"),
        *(option for tag in OWN_TAGS for option in ("-metadata", f"{tag}=")),
        *(("-c", "copy") if copied else _coding(track, file, options, levelling)),
        # No index moved to the front: players ask for the end of a file, and a copy would be written twice.
        *(*file.options, "-progress", "pipe:1", "-f", file.muxer, f"file:{output}"),
    ]


def _tags_source(audio: AudioSource) -> str:
    # Ogg has tags of tracks alone, where others have those of the recording.
    return f"0:s:{audio.track.index}" if audio.format == "ogg" else "0"


def _coding(
    track: AudioTrack, file: AudioFileFormat, options: AudioFileOptions, levelling: Levelling | None
) -> list[str]:
    assert file.encoder is not None
    filters = [*channel_filters(track, options), *(levelling.filters(track.sample_rate) if levelling else [])]
    kbps = options.bitrate_kbps or file.usual_kbps(_channels(track, options))
    return ["-af", ",".join(filters), *file.encoder(track, kbps)]


def channel_filters(track: AudioTrack, options: AudioFileOptions) -> list[str]:
    """The filters that give a track the channels that the file is to have, without holes."""
    return [audio_files.timestamp_sync_filter(_channels(track, options))]


def _channels(track: AudioTrack, options: AudioFileOptions) -> int:
    return 1 if options.mono else min(output_channels(track), file_for(track, options).channels)
