"""What a timeline is made of: ranges of its sources, each at its own speed."""

import dataclasses
from fractions import Fraction


@dataclasses.dataclass(frozen=True)
class Segment:
    """From `start`, included, to `end`, excluded, in seconds after the start of a source; `speed` times as fast.

    `source` is that one's number among the timeline's.
    """

    start: Fraction
    end: Fraction
    speed: Fraction = Fraction(1)
    source: int = 0

    @property
    def output_duration(self) -> Fraction:
        """Seconds in the result."""
        return (self.end - self.start) / self.speed
