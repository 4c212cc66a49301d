"""New pictures joined with all else that a recording has: its sound as it is stored, texts, chapters, names, dates."""

from collections.abc import Sequence
from pathlib import Path

from jobs.engine.captions import embedded_tracks
from jobs.engine.container import ffmpeg, muxers
from jobs.engine.container.muxers import MKV, MOV, MP4, Container, ContainerChoice
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo, demuxer
from jobs.engine.model.progress import Advance
from jobs.engine.render import mux, sidetracks
from jobs.engine.render.sidetracks import SideTrack
from jobs.engine.render.stored_packets import StoredTrack, is_audio, stored_tracks
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.video.source import Source
from jobs.errors import ToolError

MUXERS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
REPACKED = {"mpegts", "aac", "flv", "mpeg"}
"""Containers whose sound carries headers that other containers leave out."""


def suffix_for(info: MediaInfo) -> str:
    """The ending of a file that takes the recording's sound as it is: .mp4 if it can, else .mov or .mkv."""
    return container_for("mp4", Path(), info).suffix


def container_for(name: ContainerChoice, source: Path, info: MediaInfo) -> Container:
    """The container, as chosen, of new pictures beside the recording's sound as it is. Raises InputError."""
    return muxers.for_copies(name, source, info, "h264", [track.codec for track in info.audio], (MP4, MOV, MKV))


def join(source: Source, picture: Path, output: Path, *, clock_hz: int, progress: Advance, log: CommandLog) -> None:
    """Write `output`, whose ending says the container, of the one track in `picture` and what else `source` has.

    `picture` is an MP4 file whose times count from the recording's start, on a clock of `clock_hz`. `progress` gets a
    fraction. Raises ToolError, ResourceError, and what `progress` raises.
    """

    def make(side: Sequence[SideTrack]) -> None:
        command = argv(source, picture, output, clock_hz, side)
        ffmpeg.follow(command, source.info.duration, progress, log=log)

    sidetracks.with_or_without(source, output, make, log)


def argv(source: Source, picture: Path, output: Path, clock_hz: int, side: Sequence[SideTrack] = ()) -> list[str]:
    """ffmpeg's command line for `join`; `side` are tracks that are copied beside the usual ones."""
    suffix, info = output.suffix, source.info
    kept = [(f"s:v:{number}", track) for number, track in enumerate([info.require_video().index])]
    kept += [(f"s:a:{number}", track.index) for number, track in enumerate(info.audio)]
    maps = [part for track in info.audio for part in ("-map", f"1:{track.index}")]
    for number, text in enumerate(embedded_tracks.tracks(source.path, info)):
        maps += ["-map", f"1:{text.index}", f"-c:s:{number}", text_codec(text.codec, suffix)]
        kept.append((f"s:s:{number}", text.index))
    texts = len(kept) - 1 - len(info.audio)
    beside = sidetracks.argv(side, 1, muxers.for_name(output), {"v": 1, "s": texts}, named=True)
    names = [part for stream, index in kept for part in (f"-map_metadata:{stream}", f"1:s:{index}")]
    return [
        *ffmpeg.writing(),
        # Time stamps as they are, those of the source moved to count from its start like the pictures'.
        *("-copyts", *ffmpeg.reading(picture, "mov")),
        *("-itsoffset", f"{float(-info.start):.6f}", *ffmpeg.reading(source.path, demuxer(info))),
        *("-map", "0:v:0", *maps, "-map_metadata", "1", *names, "-map_chapters", "1"),
        *("-c:v", "copy", "-c:a", "copy", *beside, *mux.exact(suffix, clock_hz)),
        *("-progress", "pipe:1", "-f", MUXERS[suffix], f"file:{output}"),
    ]


def text_codec(codec: str, suffix: str) -> str:
    """How a text track is stored: as it is where the container takes it, else as the container's own."""
    if suffix == ".mkv":
        return "srt" if codec in ("mov_text", "text") else "copy"
    return "copy" if codec == "mov_text" else "mov_text"


def require_same_sound(source: Source, output: Path, token: CancellationToken | None = None) -> int:
    """Compare the packets of all sound with the source's. Returns how many there are; raises ToolError if any differ.

    From containers that wrap sound in headers of their own only the numbers can be compared. Of samples without any
    coding only the bytes: each container divides them in its own way.
    """
    info = source.info
    if not info.audio:
        return 0
    token = token or CancellationToken()
    indexes = {track.index for track in info.audio}
    ours = stored_tracks(output, "matroska" if output.suffix == ".mkv" else "mov", is_audio, token)
    theirs = stored_tracks(source.path, demuxer(info), lambda stream: stream.index in indexes, token)
    if len(ours) != len(theirs) or not all(_same(info, *one) for one in zip(info.audio, ours, theirs, strict=True)):
        raise ToolError(
            "The sound did not come out as it was, so the result was thrown away. Tell the operator, who can see why.",
            detail=f"packets of audio by track: {_told(theirs)} in the source, {_told(ours)} in the result",
        )
    return sum(track.count for track in ours)


def _told(tracks: Sequence[StoredTrack]) -> str:
    return ", ".join(f"{track.count} ({track.digest})" for track in tracks)


def _same(info: MediaInfo, track: AudioTrack, ours: StoredTrack, theirs: StoredTrack) -> bool:
    is_same_count, is_same_data = ours.count == theirs.count, ours.digest == theirs.digest
    if track.codec.startswith("pcm_"):
        return is_same_data
    return is_same_count and (is_same_data or demuxer(info) in REPACKED)
