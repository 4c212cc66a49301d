"""New sound joined with all else that a recording has: its picture as it is stored, texts, chapters, names, dates."""

from collections.abc import Sequence
from pathlib import Path

from jobs.engine.captions import embedded_tracks
from jobs.engine.container import ffmpeg, muxers
from jobs.engine.container.muxers import MKV, MP4, Container, ContainerChoice
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo, demuxer
from jobs.engine.model.progress import Advance
from jobs.engine.render import sidetracks
from jobs.engine.render.render import whole
from jobs.engine.render.replace_video import MUXERS, REPACKED, text_codec
from jobs.engine.render.sidetracks import SideTrack
from jobs.engine.render.stored_packets import apart_seconds, stored_track
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.engine.runtime.threads import CancellationToken, run_concurrently
from jobs.engine.video.source import Source
from jobs.errors import ToolError

CLOCK_HZ = 90_000
"""What cameras count in, or a multiple of it; the file's own clock, to which the starts of tracks are rounded."""
APART_SECONDS = 1 / 600
"""By how much the time of a picture may differ: Matroska counts milliseconds."""
# Of joining and checking, by the bytes read.
JOIN_SHARE = 0.6

Track = Path | AudioTrack
"""New sound in an MP4 file of one track that begins with the recording, or a track of its own to copy."""


def suffix_for(info: MediaInfo, tracks: Sequence[Track]) -> str:
    """The ending of a file with the recording's picture and these tracks: MP4 where it can hold them."""
    return container_for("mp4", Path(), info, tracks).suffix


def container_for(
    name: ContainerChoice, source: Path, info: MediaInfo, tracks: Sequence[Track], *, handover: bool = False
) -> Container:
    """The container, as chosen, of the recording's picture and these tracks. Raises InputError.

    A `handover` to a later step, whose new tracks are FLAC, is MP4 or Matroska whatever was chosen.
    """
    choice: ContainerChoice = "mp4" if handover else name
    return muxers.for_copies(choice, source, info, *codecs(info, tracks, "flac" if handover else "aac"), (MP4, MKV))


def codecs(info: MediaInfo, tracks: Sequence[Track], new: str = "aac") -> tuple[str | None, list[str]]:
    """What is in a file with the recording's picture and these tracks, those that are `new` in that codec."""
    sounds = [track.codec if isinstance(track, AudioTrack) else new for track in tracks]
    return (info.video.codec if info.video else None), sounds


def join(
    source: Source,
    tracks: Sequence[Track],
    output: Path,
    *,
    titles: Sequence[str] = (),
    progress: Advance,
    log: CommandLog | None = None,
) -> int:
    """Write `output`, whose ending is that of `suffix_for`, with these tracks of sound in their order.

    Each new track has the name and language of the own one with its number, unless `titles` has a name there. Returns
    how many pictures were copied: they are compared with the source's, packet by packet. `progress` gets a fraction.
    Raises ToolError, ResourceError, and what `progress` raises.
    """
    log = log or CommandLog()
    with whole(output) as part:

        def joined(side: Sequence[SideTrack]) -> int:
            command = argv(source, tracks, part, output.suffix, titles, side)
            ffmpeg.follow(command, source.info.duration, lambda done: progress(JOIN_SHARE * done), log=log)
            (count,) = run_concurrently(
                [lambda task: require_same_picture(source, part, output.suffix, task.token)],
                lambda done: progress(JOIN_SHARE),
            )
            return count

        count = sidetracks.with_or_without(source, output, joined, log)
    progress(1.0)
    return count


def argv(
    source: Source,
    tracks: Sequence[Track],
    output: Path,
    suffix: str,
    titles: Sequence[str] = (),
    side: Sequence[SideTrack] = (),
) -> list[str]:
    """ffmpeg's command line for `join`; `side` are tracks that are copied beside the usual ones."""
    info, files = source.info, [track for track in tracks if isinstance(track, Path)]
    own = len(files)
    numbers = iter(range(own))
    maps = ["-map", f"{own}:{info.video.index}"] if info.video else []
    for track in tracks:
        maps += ["-map", f"{next(numbers)}:a:0" if isinstance(track, Path) else f"{own}:{track.index}"]
    texts = embedded_tracks.tracks(source.path, info)
    counts = {"v": int(info.video is not None), "s": len(texts)}
    beside = sidetracks.argv(side, own, muxers.for_name(Path(f"result{suffix}")), counts, named=True)
    for number, text in enumerate(texts):
        maps += ["-map", f"{own}:{text.index}", f"-c:s:{number}", text_codec(text.codec, suffix)]
    exact = [] if MUXERS.get(suffix) == "matroska" else ["-movie_timescale", str(CLOCK_HZ), "-movflags", "+faststart"]
    return [
        *(ffmpeg.program(), "-y", "-nostdin", "-hide_banner", "-loglevel", "warning"),
        # Time stamps as they are, those of the source moved to count from its start like those of the new sound.
        *("-copyts", *(part for file in files for part in (*ffmpeg.SAFE_INPUT, "-f", "mov", "-i", f"file:{file}"))),
        # AVI knows the order of pictures alone.
        *("-fflags", "+genpts", "-itsoffset", f"{float(-info.start):.6f}"),
        *ffmpeg.reading(source.path, demuxer(info)),
        *(*maps, "-map_metadata", str(own), "-map_chapters", str(own), *_names(info, tracks, own, titles)),
        # All pictures, also those before the first keyframe: some are whole though nothing says so.
        *("-c:v", "copy", "-copyinkf:v", "-c:a", "copy", *beside, *exact, "-progress", "pipe:1"),
        *("-f", MUXERS.get(suffix) or {".m4a": "mp4", ".mka": "matroska"}[suffix], f"file:{output}"),
    ]


def _names(info: MediaInfo, tracks: Sequence[Track], own: int, titles: Sequence[str]) -> list[str]:
    # The picture's has its timecode.
    names = ["-map_metadata:s:v:0", f"{own}:s:{info.video.index}"] if info.video else []
    for number, _ in enumerate(tracks):
        like = info.audio[min(number, len(info.audio) - 1)]
        names += [f"-map_metadata:s:a:{number}", f"{own}:s:{like.index}"]
        # The second one is what players read of an MP4 file.
        for key in ("title", "handler_name") if number < len(titles) and titles[number] else ():
            names += [f"-metadata:s:a:{number}", f"{key}={titles[number]}"]
        names += [f"-disposition:a:{number}", "default" if number == 0 else "0"]
    return names


def require_same_picture(source: Source, output: Path, suffix: str, token: CancellationToken | None = None) -> int:
    """Compare the packets of the picture with the source's. Returns how many there are; raises ToolError if any differ.

    From containers that wrap pictures in headers of their own only the numbers and the times can be compared.
    """
    info = source.info
    if info.video is None:
        return 0
    token = token or CancellationToken()
    format = "mov" if suffix in (".mp4", ".mov") else "matroska"
    theirs = stored_track(source.path, demuxer(info), info.video.index, token)
    ours = stored_track(output, format, 0, token)
    same = ours.count == theirs.count and (demuxer(info) in REPACKED or ours.digest == theirs.digest)
    # Where some have none, nothing is to be said about the others.
    is_timed = ours.is_timed and theirs.is_timed
    apart = apart_seconds(ours, theirs.earlier(info.start)) if is_timed else 0.0
    if not same or apart > APART_SECONDS:
        raise ToolError(
            "The picture did not come out as it was, so the result was thrown away. Tell the operator, who can see "
            "why.",
            detail=f"{theirs.count} pictures in the source, {ours.count} in the result, at most {apart} s apart",
        )
    return ours.count
