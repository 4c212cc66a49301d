"""The offset of one recording on the clock of another of the same event, and the drift between their clocks.

Three steps, each narrowing what the one before found: envelopes of 20 ms steps anywhere (`coarse_offset`); short
windows all over the overlap, to a small part of a millisecond (`gcc_phat`); the same again without the drift found so
far, which is 0.6 ms over 4 s at 145 ppm and blurs what is compared."""

import dataclasses

import numpy as np

from jobs.engine.analysis import band_envelope, coarse_offset, ransac
from jobs.engine.analysis.band_envelope import Envelope
from jobs.engine.analysis.coarse_offset import ClockLine, Times
from jobs.engine.analysis.gcc_phat import Signal, delay
from jobs.engine.audio import decoder
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.model.progress import Advance
from jobs.errors import InputError

MAXIMUM_DRIFT = 1000e-6
"""Recorders' clocks are off by up to some 150 parts in a million; more than a thousand is another speed."""
MINIMUM_SECONDS = 8
"""In less audio, hum or a held note is enough to fit."""
MINIMUM_CONFIDENCE = 0.45
"""Share of the windows that have to agree."""
MINIMUM_AGREEING_WINDOWS = 5
"""Windows that have to agree at least: so many do not by chance."""

RATE = 16_000
MAXIMUM_WINDOWS = 32
WINDOW_SECONDS = 4.0
# Shorter windows rather than fewer, also in a short overlap.
MINIMUM_WINDOWS = 12
# How far from the rough line the exact offset may lie.
SEARCH_SECONDS = 0.15
TOLERANCE_SECONDS = 0.002
# A window whose best offset is hardly better than another one witnesses nothing. Measured on unrelated talks: up to
# 1.5; on the same talk in a reverberant room: 3 to 7.
MINIMUM_CLEARNESS = 1.6
BLOCK_SAMPLES = RATE * 10


@dataclasses.dataclass(frozen=True)
class Alignment:
    """What sounds at `t` seconds of the first recording lies at `line.at(t)` of the other.

    `agreeing` of `windows` clearly fit within 2 ms of the line; the farthest of these is `spread_seconds` from it.
    `begin` and `end` are the seconds of the first recording that the other one covers.
    """

    line: ClockLine
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
        return self.agreeing >= MINIMUM_AGREEING_WINDOWS and self.confidence >= MINIMUM_CONFIDENCE

    @property
    def offset_ms(self) -> float:
        """When the other recording begins on the first one's clock; negative: it was started earlier."""
        return self.line.inverse().offset * 1000

    @property
    def drift_ppm(self) -> float:
        """By how many millionths the other recording's clock runs faster; negative: slower."""
        return (self.line.pace - 1) * 1e6


def align(
    own: AudioSource,
    other: AudioSource,
    *,
    progress: Advance | None = None,
) -> Alignment:
    """Find `other` on the clock of `own`, sure or not: see `is_sure`. `progress` gets the share of the work done.

    Raises InputError when one of them has too little audio, and ToolError.
    """
    total = 2 * float(own.info.duration + other.info.duration)
    done = 0.0

    def reporter(audio: AudioSource) -> Advance:
        nonlocal done
        before, done = done, done + float(audio.info.duration)
        return lambda seconds: progress(min(1.0, (before + seconds) / total)) if progress else None

    envelopes = [band_envelope.measure(audio, progress=reporter(audio)) for audio in (own, other)]
    for one, name in zip(envelopes, ("The video", "The other recording"), strict=True):
        require_audible(one, name)
    line = coarse_offset.rough_line(*envelopes, maximum_drift=MAXIMUM_DRIFT)
    there = coarse_offset.most_similar_windows(
        envelopes[0],
        envelopes[1],
        line,
        maximum_seconds=WINDOW_SECONDS,
        minimum_count=MINIMUM_WINDOWS,
        maximum_count=MAXIMUM_WINDOWS,
    )
    search_seconds = SEARCH_SECONDS
    pieces = windows(own, there.starts, there.seconds, progress=reporter(own))
    around = windows(
        other, line.at(there.starts) - search_seconds, there.seconds + 2 * search_seconds, progress=reporter(other)
    )
    return dataclasses.replace(exact_alignment(there.starts, pieces, around, line), begin=there.begin, end=there.end)


