"""By how much one piece of sound lies later than another, to a small part of a millisecond.

Both are brought to the band of speech at about 11 000 samples a second first: below it lie hum and rumble, which
repeat and so fit everywhere, above it lossy encoders put noise of their own in place of the recording's.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from jobs.engine.placed import Samples

Signal = NDArray[np.float64]
"""Shape (samples, channels)."""

LOWEST_HZ, HIGHEST_HZ = 150.0, 4000.0
"""The filter falls from one to nothing over a third of an octave outside of these."""
MIN_RATE = 11_025
# What fits nearly as well this far from the best place tells a repeating sound, where no place is sure.
RIVAL_SECONDS = 0.002
# A correlation of less energy than this part of full scale would be one of rounding errors.
SILENCE = 1e-5


@dataclasses.dataclass(frozen=True)
class Match:
    """Where a piece fits best: `late_seconds` (positive: it comes later than it should).

    `likeness` is the normalised correlation there, 1 for the same sound, about 0 for another. `rival` is the best one
    anywhere else; near `likeness` it says that the sound repeats and the place is not sure. `level` is the root mean
    square of the sound that was expected, in the band, `heard` that of the piece. Where one of the two recordings is
    silent, `likeness` is 0.
    """

    late_seconds: float
    likeness: float
    rival: float
    level: float
    heard: float = 0.0


def match(piece: Samples, around: Samples, rate: int, expected: int) -> Match:
    """Find `piece` in `around`, both of shape (samples, channels) at `rate` a second.

    `expected` is the place in `around`, in samples, where it should be. Places are looked at where the piece lies
    inside as a whole.
    """
    step = max(1, rate // MIN_RATE)
    slow_piece, slow_around = narrowed(piece, rate, step), narrowed(around, rate, step)
    there = slow_around[expected // step :][: len(slow_piece)]
    level, heard = _rms(there), _rms(slow_piece)
    likeness = correlation(slow_piece, slow_around)
    if likeness is None:
        return Match(0.0, 0.0, 0.0, level, heard)
    best = int(np.argmax(likeness))
    reach = round(RIVAL_SECONDS * rate / step)
    others = np.concatenate((likeness[: max(0, best - reach)], likeness[best + reach + 1 :]))
    place = (best + summit(likeness, best)) * step
    return Match((expected - place) / rate, float(likeness[best]), float(others.max(initial=0)), level, heard)


def _rms(signal: Signal) -> float:
    return float(np.sqrt(np.mean(signal * signal))) if signal.size else 0.0


def narrowed(samples: Samples, rate: int, step: int) -> Signal:
    """The band alone, every `step`th sample of it."""
    # Silence behind it, so that what rings on at one end does not come in at the other.
    length = step * _fast_length(len(samples) // step + rate // step // 50)
    spectrum = np.fft.rfft(samples, length, axis=0)[: length // step // 2 + 1]
    frequency = np.arange(len(spectrum)) * rate / length
    return np.fft.irfft(spectrum * _gain(frequency)[:, None], length // step, axis=0)[: len(samples) // step] / step


def _gain(frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        octaves = np.minimum(np.log2(frequency / LOWEST_HZ), np.log2(HIGHEST_HZ / frequency))
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(3 * octaves + 1, 0, 1))


def _fast_length(count: int) -> int:
    """The next length that the transform likes, a product of small primes: at most an eighth more than asked for."""
    power = 1 << (count - 1).bit_length()
    return next(length for part in (36, 40, 45, 48, 54, 60, 64) if (length := power * part // 64) >= count)


def correlation(piece: Signal, around: Signal) -> Signal | None:
    """Likeness (-1 to 1) of `piece` with every place of `around` where it lies inside; None when either is silent."""
    places = len(around) - len(piece) + 1
    energy = float(np.sum(piece * piece))
    if places < 1 or energy <= len(piece) * SILENCE**2:
        return None
    length = _fast_length(len(around))
    spectra = np.fft.rfft(around, length, axis=0) * np.conj(np.fft.rfft(piece, length, axis=0))
    product = np.fft.irfft(spectra.sum(axis=1), length)[:places]
    total = np.concatenate(([0.0], np.cumsum(np.sum(around * around, axis=1))))
    there = total[len(piece) :] - total[: len(total) - len(piece)]
    floor = len(piece) * SILENCE**2
    if there.max() <= floor:
        return None
    return product / np.sqrt(energy * np.maximum(there, floor))


def summit(values: Signal, place: int) -> float:
    """How far from `place` the parabola through the values there and beside it has its top: -0.5 to 0.5."""
    if not 0 < place < len(values) - 1:
        return 0.0
    before, top, after = values[place - 1 : place + 2]
    bend = before - 2 * top + after
    return float(0.5 * (before - after) / bend) if bend < 0 else 0.0
