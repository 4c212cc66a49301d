"""Taking one track of sound out of a recording: copied as it is where that is possible, else encoded once.

A copy reads and writes compressed packets only. An encoded track starts with the recording: where it begins later or
has a hole, there is silence, so that it still fits the picture.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from jobs.engine import ffmpeg, loudness, process, soundfiles
from jobs.engine.inspection import inspect
from jobs.engine.loudness import Levelling
from jobs.engine.media import AudioTrack, MediaInfo, demuxer
from jobs.engine.pcm import output_channels
from jobs.engine.render import whole
from jobs.engine.soundfiles import SoundFile
from jobs.errors import InputError, ToolError

SoundFormat = Literal["copy", "mp3", "m4a", "opus", "flac", "wav"]
# Of the time it takes with a target loudness: measuring against encoding.
MEASURING_SHARE = 0.5
# A bit rate is a mean: a source this little above the wished one need not be encoded.
RATE_TOLERANCE = 1.05
# What containers write about themselves, which would be wrong in another.
OWN_TAGS = ("major_brand", "minor_version", "compatible_brands")

Progress = Callable[[float, str], None]


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


@dataclasses.dataclass(frozen=True)
class Extracted:
    """What was made: the file's facts, whether it was copied, and what was done about its loudness."""

    track: AudioTrack
    file: SoundFile
    copied: bool
    info: MediaInfo
    levelling: Levelling | None = None

    @property
    def summary(self) -> str:
        """What was done, in a sentence without its full stop."""
        if self.copied:
            return "Copied as it was"
        if self.levelling is None:
            return "Encoded"
        return f"Encoded at {self.levelling.after.integrated_lufs:.1f} LUFS"

    def to_json(self) -> dict[str, Any]:
        (made,) = self.info.audio
        return {
            "summary": self.summary,
            "copied": self.copied,
            "codec": made.codec,
            "sample_rate": made.sample_rate,
            "channels": made.channels,
            "bit_rate": made.bit_rate or round(self.info.size_bytes * 8 / self.info.duration),
            "duration": round(float(self.info.duration), 6),
            "language": self.track.language,
            "loudness": self.levelling.to_json() if self.levelling else None,
        }


def file_for(track: AudioTrack, wish: Wish) -> SoundFile:
    return soundfiles.home_of(track.codec) if wish.format == "copy" else soundfiles.FILES[wish.format]


def format_of(file: SoundFile) -> SoundFormat:
    """The format whose file this is. Raises KeyError for files that nothing is encoded for."""
    formats: dict[str, SoundFormat] = {".mp3": "mp3", ".m4a": "m4a", ".opus": "opus", ".flac": "flac", ".wav": "wav"}
    return formats[file.suffix]


def can_copy(track: AudioTrack, wish: Wish) -> bool:
    """Whether the track as it is already is what is wished for."""
    if wish.format == "copy":
        return True
    if track.codec not in soundfiles.FILES[wish.format].holds or wish.loudness_lufs is not None:
        return False
    small = not wish.bitrate_kbps or 0 < track.bit_rate <= wish.bitrate_kbps * 1000 * RATE_TOLERANCE
    return small and not (wish.mono and track.channels > 1)


def extract(
    source: Path,
    info: MediaInfo,
    track: AudioTrack,
    output: Path,
    wish: Wish,
    *,
    progress: Progress,
    log: process.CommandLog | None = None,
) -> Extracted:
    """Write a track to `output`, whose name should end in `file_for(track, wish).suffix`; it appears when it is whole.

    `progress` gets a fraction from 0 to 1 and a stage in plain words; what it raises ends the work and leaves nothing.
    Raises InputError (`cannot_copy`, `no_loudness`), ToolError, ResourceError.
    """
    file, copied, levelling, begun = file_for(track, wish), can_copy(track, wish), None, 0.0
    if wish.loudness_lufs is not None and not copied:
        begun = MEASURING_SHARE
        levelling = loudness.levelled(
            source,
            info,
            track,
            wish.loudness_lufs,
            _mixed(track, wish),
            rate=track.sample_rate,
            progress=lambda done: progress(begun * done, "Measuring the loudness"),
            log=log,
        )
    stage = "Copying the sound" if copied else "Encoding the sound"
    with whole(output) as part:
        argv = argv_of(source, info, track, file, wish, part, copied=copied, levelling=levelling)
        try:
            ffmpeg.follow(argv, info.duration, lambda done: progress(begun + (1 - begun) * done, stage), log=log)
        except ToolError as error:
            if not copied:
                raise
            raise InputError(
                f"This sound ({track.codec}) cannot be copied into a file of its own. Choose a format such as FLAC.",
                detail=error.detail,
                code="cannot_copy",
            ) from error
    progress(1.0, stage)
    return Extracted(track, file, copied, inspect(output), levelling)


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
        *(ffmpeg.program(), "-y", "-nostdin", "-hide_banner", "-loglevel", "warning"),
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
    filters = [*_mixed(track, wish), *(levelling.filters(track.sample_rate) if levelling else [])]
    kbps = wish.bitrate_kbps or file.usual_kbps(_channels(track, wish))
    return ["-af", ",".join(filters), *file.encoder(track, kbps)]


def _mixed(track: AudioTrack, wish: Wish) -> list[str]:
    return [soundfiles.in_time(_channels(track, wish))]


def _channels(track: AudioTrack, wish: Wish) -> int:
    return 1 if wish.mono else min(output_channels(track), file_for(track, wish).channels)
