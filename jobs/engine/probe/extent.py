"""From when to when a recording goes: by its headers where they can be believed, else by its data."""

from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.stream import Stream

from jobs.engine.container import mp3_frames
from jobs.engine.probe import declared_size, demuxer_allowlist, frame_rate, mp4_boxes
from jobs.errors import InputError

ESTIMATED = ("aac", "ac3", "eac3", "amr", "dv")
"""Formats whose length libavformat only guesses, from the bit rate."""
UNSIZED = ("flac", "wv", "flv", "mxf")
"""Formats that declare their length but not their size."""


def span(path: Path, container: InputContainer, kept: list[Stream]) -> tuple[Fraction, Fraction]:
    """Start and length in seconds. Raises InputError when the recording is cut off or has no length."""
    start, declared = claimed_span(container, kept)
    family = container.format.name.partition(",")[0]
    tracks = [track.index for track in kept]
    needed = declared_size.declared_size(path)
    if family == "mov" and not mp4_boxes.is_fragmented(path):
        require_indexed(path, kept, start, declared)
    elif needed is not None and needed > path.stat().st_size:
        declared = truncated_length(path, container, tracks, start, declared, needed)
    elif family == "mp3":
        start, declared = mp3_span(path, tracks, start, declared)
    elif not declared or family == "mov" or family in ESTIMATED:
        start, declared = measured_span(path, container, tracks, start, declared)
    elif family in UNSIZED or (family == "matroska" and start):
        declared = checked_length(path, family, tracks, start, declared)
    if declared <= 0:
        raise InputError(
            "The recording has no length: nothing was recorded. Choose another one.",
            detail=str(path),
            code="no_duration",
        )
    return start, declared


def require_indexed(path: Path, kept: list[Stream], start: Fraction, declared: Fraction) -> None:
    """Raise InputError when the index of an MP4 file names clearly more samples than are there."""
    complete = mp4_boxes.indexed_end(kept, path.stat().st_size)
    if complete is not None:
        mp4_boxes.require_whole(complete - start, declared, str(path))


def truncated_length(
    path: Path, container: InputContainer, tracks: list[int], start: Fraction, declared: Fraction, needed: int
) -> Fraction:
    """The length of a file that lacks some of the `needed` bytes. Raises InputError when it lacks much."""
    measured = reread(path, tracks)
    there = measured[1] - start if measured else Fraction(0)
    by_size = there * needed / path.stat().st_size
    mp4_boxes.require_whole(there, whole_length(path, container, declared, by_size), str(path))
    return there


def measured_span(
    path: Path, container: InputContainer, tracks: list[int], start: Fraction, declared: Fraction
) -> tuple[Fraction, Fraction]:
    """Start and length by the data. Raises InputError when a fragmented MP4 file declares clearly more."""
    first, end = reread(path, tracks) or (start, start)
    is_declared = container.format.name.startswith("mov")
    mp4_boxes.require_whole(end - start, declared if is_declared else Fraction(0), str(path))
    start = first if container.start_time is None else start
    return start, end - start


def checked_length(path: Path, family: str, tracks: list[int], start: Fraction, declared: Fraction) -> Fraction:
    """The declared length, or less where the data ends before. Raises InputError when clearly less is there."""
    end = (reread(path, tracks, near=start + declared - 10) or reread(path, tracks) or (start, start))[1]
    # Matroska's length counts from zero in some programs and from the first frame in others.
    if family != "matroska":
        mp4_boxes.require_whole(end - start, declared, str(path))
    return min(declared, end - start)


def mp3_span(path: Path, tracks: list[int], start: Fraction, declared: Fraction) -> tuple[Fraction, Fraction]:
    """Start and length of an MP3 file, whose length libavformat guesses from its size where that does not fit."""
    promised, there = mp3_frames.declared_duration(path), mp3_frames.frames_duration(path)
    if not there:
        # Of a kind whose frames do not tell their size.
        first, end = reread(path, tracks) or (start, start)
        there = end - first
    mp4_boxes.require_whole(there, promised or Fraction(0), str(path))
    fits = promised and abs(promised - declared) < 1 and abs(promised - there) < 1
    return start, declared if fits else there


def whole_length(path: Path, container: InputContainer, declared: Fraction, by_size: Fraction) -> Fraction:
    """How long a cut-off recording was, by its header where libavformat has not fitted that to what is there."""
    family = container.format.name.partition(",")[0]
    if family == "matroska" and declared:
        return declared
    if family == "asf":
        return declared_size.asf_length(path) or by_size
    if family == "avi":
        lengths = [track.frames / track.average_rate for track in container.streams.video if track.average_rate]
        return max(lengths, default=by_size)
    return by_size


def reread(path: Path, tracks: list[int], near: Fraction | None = None) -> tuple[Fraction, Fraction] | None:
    """First and last second that the data itself reaches."""
    with demuxer_allowlist.opened(path) as container:
        return frame_rate.packet_span(container, tracks, near)


def claimed_span(container: InputContainer, kept: list[Stream]) -> tuple[Fraction, Fraction]:
    """Start and length by the headers: to the tick where the tracks say so, else in libavformat's microseconds."""
    start = Fraction(container.start_time or 0, 1_000_000)
    length = Fraction(container.duration or 0, 1_000_000)
    spans = [
        (track.start_time * track.time_base, (track.start_time + track.duration) * track.time_base)
        for track in kept
        if track.start_time is not None and track.duration and track.time_base
    ]
    if len(spans) == len(kept):
        first, end = min(span[0] for span in spans), max(span[1] for span in spans)
        close = Fraction(1, 1000)
        if abs(first - start) < close and abs(end - first - length) < close:
            return first, end - first
    return start, length
