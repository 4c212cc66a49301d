"""The delay of one piece of audio against another by normalised cross-correlation, to a small part of a millisecond.

Computed by FFT (after J. P. Lewis, "Fast Normalized Cross-Correlation", 1995), and refined by the parabola through the
peak.

Both are brought to the band of speech at about 11 000 samples a second first: below it lie hum and rumble, which
repeat and so fit everywhere, above it lossy encoders put noise of their own in place of the recording's.

A tone that is cut off has every frequency in it. So both are faded at their ends before they are filtered: the ends of
two pieces of hum would be alike else, wherever they are.
"""

import dataclasses
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from jobs.engine.audio.sample_clock import Samples

Signal = NDArray[np.float64]
"""Shape (samples, channels)."""
Weights = NDArray[np.float64]
"""One for each sample, for all channels."""

BAND_START_HZ, BAND_END_HZ = 150.0, 4000.0
"""The filter falls from one to nothing over a third of an octave outside of these."""
MINIMUM_RATE = 11_025
GUARD_SECONDS = Fraction(1, 10)
"""How much audio either side of the positions looked at is faded: enough for hum to stay out of the band."""
# What fits nearly as well this far from the best offset tells of audio that repeats, where no offset is sure.
RIVAL_SECONDS = 0.002
# A correlation of less energy than this part of full scale would be one of rounding errors.
SILENCE_AMPLITUDE = 1e-5
# This far below the whole audio (30 dB) lies noise of lossy encoders, another in every encode.
MINIMUM_BAND_SHARE = 0.03


@dataclasses.dataclass(frozen=True)
class Match:
    """Where a piece fits best: `late_seconds` (positive: it comes later than it should).

    `likeness` is the normalised cross-correlation there, 1 for the same audio, about 0 for another. `rival` is the best
    one anywhere else; near `likeness` it says that the audio repeats and the offset is not sure. `level` is the root
    mean square of the audio that was expected, in the band, `piece_level` that of the piece; 0 when it is drowned by
    the audio outside of it. Where one of the two recordings is silent, `likeness` is 0.
    """

    late_seconds: float
    likeness: float
    rival: float
    level: float
    piece_level: float = 0.0


def match(piece: Samples, around: Samples, rate: int, expected: int) -> Match:
    """Find `piece` in `around`, both of shape (samples, channels) at `rate` a second.

    `expected` is the position in `around`, in samples, where it should be. Offsets are looked at where the piece lies
    inside as a whole, with GUARD_SECONDS to spare.
    """
    step = max(1, rate // MINIMUM_RATE)
    guard = int(GUARD_SECONDS * rate) // step
    fade = _hann(len(piece))
    faded = piece * fade[:, None]
    slow_piece = band_limited(faded, rate, step)
    weights = fade[::step][: len(slow_piece)]
    slow_around = band_limited(around * _fades(len(around), guard * step)[:, None], rate, step)
    there = slow_around[expected // step :][: len(slow_piece)]
    level = _loudness(there * weights[: len(there), None], around[expected:][: len(piece)] * fade[:, None], fade)
    heard = _loudness(slow_piece, faded, fade)
    likeness = correlation(slow_piece, slow_around[guard : len(slow_around) - guard], weights)
    if likeness is None:
        return Match(0.0, 0.0, 0.0, level, heard)
    best = int(np.argmax(likeness))
    radius = round(RIVAL_SECONDS * rate / step)
    others = np.concatenate((likeness[: max(0, best - radius)], likeness[best + radius + 1 :]))
    position = (best + guard + parabolic_peak(likeness, best)) * step
    return Match((expected - position) / rate, float(likeness[best]), float(others.max(initial=0)), level, heard)


def _loudness(band: Signal, whole: Signal, weights: Weights) -> float:
    """Root mean square of the band without the weights; 0 where it is drowned by the rest of the audio."""
    level = _rms(band)
    return level / _rms(weights) if level >= MINIMUM_BAND_SHARE * _rms(whole) else 0.0


def _rms(signal: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(signal * signal))) if signal.size else 0.0


def _hann(count: int) -> Weights:
    """Half a wave of a cosine up and half a wave down."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(count) + 0.5) / count)


def _fades(count: int, length: int) -> Weights:
    """One, but for `length` samples at either end."""
    gain = np.ones(count)
    slopes = _hann(2 * min(length, count // 2))
    gain[: len(slopes) // 2], gain[count - len(slopes) // 2 :] = np.split(slopes, 2)
    return gain


def band_limited(samples: Samples | Signal, rate: int, step: int) -> Signal:
    """The band alone, every `step`th sample of it."""
    # Silence behind it, so that what rings on at one end does not come in at the other.
    length = step * _fast_length(len(samples) // step + rate // step // 50)
    spectrum = np.fft.rfft(samples, length, axis=0)[: length // step // 2 + 1]
    frequency = np.arange(len(spectrum)) * rate / length
    return np.fft.irfft(spectrum * _gain(frequency)[:, None], length // step, axis=0)[: len(samples) // step] / step


def _gain(frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        octaves = np.minimum(np.log2(frequency / BAND_START_HZ), np.log2(BAND_END_HZ / frequency))
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(3 * octaves + 1, 0, 1))


def _fast_length(count: int) -> int:
    """The next length that the transform likes, a product of small primes: at most an eighth more than asked for."""
    power = 1 << (count - 1).bit_length()
    return next(length for part in (36, 40, 45, 48, 54, 60, 64) if (length := power * part // 64) >= count)


def correlation(piece: Signal, around: Signal, weights: Weights) -> Signal | None:
    """Likeness (-1 to 1) of `piece` with every place of `around` where it lies inside; None when either is silent.

    `weights` are what the piece was multiplied with.
    """
    position_count = len(around) - len(piece) + 1
    energy = float(np.sum(piece * piece))
    floor = len(piece) * SILENCE_AMPLITUDE**2
    if position_count < 1 or energy <= floor:
        return None
    product = _sliding_product(piece * weights[:, None], around)[:position_count]
    there = _sliding_product(weights[:, None] ** 2, np.sum(around * around, axis=1, keepdims=True))[:position_count]
    if there.max() <= floor:
        return None
    return product / np.sqrt(energy * np.maximum(there, floor))


def _sliding_product(piece: Signal, around: Signal) -> Signal:
    """The sum of the products of `piece` with `around` at every place of it."""
    length = _fast_length(len(around))
    spectra = np.fft.rfft(around, length, axis=0) * np.conj(np.fft.rfft(piece, length, axis=0))
    return np.fft.irfft(spectra.sum(axis=1), length)


def parabolic_peak(values: Signal, position: int) -> float:
    """How far from `place` the parabola through the values there and beside it has its top: -0.5 to 0.5."""
    if not 0 < position < len(values) - 1:
        return 0.0
    before, top, after = values[position - 1 : position + 2]
    bend = before - 2 * top + after
    return float(0.5 * (before - after) / bend) if bend < 0 else 0.0
