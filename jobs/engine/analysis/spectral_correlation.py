"""By how much audio that was played faster or slower comes later than it should, to a few milliseconds.

No waveforms are left to compare: a time stretch takes short pieces of the source from near to where they belong. How
the energy of a few bands rises and falls stays. So both are told as energies of bands that are spaced as hearing has
them, frame by frame, which is what audio fingerprints are made of (J. Haitsma and T. Kalker, "A Highly Robust Audio
Fingerprinting System", 2002), and at each lag Pearson's correlation of their logarithms is taken. The frames of the
source lie as much further apart as it was played faster, and each is the mean over what lies up to the next one.
"""

import numpy as np
from numpy.typing import NDArray

from jobs.engine.analysis.cross_correlation import Match, Signal, parabolic_peak
from jobs.engine.audio.sample_clock import Samples

Energies = NDArray[np.float64]
"""Shape (frames, bands): mean squares, 1 for full scale."""

FRAME_SECONDS = 0.020
HOP_SECONDS = 0.005
"""From frame to frame of the result."""
BANDS = 12
LOWEST_HZ, HIGHEST_HZ = 150.0, 6000.0
HIGHEST_OF_RATE = 0.45
RIVAL_SECONDS = 0.030
"""Energies change slowly: only a lag further than this from the best one, in the source too, is another one."""
MEAN_OF = 8
"""Frames of the source at most of which one is the mean."""
FLOOR = 1e-4
"""What is so much fainter than the mean of all is as good as silent (40 dB)."""
VARIED_DB = 3.0
"""So much the source has to rise and fall, root mean square, to be told from another: steady noise does not."""


def lead_seconds(speed: float, reach: float) -> float:
    """How much of the source either side of its range `match` needs, to look `reach` seconds of the result far."""
    return reach * speed + FRAME_SECONDS


def match(result: Samples, source: Samples, rate: int, speed: float, reach: float) -> tuple[Match, bool]:
    """Find what is played `speed` times as fast in its source, both of shape (samples, channels) at `rate` a second.

    `source` begins `lead_seconds` before its range and ends as much after it. Also tells whether the source varies
    enough for another one to be unlike it.
    """
    count, lags = int((len(result) / rate - FRAME_SECONDS) / HOP_SECONDS), int(reach / HOP_SECONDS)
    middles = FRAME_SECONDS / 2 + HOP_SECONDS * np.arange(-lags, count + lags, dtype=np.float64)
    heard = energies(result, middles[lags : lags + count], rate)
    around = np.mean(
        [energies(source, lead_seconds(speed, reach) + middles * speed + step, rate) for step in _steps(speed)], axis=0
    )
    expected = around[lags : lags + count]
    floor = max(float(around.mean()) * FLOOR, 1e-12)
    logs, log_of_source = np.log(np.maximum(heard, floor)), np.log(np.maximum(around, floor))
    # The first is what a result sounds like that comes early by all of the reach.
    likeness = np.array([_correlation(logs, log_of_source[lag : lag + count]) for lag in range(2 * lags, -1, -1)])
    best, near = int(likeness.argmax()), round(RIVAL_SECONDS / min(1, speed) / HOP_SECONDS)
    others = np.concatenate((likeness[: max(0, best - near)], likeness[best + near + 1 :]))
    late = (best - lags + parabolic_peak(likeness, best)) * HOP_SECONDS
    found = Match(late, float(likeness[best]), float(others.max(initial=0)), _level(expected), _level(heard))
    return found, float(log_of_source[lags : lags + count].mean(axis=1).std()) * 10 / np.log(10) >= VARIED_DB


def energies(samples: Samples, middles: Signal, rate: int) -> Energies:
    """Of frames around some seconds after the first sample; silence beyond both ends."""
    length = round(FRAME_SECONDS * rate)
    begins = np.round(middles * rate).astype(np.int64) - length // 2
    before, after = max(0, -int(begins.min())), max(0, int(begins.max()) + length - len(samples))
    # Decoders can give not-a-number for damaged audio.
    padded = np.pad(np.nan_to_num(samples), ((before, after), (0, 0)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, length, axis=0)[begins + before]
    window = np.hanning(length)
    power = (np.abs(np.fft.rfft(frames * window)) ** 2).sum(axis=1) * 2 / (length * np.sum(window**2))
    edges = np.geomspace(LOWEST_HZ, min(HIGHEST_HZ, HIGHEST_OF_RATE * rate), BANDS + 1)
    return np.add.reduceat(power, np.searchsorted(np.fft.rfftfreq(length, 1 / rate), edges), axis=1)[:, :-1]


def _steps(speed: float) -> Signal:
    """Seconds of the source, around a frame's own place, at which those lie of which it is the mean."""
    count = min(MEAN_OF, max(1, round(speed)))
    return (np.arange(count, dtype=np.float64) - (count - 1) / 2) * (HOP_SECONDS * speed / count)


def _level(bands: Energies) -> float:
    """Root mean square of all bands together."""
    return float(np.sqrt(bands.sum(axis=1).mean())) if len(bands) else 0.0


def _correlation(some: Energies, others: Energies) -> float:
    """Pearson's, of how each band departs from its own mean; 0 where one of them never does."""
    some, others = some - some.mean(axis=0), others - others.mean(axis=0)
    size = float(np.sqrt(np.sum(some * some) * np.sum(others * others)))
    return float(np.sum(some * others)) / size if size > 1e-6 else 0.0
