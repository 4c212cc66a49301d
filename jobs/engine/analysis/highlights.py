"""Which segments of a recording tell best what it is: around its best frames, and where somebody speaks."""

import dataclasses
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.engine.analysis import vad
from jobs.engine.container import ffmpeg
from jobs.engine.model.mediainfo import MediaInfo, demuxer
from jobs.engine.model.progress import Advance
from jobs.engine.runtime import subprocess_runner
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.engine.video import best_frames, thumbnails
from jobs.engine.video.best_frames import BestFrame

FRAMES_TRIED_EACH = 2
"""Best frames that are looked at for each excerpt that is asked for."""
STARTS_TRIED = 12
"""Starts that are tried around each."""
SILENT_SHARE = 0.5
"""What of its score an excerpt keeps without any speech."""
PAUSE_SECONDS = Fraction(1, 5)
"""Seconds before the start in which nobody should speak, so that it begins with a word and not within one."""
WITHIN_WORD = 0.3
"""What of its share of speech is taken from an excerpt that begins within a word."""


@dataclasses.dataclass(frozen=True)
class Excerpt:
    """A segment of a recording: `start` in seconds after its start, `length` in seconds; `score` 0 to 1."""

    start: Fraction
    length: Fraction
    score: float = 0.0

    @property
    def end(self) -> Fraction:
        return self.start + self.length


def choose(
    source: Path,
    info: MediaInfo,
    count: int,
    length: Fraction,
    *,
    progress: Advance = lambda fraction: None,
    log: CommandLog | None = None,
) -> list[Excerpt]:
    """Up to `count` excerpts of `length` seconds in order of time, none over another; as many as the recording has room
    for, and at least one, which is as long as the recording where that is shorter.

    `progress` gets 0 to 1 and may raise. Raises InputError for a recording without a frame that can be decoded,
    ToolError.
    """
    length = min(length, info.duration)
    count = max(1, min(count, int(info.duration / length)))
    frames = best_frames.best_frames(
        source, info, FRAMES_TRIED_EACH * count, progress=lambda part: progress(0.8 * part)
    )
    excerpts = []
    for number, best in enumerate(frames, 1):
        excerpts.append(around(source, info, best, length, log))
        progress(0.8 + 0.2 * number / len(frames))
    spread = [Excerpt(start, length) for start in even(info, count, length)]
    return apart([*sorted(excerpts, key=lambda one: -one.score), *spread], spread, count)


def even(info: MediaInfo, count: int, length: Fraction) -> list[Fraction]:
    """Starts of excerpts in the middle of equal parts of the recording."""
    return [middle - length / 2 for middle in thumbnails.even(info.duration, count)]


def apart(candidates: Iterable[Excerpt], spread: list[Excerpt], count: int) -> list[Excerpt]:
    """The first `count` of the candidates that lie apart, in order of time; `spread` when there are not so many."""
    chosen: list[Excerpt] = []
    for one in candidates:
        if len(chosen) < count and all(one.end <= other.start or one.start >= other.end for other in chosen):
            chosen.append(one)
    return sorted(chosen if len(chosen) == count else spread, key=lambda one: one.start)


def around(source: Path, info: MediaInfo, best: BestFrame, length: Fraction, log: CommandLog | None = None) -> Excerpt:
    """The excerpt in which the frame shows and in which the most is spoken, beginning with a word if it can."""
    first = max(Fraction(0), best.time - length)
    last = max(first, min(best.time, info.duration - length))
    starts = [first + (last - first) * index / STARTS_TRIED for index in range(STARTS_TRIED + 1)]
    if not info.audio:
        # A little comes before the frame that it is about.
        start = min(last, max(first, best.time - length / 4))
        return Excerpt(start, length, best.score)
    begin = max(Fraction(0), first - PAUSE_SECONDS)
    probability = speech(source, info, begin, last + length - begin, log)
    worths = [spoken(probability, start - begin, length) for start in starts]
    index = int(np.argmax(worths))
    return Excerpt(starts[index], length, best.score * (SILENT_SHARE + (1 - SILENT_SHARE) * max(0.0, worths[index])))


def spoken(probability: NDArray[np.float32], start: Fraction, length: Fraction) -> float:
    """The share of speech in what was heard from `start` on, less when it begins within a word."""
    first, before = int(start / vad.WINDOW), int((start - PAUSE_SECONDS) / vad.WINDOW)
    inside = probability[first : first + max(1, int(length / vad.WINDOW))]
    leading = probability[max(0, before) : first]
    share = float(inside.mean()) if len(inside) else 0.0
    return share - (WITHIN_WORD * float(leading.mean()) if len(leading) else 0.0)


def speech(
    source: Path, info: MediaInfo, begin: Fraction, length: Fraction, log: CommandLog | None = None
) -> NDArray[np.float32]:
    """Probability of voice in a range of the first track, for each of vad.WINDOW seconds."""
    argv = [
        *(ffmpeg.program(), "-nostdin", "-hide_banner", "-loglevel", "error", *ffmpeg.SAFE_INPUT),
        *(
            "-ss",
            f"{float(begin):.6f}",
            "-t",
            f"{float(length):.6f}",
            "-f",
            demuxer(info),
            "-i",
            f"file:{source}",
        ),
        *("-map", f"0:{info.audio[0].index}", "-ac", "1", "-ar", str(vad.RATE), "-f", "f32le", "pipe:1"),
    ]
    samples = np.frombuffer(subprocess_runner.output(argv, log=log), np.float32)
    return vad.VoiceDetector().probabilities(samples) if len(samples) else np.zeros(0, np.float32)
