"""A value for each step of time, measured once of a recording's audio and kept."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobs.engine.model.mediainfo import AudioTrack
from jobs.engine.model.progress import Advance
from jobs.engine.runtime import array_cache


class Curve(NamedTuple):
    """`values` has one value per step; `duration` is the exact length of the audio, from the recording's start on."""

    values: NDArray[np.float32]
    duration: Fraction


def measured(
    tracks: Sequence[AudioTrack],
    measure: Callable[[AudioTrack, Advance], Curve],
    *,
    silence: float,
    stored: Path | None,
    progress: Advance | None,
) -> Curve:
    """The highest value of any track at each step; a track that has ended has the value `silence`.

    What the file `stored` holds is not measured again. `progress` gets the fraction of all tracks that is done, 0 to 1.
    """
    if curve := kept(stored):
        return curve
    curves = []
    for number, track in enumerate(tracks):

        def advance(fraction: float, number: int = number) -> None:
            if progress:
                progress((number + fraction) / len(tracks))

        curves.append(measure(track, advance))
    curve = highest(curves, silence)
    array_cache.save(
        stored, {"values": curve.values, "duration": np.array(curve.duration.as_integer_ratio(), np.int64)}
    )
    return curve


def kept(stored: Path | None) -> Curve | None:
    """What was measured before; None when that is not there any more."""
    return _from_arrays(array_cache.load(stored))


def highest(curves: Sequence[Curve], silence: float) -> Curve:
    """The highest of several curves at each step."""
    values = np.full(max(len(curve.values) for curve in curves), silence, np.float32)
    for curve in curves:
        part = values[: len(curve.values)]
        np.maximum(part, curve.values, out=part)
    return Curve(values, max(curve.duration for curve in curves))


def _from_arrays(arrays: array_cache.Arrays | None) -> Curve | None:
    """A stored curve, or None when it is not what `measured` stores."""
    if not arrays or set(arrays) != {"values", "duration"}:
        return None
    values, duration = arrays["values"], arrays["duration"]
    if values.ndim != 1 or values.dtype != np.float32 or duration.shape != (2,) or duration[1] <= 0:
        return None
    return Curve(values, Fraction(int(duration[0]), int(duration[1])))
