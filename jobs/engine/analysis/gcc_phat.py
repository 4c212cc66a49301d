"""By how much one microphone hears the same later than another: GCC-PHAT.

After C. H. Knapp and G. C. Carter, "The generalized correlation method for estimation of time delay", IEEE
Transactions on Acoustics, Speech, and Signal Processing 24 (1976). The cross-spectrum's magnitude is divided out, so
that each frequency counts by its phase alone: neither the colour of the microphones nor of the room widens the peak.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobs.engine.analysis.cross_correlation import parabolic_peak

Signal = NDArray[np.float32]
"""Shape (samples,)."""

BAND_START_HZ, BAND_END_HZ = 150.0, 4000.0
# How far around the peak its own ripples reach.
PEAK_SECONDS = 0.002


class Delay(NamedTuple):
    """`samples` from the start of `around` to where `piece` fits; `clearness` is the peak over the next best one."""

    samples: float
    clearness: float


def delay(piece: Signal, around: Signal, rate: int) -> Delay | None:
    """Find `piece` in the longer `around`; None when one of them is silent."""
    lag_count = len(around) - len(piece) + 1
    length = 1 << (len(around) + len(piece)).bit_length()
    cross = np.fft.rfft(around, length) * np.conj(np.fft.rfft(piece, length))
    magnitude = np.abs(cross)
    if lag_count < 3 or magnitude.max() <= 1e-9:
        return None
    frequency = np.fft.rfftfreq(length, 1 / rate)
    band = (frequency >= BAND_START_HZ) & (frequency <= BAND_END_HZ)
    fits = np.fft.irfft(np.where(band, cross / np.maximum(magnitude, magnitude.max() * 1e-9), 0), length)[:lag_count]
    best = int(np.argmax(fits))
    own = int(PEAK_SECONDS * rate)
    rival = max(fits[: max(0, best - own)].max(initial=1e-12), fits[best + own + 1 :].max(initial=1e-12))
    return Delay(best + parabolic_peak(fits, best), float(fits[best] / rival))
