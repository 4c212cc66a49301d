"""Captions that come inside a recording as text tracks."""

import contextlib
import dataclasses
from pathlib import Path

import av
import av.error

from jobs.engine.captions import cues
from jobs.engine.captions.cues import Caption
from jobs.engine.container import demuxing, ffmpeg
from jobs.engine.model.mediainfo import MediaInfo, demuxer
from jobs.engine.runtime import subprocess_runner
from jobs.errors import ToolError

TEXT_CODECS = {"mov_text", "subrip", "webvtt", "ass", "ssa", "text"}
"""libavcodec's names; DVD, Blu-ray and DVB subtitles are bitmaps."""
MAXIMUM_BYTES = 20_000_000


@dataclasses.dataclass(frozen=True)
class CaptionTrack:
    """A text track by its stream index; `language` as the file tells it, empty when it does not."""

    index: int
    codec: str
    language: str = ""


def tracks(source: Path, info: MediaInfo) -> list[CaptionTrack]:
    """The text tracks of a recording, in its order; none where the file cannot be opened."""
    if not info.subtitles:
        return []
    with contextlib.suppress(av.error.FFmpegError, ValueError), demuxing.opened(source, demuxer(info)) as container:
        return [
            CaptionTrack(stream.index, stream.codec_context.codec.canonical_name, language_of(stream.language))
            for stream in container.streams.subtitles
            if stream.codec_context and stream.codec_context.codec.canonical_name in TEXT_CODECS
        ]
    return []


def language_of(stated: str | None) -> str:
    """What a track says of its language; empty when that is nothing."""
    return stated if stated and stated.isalpha() and stated != "und" else ""


def read(
    source: Path, info: MediaInfo, track: CaptionTrack, *, log: subprocess_runner.CommandLog | None = None
) -> list[Caption]:
    """The captions of one track. Raises ToolError, ResourceError."""
    argv = [
        *(ffmpeg.program(), "-nostdin", "-hide_banner", "-loglevel", "warning"),
        *ffmpeg.SAFE_INPUT,
        # Time stamps as they are stored: ours count from the video and the audio, not from the first caption.
        *("-copyts", "-f", demuxer(info), "-i", f"file:{source}", "-map", f"0:{track.index}"),
        *("-fs", str(MAXIMUM_BYTES), "-f", "srt", "pipe:1"),
    ]
    text = subprocess_runner.output(argv, log=log).decode("utf-8", "replace")
    return cues.shifted(cues.parse(text), -info.start)


Stored = list[tuple[CaptionTrack, list[Caption]]]
"""Text tracks with their captions."""


def all_of(source: Path, info: MediaInfo, *, log: subprocess_runner.CommandLog | None = None) -> Stored:
    """Every text track that has captions. One that cannot be read is left out: it is no reason to lose a cut."""
    log = log or subprocess_runner.CommandLog()
    tracks_read = []
    for track in tracks(source, info):
        try:
            read_ones = read(source, info, track, log=log)
        except ToolError as error:
            log.line(f"{error.message} {error.detail}")
            continue
        if read_ones:
            tracks_read.append((track, read_ones))
    return tracks_read
