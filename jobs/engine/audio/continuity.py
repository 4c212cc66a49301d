"""Whether audio goes on across a join without a click, told by linear prediction.

What was recorded in one go can be predicted across a cut as well as anywhere else: an autoregressive model (least
squares, the covariance method of J. Makhoul, "Linear Prediction", 1975) is fitted to one side, and its error on the
first samples of the other held against its error on its own. Where a wave breaks off and another begins the error is
the step between them. It is tried forwards and backwards, as something may begin or end just there.

Packets that a decoder overlaps fade into each other, whatever they hold, and there is no step. There the error is held
against its own all over the overlap. It tells tones and noises apart; of two takes of one voice only some.
"""

import numpy as np
from numpy.typing import NDArray

from jobs.engine.audio.sample_clock import Samples

ORDER = 32
MODEL_SAMPLES = 2048
"""Of either side, at most."""
MINIMUM_SAMPLES = 512
SEAM_SAMPLES = 4
STRETCH_SAMPLES = 512
"""Of an overlap, over which its error is taken: a period of any voice."""
TIMES = 5.0
"""By how much the error at the join may exceed the usual one (root mean square)."""
OVERLAP_TIMES, OVERLAP_FLOOR = 3.0, 2**-15
"""The same of an overlap's stretches, and what they may have anyhow. Of joins within a talk in AAC 93 of 100 pass, of
any two of its packets 68: what fades into each other does no harm, while parts wrongly told apart would be faded."""
MINIMUM_LEVEL = 10 ** (-60 / 20)
"""Root mean square: what is fainter tells nothing, as anything goes on with silence."""
FLOOR, FLOOR_SHARE = 10 ** (-66 / 20), 0.06
"""A step, of full scale or of the fainter side's level, that is better than fading both: lossy encoders err by as much
where they begin and end."""


def continues(before: Samples, after: Samples) -> bool:
    """Whether `after` goes on where `before` ends, both of shape (samples, channels). What is too short does not."""
    if min(len(before), len(after)) < MINIMUM_SAMPLES:
        return False
    ending, beginning = before[-MODEL_SAMPLES:].astype(np.float64), after[:MODEL_SAMPLES].astype(np.float64)
    heard = [number for number in range(before.shape[1]) if ending[:, number].any() or beginning[:, number].any()]
    return bool(heard) and all(_goes_on(ending[:, number], beginning[:, number]) for number in heard)


def passes(before: Samples, between: Samples, after: Samples) -> bool:
    """Whether what lies between two stretches, where one fades into the other, is one with either all along.

    All are of shape (samples, channels), decoded in one go. What is too short is not.
    """
    if min(len(before), len(after)) < MINIMUM_SAMPLES or len(between) < ORDER:
        return False
    ending, overlap, beginning = (part.astype(np.float64) for part in (before[-MODEL_SAMPLES:], between, after))
    beginning = beginning[:MODEL_SAMPLES]
    heard = [number for number in range(before.shape[1]) if ending[:, number].any() or beginning[:, number].any()]
    return bool(heard) and all(_passes(ending[:, number], overlap[:, number], beginning[:, number]) for number in heard)


def _passes(before: NDArray[np.float64], between: NDArray[np.float64], after: NDArray[np.float64]) -> bool:
    level = min(_rms(before[-MINIMUM_SAMPLES:]), _rms(after[:MINIMUM_SAMPLES]))
    return level >= MINIMUM_LEVEL and (_carries(before, between) or _carries(after[::-1], between[::-1]))


def _carries(known: NDArray[np.float64], following: NDArray[np.float64]) -> bool:
    """Whether a model of what is known has no larger error in any stretch of what follows."""
    usual, errors = _errors(known, following)
    stretches = np.array_split(errors, max(1, len(errors) // STRETCH_SAMPLES))
    return max(map(_rms, stretches)) <= max(OVERLAP_TIMES * usual, OVERLAP_FLOOR)


def _goes_on(before: NDArray[np.float64], after: NDArray[np.float64]) -> bool:
    level = min(_rms(before[-MINIMUM_SAMPLES:]), _rms(after[:MINIMUM_SAMPLES]))
    floor = max(FLOOR, FLOOR_SHARE * level)
    return level >= MINIMUM_LEVEL and (_predicts(before, after, floor) or _predicts(after[::-1], before[::-1], floor))


def _predicts(known: NDArray[np.float64], following: NDArray[np.float64], floor: float) -> bool:
    """Whether a model of what is known has no larger error on what follows, nor one above the floor."""
    usual, errors = _errors(known, following[:SEAM_SAMPLES])
    return float(np.abs(errors).max()) <= max(TIMES * usual, floor)


def _errors(known: NDArray[np.float64], following: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Of a model of what is known its usual error (root mean square), and those on what follows."""
    joined = np.concatenate((known, following))
    histories = np.lib.stride_tricks.sliding_window_view(joined[:-1], ORDER)
    targets, count = joined[ORDER:], len(known) - ORDER
    coefficients, *_ = np.linalg.lstsq(histories[:count], targets[:count], rcond=1e-9)
    errors = targets - histories @ coefficients
    return _rms(errors[:count]), errors[count:]


def _rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(values * values)))
