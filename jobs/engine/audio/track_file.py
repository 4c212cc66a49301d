"""One track of sound in a file of its own: what it is to be, whether it can be a copy, and ffmpeg's command line."""

import dataclasses
from pathlib import Path
from typing import Literal

from jobs.engine.audio.decoder import output_channels
from jobs.engine.audio.loudness import Levelling
from jobs.engine.container import audio_files, ffmpeg
from jobs.engine.container.audio_files import SoundFile
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo, demuxer

SoundFormat = Literal["copy", "mp3", "m4a", "opus", "flac", "wav"]
# A bit rate is a mean: a source this little above the wished one need not be encoded.
RATE_TOLERANCE = 1.05
# What containers write about themselves, which would be wrong in another.
OWN_TAGS = ("major_brand", "minor_version", "compatible_brands")


@dataclasses.dataclass(frozen=True)
class Wish:
    """What the file is to be.

    `bitrate_kbps` is for the whole track, None for the usual one; `loudness_lufs` is the integrated loudness to bring
    it to, None to leave it; `mono` mixes all channels into one.
    """

    format: SoundFormat = "copy"
    bitrate_kbps: int | None = None
    loudness_lufs: float | None = None
    mono: bool = False


def file_for(track: AudioTrack, wish: Wish) -> SoundFile:
    return audio_files.home_of(track.codec) if wish.format == "copy" else audio_files.FILES[wish.format]


def format_of(file: SoundFile) -> SoundFormat:
    """The format whose file this is. Raises KeyError for files that nothing is encoded for."""
    formats: dict[str, SoundFormat] = {".mp3": "mp3", ".m4a": "m4a", ".opus": "opus", ".flac": "flac", ".wav": "wav"}
    return formats[file.suffix]


def can_copy(track: AudioTrack, wish: Wish) -> bool:
    """Whether the track as it is already is what is wished for."""
    if wish.format == "copy":
        return True
    if track.codec not in audio_files.FILES[wish.format].holds or wish.loudness_lufs is not None:
        return False
    small = not wish.bitrate_kbps or 0 < track.bit_rate <= wish.bitrate_kbps * 1000 * RATE_TOLERANCE
    return small and not (wish.mono and track.channels > 1)


def argv_of(
    source: Path,
    info: MediaInfo,
    track: AudioTrack,
    file: SoundFile,
    wish: Wish,
    output: Path,
    *,
    copied: bool,
    levelling: Levelling | None = None,
) -> list[str]:
    """ffmpeg's command line from a recording to a file with one track of it, its tags and chapters."""
    return [
        *ffmpeg.writing(),
        *(*ffmpeg.reading(source, demuxer(info)), "-map", f"0:{track.index}"),
        *("-map_metadata:g", _place_of_tags(info, track), "-map_metadata:s:a:0", f"0:s:{track.index}"),
        *("-map_chapters", "0"),
        *(option for tag in OWN_TAGS for option in ("-metadata", f"{tag}=")),
        *(("-c", "copy") if copied else _coding(track, file, wish, levelling)),
        # No index moved to the front: players ask for the end of a file, and a copy would be written twice.
        *(*file.options, "-progress", "pipe:1", "-f", file.muxer, f"file:{output}"),
    ]


def _place_of_tags(info: MediaInfo, track: AudioTrack) -> str:
    # Ogg has tags of tracks alone, where others have those of the recording.
    return f"0:s:{track.index}" if demuxer(info) == "ogg" else "0"


def _coding(track: AudioTrack, file: SoundFile, wish: Wish, levelling: Levelling | None) -> list[str]:
    assert file.encoder is not None
    filters = [*mixed(track, wish), *(levelling.filters(track.sample_rate) if levelling else [])]
    kbps = wish.bitrate_kbps or file.usual_kbps(_channels(track, wish))
    return ["-af", ",".join(filters), *file.encoder(track, kbps)]


def mixed(track: AudioTrack, wish: Wish) -> list[str]:
    """The filters that give a track the channels that the file is to have, without holes."""
    return [audio_files.in_time(_channels(track, wish))]


def _channels(track: AudioTrack, wish: Wish) -> int:
    return 1 if wish.mono else min(output_channels(track), file_for(track, wish).channels)
