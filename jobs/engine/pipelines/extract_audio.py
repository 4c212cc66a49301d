"""Taking one track of sound out of a recording: copied as it is where that is possible, else encoded once.

A copy reads and writes compressed packets only. An encoded track starts with the recording: where it begins later or
has a hole, there is silence, so that it still fits the picture.
"""

import dataclasses
from pathlib import Path
from typing import Any

from jobs.engine.audio import loudness
from jobs.engine.audio.loudness import Levelling
from jobs.engine.audio.track_file import AudioFileOptions, argv_of, can_copy, channel_filters, file_for
from jobs.engine.container import ffmpeg
from jobs.engine.container.audio_files import AudioFileFormat
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo
from jobs.engine.model.progress import Progress
from jobs.engine.model.told import Told
from jobs.engine.probe.inspection import inspect
from jobs.engine.render.render import whole
from jobs.engine.runtime import subprocess_runner
from jobs.errors import InputError, ToolError

# Of the time it takes with a target loudness: measuring against encoding.
MEASURING_SHARE = 0.5


@dataclasses.dataclass(frozen=True)
class Extracted:
    """What was made: the file's facts, whether it was copied, and what was done about its loudness."""

    track: AudioTrack
    file: AudioFileFormat
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
            **Told(summary=self.summary).to_json(),
            "copied": self.copied,
            "codec": made.codec,
            "sample_rate": made.sample_rate,
            "channels": made.channels,
            "bit_rate": made.bit_rate or round(self.info.size_bytes * 8 / self.info.duration),
            "duration": round(float(self.info.duration), 6),
            "language": self.track.language,
            "loudness": self.levelling.to_json() if self.levelling else None,
        }


def extract(
    source: Path,
    info: MediaInfo,
    track: AudioTrack,
    output: Path,
    options: AudioFileOptions,
    *,
    progress: Progress,
    log: subprocess_runner.CommandLog | None = None,
) -> Extracted:
    """Write a track to `output`, whose name should end in `file_for(track, options).suffix`; it appears when it is
    whole.

    `progress` gets a fraction from 0 to 1 and a stage in plain words; what it raises ends the work and leaves nothing.
    Raises InputError (`cannot_copy`, `no_loudness`), ToolError, ResourceError.
    """
    file, copied, levelling, begun = file_for(track, options), can_copy(track, options), None, 0.0
    if options.loudness_lufs is not None and not copied:
        begun = MEASURING_SHARE
        levelling = loudness.levelled(
            source,
            info,
            track,
            options.loudness_lufs,
            channel_filters(track, options),
            rate=track.sample_rate,
            progress=lambda done: progress(begun * done, "Measuring the loudness"),
            log=log,
        )
    stage = "Copying the sound" if copied else "Encoding the sound"
    with whole(output) as part:
        argv = argv_of(source, info, track, file, options, part, copied=copied, levelling=levelling)
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
