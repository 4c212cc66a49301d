"""What a result is made of: segments, one after the other, and the two clocks that follow from them.

Whoever decides what a result shows makes a timeline (a cut plan, a trim, a change of speed); whoever renders it, checks
it, or moves something along with it (captions, chapters) goes by it alone.
"""

import bisect
import dataclasses
import functools
import itertools
from collections.abc import Iterator
from fractions import Fraction

from jobs.engine.model.segment import Segment

Range = tuple[Fraction, Fraction]


@dataclasses.dataclass(frozen=True)
class Timeline:
    """The segments in the order they are shown and heard.

    `source_durations` has for each source how long it is, in seconds. `muted` are ranges of the result, in seconds,
    ordered and disjoint, in which there is to be no audio. A `continued` one goes on in other results: its audio begins
    and ends without a fade, on the samples where theirs end and begin.
    """

    segments: tuple[Segment, ...]
    source_durations: tuple[Fraction, ...]
    muted: tuple[Range, ...] = ()
    continued: bool = False

    @functools.cached_property
    def duration(self) -> Fraction:
        """Seconds of the result."""
        return sum((segment.output_duration for segment in self.segments), Fraction(0))

    @functools.cached_property
    def starts(self) -> tuple[Fraction, ...]:
        """When each segment begins in the result, in seconds."""
        durations = (segment.output_duration for segment in self.segments[:-1])
        return tuple(itertools.accumulate(durations, initial=Fraction(0)))

    @property
    def placed(self) -> Iterator[tuple[Fraction, Segment]]:
        """Each segment with when it begins in the result, in seconds."""
        return zip(self.starts, self.segments, strict=True)

    @property
    def joins(self) -> int:
        return len(self.segments) - 1

    def segment_at(self, time: Fraction) -> tuple[Fraction, Segment]:
        """The segment that is on at `time`, seconds of the result, and when it begins there."""
        place = max(0, bisect.bisect_right(self.starts, time) - 1)
        return self.starts[place], self.segments[place]

    def source_time(self, time: Fraction) -> Fraction:
        """What of its source is shown and heard at `time` of the result."""
        begins, segment = self.segment_at(time)
        return segment.start + (time - begins) * segment.speed

    def output_time(self, time: Fraction, source: int = 0) -> Fraction:
        """When in the result `time` of a source comes; one that is left out becomes that of the join it went into."""
        placed = self._by_source.get(source, [])
        place = bisect.bisect_right(placed, time, key=lambda one: one[1].start) - 1
        if place < 0:
            return placed[0][0] if placed else Fraction(0)
        begins, segment = placed[place]
        return begins + (min(time, segment.end) - segment.start) / segment.speed

    @functools.cached_property
    def _by_source(self) -> dict[int, list[tuple[Fraction, Segment]]]:
        """For each source its segments, in the source's order, with when they begin in the result."""
        found: dict[int, list[tuple[Fraction, Segment]]] = {}
        for begins, segment in sorted(self.placed, key=lambda one: one[1].start):
            found.setdefault(segment.source, []).append((begins, segment))
        return found