def require_audible(envelope: Envelope, name: str) -> None:
    """Raise InputError when a recording has too little audio to be found by it."""
    if len(envelope) < MINIMUM_SECONDS * band_envelope.STEPS_PER_SECOND:
        raise InputError(
            f"{name} has less than {MINIMUM_SECONDS} s of sound, which is too little to align by. "
            "Choose a longer recording.",
            code="too_short",
        )
    if not envelope.any():
        raise InputError(
            f"{name} is silent, so there is nothing to align by. Choose a recording in which something can be heard.",
            code="silent",
        )


def windows(
    audio: AudioSource,
    starts: Times,
    seconds: float,
    *,
    progress: Advance | None = None,
) -> list[Signal]:
    """The audio from each of the rising `starts` on, one channel at `RATE`; silence outside of the recording.

    Decoded from the start on: where seeking guesses, as in MP3, positions would be wrong by more than is looked for.
    """
    count = round(seconds * RATE)
    # Windows may share some audio, and begin before the recording does.
    buffered, first = np.zeros(count + RATE, np.float32), -count - RATE
    signals = []
    with decoder.decoded(audio, rate=RATE, channels=1) as stream:
        for begin in np.rint(starts * RATE).astype(int):
            while first + len(buffered) < begin + count:
                block = np.nan_to_num(stream.read(BLOCK_SAMPLES)[:, 0])
                if not len(block):
                    block = np.zeros(begin + count - first - len(buffered), np.float32)
                unused = min(max(0, begin - first), len(buffered))
                buffered, first = np.concatenate((buffered[unused:], block)), first + unused
                if progress:
                    progress(stream.position / RATE)
            signals.append(buffered[begin - first : begin - first + count])
    return signals


def exact_alignment(starts: Times, pieces: list[Signal], around: list[Signal], line: ClockLine) -> Alignment:
    """The line on which most windows lie, each found sample by sample `REACH_SECONDS` around the rough `line`.

    `around` begin that much before `line.at(starts)`, and end that much after.
    """
    pace, alignment = 1.0, Alignment(line, 0, 0, 0.0, 0.0, 0.0)
    for _ in range(2):
        delays = [delay(piece, _slowed(there, pace), RATE) for piece, there in zip(pieces, around, strict=True)]
        sounding = np.array([one is not None for one in delays], bool)
        samples, clearness = np.array([one for one in delays if one]).reshape(-1, 2).T
        clear = clearness >= MINIMUM_CLEARNESS
        alignment = dataclasses.replace(alignment, windows=int(sounding.sum()), agreeing=0)
        if not clear.any():
            break
        x = starts[sounding][clear]
        lag = line.at(x) - SEARCH_SECONDS + samples[clear] * pace / RATE - x
        vote = ransac.line(x, lag, clearness[clear], tolerance=TOLERANCE_SECONDS, maximum_slope=MAXIMUM_DRIFT)
        pace = 1 + vote.slope
        off = np.abs(lag - vote.offset - vote.slope * x)[vote.agree]
        agreeing, spread = int(vote.agree.sum()), float(off.max())
        alignment = dataclasses.replace(
            alignment, line=ClockLine(vote.offset, pace), agreeing=agreeing, spread_seconds=spread
        )
    return alignment


def _slowed(samples: Signal, pace: float) -> Signal:
    """The samples as a clock without the drift would have taken them."""
    positions = np.arange(int((len(samples) - 1) / pace) + 1) * pace
    return np.interp(positions, np.arange(len(samples)), samples).astype(np.float32)
