"""Whether a kept range lacks pictures that the recording has, told by reading the recording anew.

The schedule is made from an index, and the result is held against the schedule: what the index lacks, nobody misses.
So where it has a hole, the recording is decoded there as a player does, with nothing known of it but its times.
"""

import contextlib
from collections.abc import Iterator
from fractions import Fraction

import av.error
import numpy as np
from av.video.frame import PictureType

from jobs.engine.container import demuxing
from jobs.engine.model.report import Fault
from jobs.engine.model.timeline import Timeline
from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.video.frame_index import FrameIndex, median_step
from jobs.engine.video.source import Source
from jobs.engine.video.video_stream import open_video, readable_frames

# In a hole there is room for so many pictures at the usual distance, and it lasts so long at least.
MINIMUM_FRAMES = 3
SHORTEST_SECONDS = Fraction(1, 10)
# Recordings of slides are full of holes: the longest tell.
MAXIMUM_HOLES = 4
# A demuxer that seeks by guessing lands this much too late at worst.
LEAD_SECONDS = 10

Hole = tuple[Fraction, Fraction]
"""From when to when, in seconds of the source, no other picture comes on show."""


def hole_faults(source: Source, timeline: Timeline, token: CancellationToken) -> Iterator[Fault]:
    """A fault for each of the longest holes in what is kept in which the recording has pictures. Raises InputError."""
    for at, hole in holes(source.require_index(), timeline):
        if has_pictures(source, hole, token):
            message = f"The result lacks pictures at {float(at):.3f} s that the recording has."
            yield Fault("frames_missing", message, round(float(at), 3))


def holes(index: FrameIndex, timeline: Timeline) -> list[tuple[Fraction, Hole]]:
    """Where segments at their own speed show nothing new for long, each with its time in the result; longest first."""
    shortest = max(round(SHORTEST_SECONDS * index.clock_hz), MINIMUM_FRAMES * median_step(index.start_ticks))
    times = np.append(index.start_ticks, index.end_tick)
    long: list[tuple[Fraction, Hole]] = []
    for at, segment in timeline.placed:
        if segment.speed != 1:
            continue
        edges = index.ticks(segment.start), index.ticks(segment.end)
        inside = slice(*np.searchsorted(times, edges))
        ticks = np.concatenate((edges[:1], times[inside], edges[1:]))
        for number in np.flatnonzero(np.diff(ticks) > shortest).tolist():
            begins, ends = (Fraction(int(tick), index.clock_hz) for tick in ticks[number : number + 2])
            long.append((at + begins - segment.start, (begins, ends)))
    return sorted(long, key=lambda one: one[1][0] - one[1][1])[:MAXIMUM_HOLES]


def has_pictures(source: Source, hole: Hole, token: CancellationToken) -> bool:
    """Whether a whole picture comes on show in a hole, and not only at its edges."""
    container, stream = open_video(source.path, source.info)
    assert stream.time_base is not None
    begin, end = ((source.info.start + time) / stream.time_base for time in hole)
    begun = False
    with container:
        if hole[0] > LEAD_SECONDS and not demuxing.is_untimed(container, stream):
            with contextlib.suppress(av.error.FFmpegError):
                container.seek(int(begin - LEAD_SECONDS / stream.time_base), stream=stream, backward=True)
        for frame in readable_frames(container, stream):
            token.check()
            # Before the first that stands alone some decoders make pictures up.
            begun = begun or frame.key_frame or frame.pict_type == PictureType.I
            if frame.pts is None or frame.is_corrupt or not begun:
                continue
            # Times are rounded.
            if begin + 1 < frame.pts < end - 1:
                return True
            if frame.pts >= end:
                break
    return False
