"""What was heard, small enough for a page: one byte a step, exact at every border that a plan can ask about.

The byte of a step is how many of the ascending `borders` its value reaches. So a step reaches border i when its byte is
larger than i, and whoever has the bytes can find the very same runs as `activity` does, for every threshold among the
borders: each half dB, and the two levels of “auto”. Three hours of audio are 540 KB, half of that compressed.
"""

import dataclasses
import json
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from jobs.engine.analysis.activity import (
    MAXIMUM_SOFT_EDGE_SECONDS,
    MAYBE_VOICE_AFTER,
    MAYBE_VOICE_BEFORE,
    SURELY_VOICE,
    whole_words,
)
from jobs.engine.analysis.peak_levels import STEP, Levels, auto_thresholds
from jobs.engine.analysis.vad import WINDOW, Voice

# A level in dBFS that a person can choose.
LEVELS_DB = [half / 2 for half in range(-240, 1)]
VERSION = 3


@dataclasses.dataclass(frozen=True, eq=False)
class QuantizedLevels:
    """`steps` has one byte for each `step` seconds. `sure`, and for soft edges `before` and `after`, are the borders
    that the detector itself would choose; minus infinity when there is nothing to choose from. `duration` is the
    audio's, in seconds."""

    steps: NDArray[np.uint8]
    borders: tuple[float, ...]
    step: Fraction
    duration: Fraction
    sure: float
    before: float
    after: float

    def to_bytes(self) -> bytes:
        """A line of JSON with times in milliseconds, then the bytes."""
        head = {
            "step_ms": float(self.step * 1000),
            "duration_ms": float(self.duration * 1000),
            "reach": int(MAXIMUM_SOFT_EDGE_SECONDS / self.step),
            "borders": self.borders,
            "sure": _finite(self.sure),
            "before": _finite(self.before),
            "after": _finite(self.after),
        }
        return json.dumps(head, separators=(",", ":")).encode() + b"\n" + self.steps.tobytes()


def of_levels(levels: Levels) -> QuantizedLevels:
    sure, maybe = auto_thresholds(levels)
    borders = sorted({*LEVELS_DB, *(level for level in (sure, maybe) if np.isfinite(level))})
    return QuantizedLevels(_quantized(levels.db, borders), tuple(borders), STEP, levels.duration, sure, maybe, maybe)


def of_voice(voice: Voice) -> QuantizedLevels:
    borders = (MAYBE_VOICE_BEFORE, MAYBE_VOICE_AFTER, SURELY_VOICE)
    steps = _quantized(whole_words(voice.probability), borders)
    return QuantizedLevels(steps, borders, WINDOW, voice.duration, SURELY_VOICE, MAYBE_VOICE_BEFORE, MAYBE_VOICE_AFTER)


def _quantized(values: NDArray[np.float32], borders: list[float] | tuple[float, ...]) -> NDArray[np.uint8]:
    # Borders as the detector compares them, in the precision of the values.
    return np.searchsorted(np.array(borders, values.dtype), values, "right").astype(np.uint8)


def _finite(level: float) -> float | None:
    return level if np.isfinite(level) else None
