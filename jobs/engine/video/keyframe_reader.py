"""Frames for a look over a whole recording: its keyframes near given times, each decoded alone.

A keyframe costs one packet, any other frame all those since the keyframe before it. Two threads work through the
times, each with a reader of its own, and draw what they decode themselves.
"""

import contextlib
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from av.video.frame import VideoFrame

from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.model.progress import Advance
from jobs.engine.runtime import processors
from jobs.engine.runtime.threads import WorkerThread, run_concurrently
from jobs.engine.video import frame_reader
from jobs.engine.video.decoding_pass import shown_at

T = TypeVar("T")
THREADS = min(2, processors.available())
TIMES_EACH = 8
"""Times that a thread takes in one go: neighbours, which may share a keyframe."""


class Keyframe(NamedTuple, Generic[T]):
    """`time` is when the frame comes on show, seconds after the recording's start; `drawn` what was made of it."""

    time: Fraction
    drawn: T


def keyframes_near(
    source: Path,
    info: MediaInfo,
    times: Sequence[Fraction],
    draw: Callable[[VideoFrame], T],
    *,
    progress: Advance = lambda fraction: None,
) -> list[Keyframe[T] | None]:
    """For each of the ascending times (seconds after the recording's start) the last keyframe at or before it, drawn.

    None where that is the one of an earlier time already, and where it is damaged. `draw` is called in the threads
    that decode. `progress` gets 0 to 1 and may raise to stop the work. Raises InputError.
    """
    found: list[Keyframe[T] | None] = [None] * len(times)
    waiting = [range(first, min(first + TIMES_EACH, len(times))) for first in range(0, len(times), TIMES_EACH)]
    waiting.reverse()
    done: list[int] = []

    def work(task: WorkerThread[None]) -> None:
        with frame_reader.FrameReader.opened(source, info, threads=1) as reader, contextlib.suppress(IndexError):
            while positions := waiting.pop():  # a list's pop is one step for all threads
                known = None
                for position in positions:
                    task.token.check()
                    frame = reader.keyframe(times[position], known)
                    if frame is not None:
                        known = shown_at(frame)
                        found[position] = Keyframe(reader.time_of(frame), draw(frame))
                    done.append(position)

    run_concurrently([work] * min(THREADS, len(waiting)), lambda fraction: progress(len(done) / max(1, len(times))))
    return _each_once(found)


def _each_once(found: Sequence[Keyframe[T] | None]) -> list[Keyframe[T] | None]:
    """The first of each keyframe that several threads have come to."""
    seen: set[Fraction] = set()
    return [seen.add(one.time) or one if one and one.time not in seen else None for one in found]  # type: ignore[func-returns-value]
