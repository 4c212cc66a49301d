"""The hum of the mains: tones at 50 or 60 Hz and their harmonics, which stand still while speech moves.

The spectrum is the median over windows of 4 s, in which speech and music leave no sharp line.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from jobs.engine.audio.sample_clock import Samples

RATE = 4_000
"""What `find` takes: harmonics up to 2 kHz."""
MAINS_HZ = (50.0, 60.0)
WINDOW_SECONDS = 4
MINIMUM_WINDOWS, MAXIMUM_WINDOWS = 2, 600
"""Of a longer recording every second window is taken, or every fourth, and so on."""
# Mains keep their frequency to a few thousandths, and so do recorders' clocks.
FREQUENCY_TOLERANCE = 0.004
LINE_PROMINENCE_DB = 10.0
"""By how much a line is above what lies around it."""
MINIMUM_LINES = 3
"""Of the first eight: one line may be a held note."""
NOTCH_HZ = 3.0


@dataclasses.dataclass(frozen=True)
class Hum:
    """Lines at these frequencies, in Hz; `mains_hz` is what they are multiples of."""

    mains_hz: float
    lines_hz: tuple[float, ...]

    def filters(self) -> list[str]:
        """ffmpeg's filters that take the lines out."""
        return [f"bandreject=f={line:.3f}:width_type=h:width={NOTCH_HZ}" for line in self.lines_hz]


def find(blocks: Iterable[Samples], mains_hz: float | None = None) -> Hum | None:
    """The hum in audio of one channel at `RATE`: of the given mains, or of those that are heard; None for none."""
    spectrum = _median_spectrum(blocks)
    if spectrum is None:
        return None
    candidates = [_lines(spectrum, mains) for mains in ((mains_hz,) if mains_hz else MAINS_HZ)]
    best = max(candidates, key=lambda one: len(one.lines_hz))
    low = [line for line in best.lines_hz if line < 8.5 * best.mains_hz]
    return best if len(low) >= (1 if mains_hz else MINIMUM_LINES) else None


def _median_spectrum(blocks: Iterable[Samples]) -> NDArray[np.float64] | None:
    """Levels in dB, of steps of a quarter of a Hz."""
    length = RATE * WINDOW_SECONDS
    window = np.hanning(length)
    buffered, spectra, stride, number = np.zeros(0, np.float32), [], 1, 0
    for block in blocks:
        buffered = np.concatenate((buffered, np.nan_to_num(block[:, 0])))
        while len(buffered) >= length:
            if number % stride == 0:
                spectra.append(np.log10(np.abs(np.fft.rfft(buffered[:length] * window)) ** 2 + 1e-9).astype(np.float32))
            if len(spectra) > MAXIMUM_WINDOWS:
                spectra, stride = spectra[::2], 2 * stride
            number, buffered = number + 1, buffered[length // 2 :]
    return 10 * np.median(spectra, axis=0).astype(np.float64) if len(spectra) >= MINIMUM_WINDOWS else None


def _lines(spectrum: NDArray[np.float64], mains: float) -> Hum:
    step = RATE / 2 / (len(spectrum) - 1)
    lines = []
    for number in range(1, int(RATE / 2 / mains)):
        middle = number * mains
        radius = max(2, round(middle * FREQUENCY_TOLERANCE / step))
        index = round(middle / step)
        near = slice(index - radius, index + radius + 1)
        # Beside the line, and not as far as the next one.
        around = np.concatenate((spectrum[index - 60 : index - radius - 4], spectrum[index + radius + 5 : index + 61]))
        if len(around) and spectrum[near].max() > np.median(around) + LINE_PROMINENCE_DB:
            lines.append(float((near.start + int(np.argmax(spectrum[near]))) * step))
    return Hum(mains, tuple(lines))
