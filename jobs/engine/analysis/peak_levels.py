"""How loud a recording is over time: the loudest sample of each 20 ms.

Levels are in dBFS: 0 is a full-scale sample, -6 half of that, minus infinity digital silence. Step i covers
[i / 50, (i + 1) / 50) seconds after the recording's start: the samples n with i <= 50 n / rate < i + 1, which are
not equally many in each step when the rate is no multiple of 50.
"""

import dataclasses
import functools
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from jobs.engine.analysis.feature_curve import Feature
from jobs.engine.audio import decoder

STEPS_PER_SECOND = 50
STEP = Fraction(1, STEPS_PER_SECOND)
# Blocks of whole seconds hold whole steps at every rate.
BLOCK_SECONDS = 4

# Of `auto_thresholds`; what they stand for is said there.
WINDOW_STEPS = 10
STEADY_DB = 8.0
ENOUGH_NOISE = 0.05
ABOVE_NOISE_DB = 5.0
SPEECH_PERCENTILE = 90
SPEECH_RANGE_DB = 30.0
BELOW_SPEECH_DB = 20.0
NEAREST_TO_SPEECH_DB = 12.0
SOFT_EDGE_DB = 12.0

VERSION = 2


@dataclasses.dataclass(frozen=True, eq=False)
class Levels:
    """`db` has one value per step; `duration` is the exact length of the audio, counted from the recording's start."""

    db: NDArray[np.float32]
    duration: Fraction

    @property
    def loudest(self) -> float:
        """The recording's loudest sample in dBFS; minus infinity when there is no audio at all."""
        return float(self.db.max(initial=-np.inf))


def step_starts(rate: int, seconds: int) -> NDArray[np.int64]:
    """The first sample of each step in a block of whole seconds."""
    return -(-np.arange(seconds * STEPS_PER_SECOND, dtype=np.int64) * rate // STEPS_PER_SECOND)


def _peaks(block: decoder.Samples, starts: NDArray[np.int64]) -> NDArray[np.float32]:
    """The largest magnitude in each step of a block, over all channels."""
    channels = block.shape[1]
    flat = block.reshape(-1)
    inside = starts[starts < len(block)] * channels
    return np.maximum(np.maximum.reduceat(flat, inside), -np.minimum.reduceat(flat, inside))


def _decibels(pcm: decoder.PcmReader) -> Iterator[NDArray[np.float32]]:
    starts = step_starts(pcm.rate, BLOCK_SECONDS)
    while len(block := pcm.read(BLOCK_SECONDS * pcm.rate)):
        # Decoders can give not-a-number for damaged audio.
        amplitude = np.nan_to_num(_peaks(block, starts))
        with np.errstate(divide="ignore"):
            yield (20 * np.log10(amplitude)).astype(np.float32)


LEVELS = Feature("levels", VERSION, Levels, _decibels, silence=-np.inf)
"""Levels over all channels of a track; of several, those of the loudest at each step."""
measure, kept = LEVELS.measure, LEVELS.kept


def auto_threshold(levels: Levels) -> float:
    """The first of `auto_thresholds`."""
    return auto_thresholds(levels)[0]


def auto_thresholds(levels: Levels) -> tuple[float, float]:
    """Two levels in dBFS from the recording's own noise floor and speech level, rounded to 0.1 dB.

    What reaches the first is sound. What reaches the second is sound too where it leads up to such a step or fades away
    from one: a word that starts softly, one that trails off.

    - Speech level: nine tenths of the steps of speech lie below it. Steps of speech are those clear of the noise
      floor, and within 30 dB of the recording's loudest hundredth.
    - Noise floor: the usual level of quiet windows of 200 ms (the shortest silence worth cutting) in which the level
      stays within 8 dB: a room is steady, speech is not. Such windows have to make up a twentieth of the recording;
      otherwise its noise is not known. Digital silence is none. (After minimum statistics, R. Martin 2001: the quiet
      end of a level is the room alone.)
    - The first level lies 20 dB under the speech level: ITU-T P.56 takes 15.9 dB under the active speech level for the
      border of activity, and soft beginnings and ends of words need a little more.
    - Where noise reaches up there, it is 5 dB over the noise floor: in an hour of Gaussian noise the loudest sample
      lies about 4 dB over the usual level. But it stays 12 dB under the speech level: keeping noise does less harm than
      losing words.
    - The second level lies another 12 dB lower, though never within those 5 dB over the noise floor.

    Both are minus infinity for a recording of digital silence alone.
    """
    finite = levels.db[np.isfinite(levels.db)]
    if not len(finite):
        return -np.inf, -np.inf
    top = float(np.percentile(finite, 99))
    clear_of_noise = _noise_floor(levels.db, top - NEAREST_TO_SPEECH_DB) + ABOVE_NOISE_DB
    spoken = finite[finite > max(clear_of_noise, top - SPEECH_RANGE_DB)]
    speech = float(np.percentile(spoken, SPEECH_PERCENTILE))
    threshold = max(speech - BELOW_SPEECH_DB, min(clear_of_noise, speech - NEAREST_TO_SPEECH_DB))
    soft = min(threshold, max(threshold - SOFT_EDGE_DB, clear_of_noise))
    return round(threshold, 1), round(soft, 1)


def _noise_floor(db: NDArray[np.float32], highest: float) -> float:
    """Level of steady noise under `highest`; minus infinity when there is too little to tell."""
    if len(db) < WINDOW_STEPS:
        return -np.inf
    last = len(db) - WINDOW_STEPS + 1
    shifted = [db[start : start + last] for start in range(WINDOW_STEPS)]
    loudest, softest = functools.reduce(np.maximum, shifted), functools.reduce(np.minimum, shifted)
    steady = loudest[(softest > loudest - STEADY_DB) & (loudest < highest)]
    return float(np.median(steady)) if len(steady) >= ENOUGH_NOISE * len(loudest) else -np.inf
