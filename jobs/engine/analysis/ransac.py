"""The straight line on which most of some uncertain points lie (M. Fischler and R. Bolles, RANSAC, 1981).

There are few points, so every pair of them is tried, not a random choice.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


class Consensus(NamedTuple):
    """y = offset + slope * x; `agree` tells which points lie on it."""

    offset: float
    slope: float
    agree: NDArray[np.bool_]


def line(x: Numbers, y: Numbers, weight: Numbers, *, tolerance: float, maximum_slope: float) -> Consensus:
    """The line of at most `maximum_slope` with the most weight within `tolerance`; there has to be a point.

    It goes through the middle of the points on it by least squares.
    """
    flat = np.zeros(len(x)), y
    one, two = np.triu_indices(len(x), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (y[two] - y[one]) / (x[two] - x[one])
    possible = np.abs(slope) <= maximum_slope
    slopes = np.concatenate((flat[0], slope[possible]))
    offsets = np.concatenate((flat[1], (y[one] - slope * x[one])[possible]))
    best, best_weight = 0, -1.0
    for start in range(0, len(slopes), 4096):
        part = slice(start, start + 4096)
        near = np.abs(y - offsets[part, None] - slopes[part, None] * x) <= tolerance
        support = near @ weight
        if support.max() > best_weight:
            best, best_weight = start + int(np.argmax(support)), float(support.max())
    agree = np.abs(y - offsets[best] - slopes[best] * x) <= tolerance
    return Consensus(*_least_squares(x[agree], y[agree], weight[agree], maximum_slope), agree)


def _least_squares(x: Numbers, y: Numbers, weight: Numbers, steepest: float) -> tuple[float, float]:
    middle, level = np.average(x, weights=weight), np.average(y, weights=weight)
    wide = float(np.sum(weight * (x - middle) ** 2))
    slope = float(np.sum(weight * (x - middle) * (y - level))) / wide if wide > 0 else 0.0
    slope = min(max(slope, -steepest), steepest)
    return float(level - slope * middle), slope
