"""Where on the clock of one recording another one of the same event lies, and how much its clock drifts.

Three steps, each narrowing what the one before found: envelopes of 20 ms steps anywhere (`whereabouts`); short windows
all over the overlap, to a small part of a millisecond (`delay`); the same again without the drift found so far, which
is 0.6 ms over 4 s at 145 ppm and blurs what is compared.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jobs.engine.analysis import band_envelope, coarse_offset, ransac
from jobs.engine.analysis.band_envelope import Envelope
from jobs.engine.analysis.coarse_offset import Line, Times
from jobs.engine.analysis.gcc_phat import Signal, delay
from jobs.engine.audio import decoder
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo
from jobs.errors import InputError

FASTEST_DRIFT = 1000e-6
"""Recorders' clocks are off by up to some 150 parts in a million; more than a thousand is another speed."""
SHORTEST_SECONDS = 8
"""In less sound, hum or a held note is enough to fit."""
CONFIDENT = 0.45
"""Share of the windows that have to agree."""
AGREEING = 5
"""Windows that have to agree at least: so many do not by chance."""

RATE = 16_000
WINDOWS = 32
WINDOW_SECONDS = 4.0
# Shorter windows rather than fewer, also in a short overlap.
FEWEST = 12
# How far from the rough line the exact place may lie.
REACH_SECONDS = 0.15
TOLERANCE_SECONDS = 0.002
# A window whose best place is hardly better than another one witnesses nothing. Measured on unrelated talks: up to 1.5;
# on the same talk in a reverberant room: 3 to 7.
CLEAR = 1.6
BLOCK_SAMPLES = RATE * 10


class Sound(NamedTuple):
    """One track of a recording that lies in a file."""

    source: Path
    info: MediaInfo
    track: AudioTrack


@dataclasses.dataclass(frozen=True)
class Alignment:
    """What sounds at `t` seconds of the first recording lies at `line.at(t)` of the other.

    `agreeing` of `windows` clearly fit within 2 ms of the line; the farthest of these is `spread_seconds` from it.
    `begin` and `end` are the seconds of the first recording that the other one covers.
    """

    line: Line
    agreeing: int
    windows: int
    spread_seconds: float
    begin: float
    end: float

    @property
    def confidence(self) -> float:
        """The share of windows that agree, 0 to 1."""
        return self.agreeing / self.windows if self.windows else 0.0

    @property
    def is_sure(self) -> bool:
        return self.agreeing >= AGREEING and self.confidence >= CONFIDENT

    @property
    def offset_ms(self) -> float:
        """When the other recording begins on the first one's clock; negative: it was started earlier."""
        return self.line.inverse().offset * 1000

    @property
    def drift_ppm(self) -> float:
        """By how many millionths the other recording's clock runs faster; negative: slower."""
        return (self.line.pace - 1) * 1e6


def align(
    own: Sound,
    other: Sound,
    *,
    progress: Callable[[float], None] | None = None,
) -> Alignment:
    """Find `other` on the clock of `own`, sure or not: see `is_sure`. `progress` gets the share of the work done.

    Raises InputError when one of them has too little sound, and ToolError.
    """
    total = 2 * float(own.info.duration + other.info.duration)
    done = 0.0

    def told(sound: Sound) -> Callable[[float], None]:
        nonlocal done
        before, done = done, done + float(sound.info.duration)
        return lambda seconds: progress(min(1.0, (before + seconds) / total)) if progress else None

    heard = [band_envelope.measure(*sound, progress=told(sound)) for sound in (own, other)]
    for one, name in zip(heard, ("The video", "The other recording"), strict=True):
        require_sound(one, name)
    line = coarse_offset.rough(*heard, fastest_drift=FASTEST_DRIFT)
    there = coarse_offset.promising(heard[0], heard[1], line, longest=WINDOW_SECONDS, fewest=FEWEST, most=WINDOWS)
    reach = REACH_SECONDS
    pieces = windows(own, there.starts, there.seconds, progress=told(own))
    around = windows(other, line.at(there.starts) - reach, there.seconds + 2 * reach, progress=told(other))
    return dataclasses.replace(exact(there.starts, pieces, around, line), begin=there.begin, end=there.end)


def require_sound(heard: Envelope, name: str) -> None:
    """Raise InputError when a recording has too little sound to be found by it."""
    if len(heard) < SHORTEST_SECONDS * band_envelope.STEPS_PER_SECOND:
        raise InputError(
            f"{name} has less than {SHORTEST_SECONDS} s of sound, which is too little to align by. "
            "Choose a longer recording.",
            code="too_short",
        )
    if not heard.any():
        raise InputError(
            f"{name} is silent, so there is nothing to align by. Choose a recording in which something can be heard.",
            code="silent",
        )


def windows(
    sound: Sound,
    starts: Times,
    seconds: float,
    *,
    progress: Callable[[float], None] | None = None,
) -> list[Signal]:
    """The sound from each of the rising `starts` on, one channel at `RATE`; silence outside of the recording.

    Decoded from the start on: where seeking guesses, as in MP3, places would be wrong by more than is looked for.
    """
    count = round(seconds * RATE)
    # Windows may share some sound, and begin before the recording does.
    held, first = np.zeros(count + RATE, np.float32), -count - RATE
    found = []
    with decoder.decoded(*sound, rate=RATE, channels=1) as stream:
        for begin in np.rint(starts * RATE).astype(int):
            while first + len(held) < begin + count:
                block = np.nan_to_num(stream.read(BLOCK_SAMPLES)[:, 0])
                if not len(block):
                    block = np.zeros(begin + count - first - len(held), np.float32)
                unused = min(max(0, begin - first), len(held))
                held, first = np.concatenate((held[unused:], block)), first + unused
                if progress:
                    progress(stream.position / RATE)
            found.append(held[begin - first : begin - first + count])
    return found


def exact(starts: Times, pieces: list[Signal], around: list[Signal], line: Line) -> Alignment:
    """The line on which most windows lie, each found sample by sample `REACH_SECONDS` around the rough `line`.

    `around` begin that much before `line.at(starts)`, and end that much after.
    """
    pace, found = 1.0, Alignment(line, 0, 0, 0.0, 0.0, 0.0)
    for _ in range(2):
        delays = [delay(piece, _slowed(there, pace), RATE) for piece, there in zip(pieces, around, strict=True)]
        sounding = np.array([one is not None for one in delays], bool)
        samples, clearness = np.array([one for one in delays if one]).reshape(-1, 2).T
        clear = clearness >= CLEAR
        found = dataclasses.replace(found, windows=int(sounding.sum()), agreeing=0)
        if not clear.any():
            break
        x = starts[sounding][clear]
        lag = line.at(x) - REACH_SECONDS + samples[clear] * pace / RATE - x
        vote = ransac.line(x, lag, clearness[clear], tolerance=TOLERANCE_SECONDS, steepest=FASTEST_DRIFT)
        pace = 1 + vote.slope
        off = np.abs(lag - vote.offset - vote.slope * x)[vote.agree]
        agreeing, spread = int(vote.agree.sum()), float(off.max())
        found = dataclasses.replace(found, line=Line(vote.offset, pace), agreeing=agreeing, spread_seconds=spread)
    return found


def _slowed(samples: Signal, pace: float) -> Signal:
    """The samples as a clock without the drift would have taken them."""
    places = np.arange(int((len(samples) - 1) / pace) + 1) * pace
    return np.interp(places, np.arange(len(samples)), samples).astype(np.float32)
