"""What a result is made of: segments of the recording, one after the other, each at its own speed."""

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple


class Part(NamedTuple):
    """From `start`, included, to `end`, excluded, in seconds after the recording's start; `speed` times as fast."""

    start: Fraction
    end: Fraction
    speed: Fraction = Fraction(1)

    @property
    def lasts(self) -> Fraction:
        """Seconds in the result."""
        return (self.end - self.start) / self.speed


def starts(parts: Iterable[Part]) -> tuple[Fraction, ...]:
    """When each part begins in the result, in seconds."""
    positions, position = [], Fraction(0)
    for part in parts:
        positions.append(position)
        position += part.lasts
    return tuple(positions)
