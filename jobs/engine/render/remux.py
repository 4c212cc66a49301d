"""A proven MP4 or QuickTime file moved into another container, its packets compared; or its sound into a file alone."""

import dataclasses
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.stream import Disposition, Stream

from jobs.engine.audio import track_file
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.container import ffmpeg
from jobs.engine.container.muxers import Container
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo, demuxer
from jobs.engine.model.progress import Advance
from jobs.engine.model.timeline import Timeline
from jobs.engine.probe.inspection import inspect
from jobs.engine.render import sidetracks
from jobs.engine.render.stored_packets import apart_seconds, is_audio, stored_tracks
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.engine.runtime.threads import CancellationToken, WorkerThread, run_concurrently
from jobs.engine.smartcut.packet_reader import Unsound
from jobs.engine.verify.av_sync import Offsets, offsets
from jobs.engine.video.source import Source

APART_SECONDS = 1 / 500
"""By how much a time may differ: Matroska counts milliseconds."""


def move(
    made: Path, container: Container, duration: Fraction, source: Source, *, progress: Advance, log: CommandLog
) -> None:
    """Make the file `made` one of the container, track by track, with what is attached to the source.

    Raises ToolError (Unsound), ResourceError.
    """
    moved = made.with_name(f"{made.name}{container.suffix}")
    try:
        ffmpeg.follow(_argv(made, container, moved, source), duration, progress, log=log)
        run_concurrently([lambda task: require_same(made, moved, container, task.token)], lambda done: progress(1.0))
        moved.replace(made)
    finally:
        moved.unlink(missing_ok=True)


def _argv(made: Path, container: Container, output: Path, source: Source) -> list[str]:
    # The text track of an MP4 file's chapters comes as data, and is written from the chapters where it is needed.
    maps = [part for kind in ("V", "a", "s") for part in ("-map", f"0:{kind}?")]
    attached = sidetracks.kept(sidetracks.read(source), container, is_cut=True)
    files = sidetracks.argv(attached, 1, container, {})
    front = ["-cues_to_front", "1"] if container.muxer == "webm" else []
    attaching = ffmpeg.reading(source.path, demuxer(source.info)) if files else []
    return [
        *ffmpeg.writing(),
        *("-copyts", *ffmpeg.reading(made, "mov"), *attaching),
        *(*maps, "-c", "copy", "-c:s", container.subtitle_codec, *files),
        *("-map_metadata", "0", "-map_chapters", "0"),
        *(option for tag in track_file.OWN_TAGS for option in ("-metadata", f"{tag}=")),
        *(*front, "-progress", "pipe:1", "-f", container.muxer, f"file:{output}"),
    ]


def require_same(made: Path, moved: Path, container: Container, token: CancellationToken) -> None:
    """Compare the packets of pictures and sound, and their times. Raises Unsound."""
    theirs = stored_tracks(made, "mov", is_media, token)
    ours = stored_tracks(moved, container.demuxer, is_media, token)
    same = [track.digest for track in theirs] == [track.digest for track in ours]
    apart = max(map(apart_seconds, theirs, ours), default=0.0)
    if not same or apart > APART_SECONDS:
        raise Unsound(
            f"The result did not come out the same as {container.name}, so it was thrown away. Choose MP4, and tell "
            "the operator.",
            detail=f"{len(theirs)} tracks became {len(ours)}, at most {apart} s apart",
        )


def require_same_packets(made: Path, taken: Path, container: Container, token: CancellationToken) -> None:
    """Compare the packets of the sound. Raises Unsound."""
    (theirs,) = stored_tracks(made, "mov", is_audio, token)
    (ours,) = stored_tracks(taken, container.demuxer, is_audio, token)
    if ours.digest != theirs.digest:
        raise Unsound(
            f"The sound did not come out the same as {container.name}, so it was thrown away. Choose M4A, and tell the "
            "operator.",
            detail=f"{theirs.count} packets became {ours.count}",
        )


def is_media(track: Stream) -> bool:
    return track.type in ("video", "audio") and not track.disposition & Disposition.attached_pic


def take_out(
    made: Path,
    source: Source,
    timeline: Timeline,
    container: Container,
    *,
    progress: Advance,
    log: CommandLog,
    is_copy: bool = False,
) -> None:
    """Make the file `made` a file of its sound alone: its one track is the source's only one without loss, or a copy.

    There it is found again in the source; packets of a copy are compared too. Raises ToolError (Unsound),
    ResourceError.
    """

    def listen(out: Path, written: MediaInfo, task: WorkerThread[Any]) -> Offsets:
        if is_copy:
            require_same_packets(made, out, container, task.token)
        return offsets(source, out, [timeline], task, made=written)

    (track,) = source.info.audio
    take_out_track(made, track, timeline.duration, container, listen, progress=progress, log=log)


Listen = Callable[[Path, MediaInfo, WorkerThread[Any]], Offsets]
"""Finds the sound of a file, about which these are the facts, where it was taken from."""


def take_out_track(
    made: Path,
    track: AudioTrack,
    duration: Fraction,
    container: Container,
    listen: Listen,
    *,
    progress: Advance,
    log: CommandLog,
) -> None:
    """Make the file `made` a file of its sound alone, once `listen` has found that to be right.

    `track` are the facts about the recording's own. Raises ToolError (Unsound), ResourceError.
    """
    assert container.audio_file is not None
    file, there = container.audio_file, inspect(made)
    copied = there.audio[0].codec in file.holds
    # As deep as the recording's own, which without loss tells no more of itself.
    audio = AudioSource(made, there, dataclasses.replace(track, index=there.audio[0].index))
    options = track_file.AudioFileOptions("copy" if copied else track_file.format_of(file))
    out = made.with_name(f"{made.name}{container.suffix}")
    try:
        argv = track_file.argv_of(audio, file, options, out, copied=copied)
        ffmpeg.follow(argv, duration, progress, log=log)
        written = inspect(out)
        (found,) = run_concurrently([lambda task: listen(out, written, task)], lambda done: progress(1.0))
        if found.faults:
            raise Unsound(
                f"The sound did not come out the same as {container.name}, so it was thrown away. Choose M4A, and tell "
                "the operator.",
                detail="\n".join(f"{fault.code}: {fault.message}" for fault in found.faults),
            )
        out.replace(made)
    finally:
        out.unlink(missing_ok=True)
