"""Taking one track of sound out of a recording: copied as it is where that is possible, else encoded once.

A copy reads and writes compressed packets only. An encoded track starts with the recording: where it begins later or
has a hole, there is silence, so that it still fits the picture.
"""

import dataclasses
from pathlib import Path
from typing import Any

from jobs.engine.audio import loudness
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.loudness import Levelling
from jobs.engine.audio.track_file import AudioFileOptions, argv_of, can_copy, channel_filters, file_for
from jobs.engine.container import ffmpeg
from jobs.engine.container.audio_files import AudioFileFormat
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo
from jobs.engine.model.told import Told
from jobs.engine.probe.inspection import inspect
from jobs.engine.render.render import whole
from jobs.engine.runtime.workspace import Workspace
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


def extract(audio: AudioSource, options: AudioFileOptions, output: Path, work: Workspace) -> Extracted:
    """Write a track to `output`, whose name should end in `file_for(track, options).suffix`; it appears when it is
    whole.

    Raises InputError (`cannot_copy`, `no_loudness`), ToolError, ResourceError, and what `work.progress` raises.
    """
    track, levelling, begun = audio.track, None, 0.0
    file, copied = file_for(track, options), can_copy(track, options)
    if options.loudness_lufs is not None and not copied:
        begun = MEASURING_SHARE
        levelling = loudness.levelled(
            audio,
            options.loudness_lufs,
            channel_filters(track, options),
            rate=track.sample_rate,
            progress=lambda done: work.progress(begun * done, "Measuring the loudness"),
            log=work.log,
        )
    stage = "Copying the sound" if copied else "Encoding the sound"
    with whole(output) as part:
        argv = argv_of(audio, file, options, part, copied=copied, levelling=levelling)
        encoding = work.share(begun, 1)
        try:
            ffmpeg.follow(argv, audio.info.duration, lambda done: encoding.progress(done, stage), log=work.log)
        except ToolError as error:
            if not copied:
                raise
            raise InputError(
                f"This sound ({track.codec}) cannot be copied into a file of its own. Choose a format such as FLAC.",
                detail=error.detail,
                code="cannot_copy",
            ) from error
    work.progress(1.0, stage)
    return Extracted(track, file, copied, inspect(output), levelling)
