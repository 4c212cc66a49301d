"""Which pictures of a result can be the source's own compressed ones, and which have to be encoded.

A decoder needs the pictures that others were predicted from. So in each kept range what is copied starts at a picture
before which a decoder may know nothing (a restart), and ends before the first stored picture that lies outside the
range:

    stored order      I0 P3 B1 B2 P6 B4 B5 I7 P10 B8 B9 P13 B11 B12 P16 B14 ...
    kept              . . . . 4 5 6 | 7 8 9 10 11 12 13 | 14 15 . .
                      encoded         copied              encoded: they need P16, which is not shown

In open groups a restart is followed by leading pictures, which are shown before it and may need what was stored before
it. When a copy starts there they are encoded, and left out of the copy: no later picture needs them.
"""

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from jobs.engine.smartcut.packet_survey import CodedOrder
from jobs.engine.video.frame_index import FrameIndex, Schedule

# Fewer than this are not worth the seam when their neighbours are encoded anyway.
SHORTEST_COPY = 4
# Encoded pictures of neighbouring ranges are coded together up to this many: a matter of memory and of both cores.
LONGEST_JOINED = 120


@dataclasses.dataclass(frozen=True)
class Stretch:
    """`count` pictures of the result from its number `first` on.

    When they are copied, the first of them is stored at place `stored`, and the others after `skipped` leading ones.
    """

    first: int
    count: int
    stored: int | None = None
    skipped: int = 0

    @property
    def end(self) -> int:
        return self.first + self.count

    @property
    def copied(self) -> list[tuple[int, int]]:
        """Where copied packets are stored: from one place up to another, which is the first not to be copied."""
        if self.stored is None:
            return []
        follows = self.stored + 1 + self.skipped
        runs = [(self.stored, self.stored + 1), (follows, follows + self.count - 1)]
        return [(begin, end) for begin, end in runs if begin < end]


@dataclasses.dataclass(frozen=True)
class Run:
    """Stored pictures to decode: of those from `begin` to `end` the ones in `needed`. `wanted` are shown, by pts."""

    begin: int
    end: int
    needed: frozenset[int]
    wanted: tuple[int, ...]


def stretches(order: CodedOrder, index: FrameIndex, wanted: Schedule) -> list[Stretch]:
    """The whole result as alternating encoded and copied stretches, in order, without a gap."""
    stored_at = _stored_at(order, len(index.pts))
    restarts = np.flatnonzero(order.restarts & (order.places >= 0))
    found: list[Stretch] = []
    for first, end, is_fast in wanted.segments:
        if is_fast:
            found += _shared(first, end)
        elif first < end:
            shown = int(np.searchsorted(index.pts, wanted.source_pts[first]))
            found += _split(order, stored_at, restarts, Stretch(first, end - first), shown)
    return list(_joined(found))


def _shared(first: int, end: int) -> Iterator[Stretch]:
    """What runs faster, in pieces that several encoders can share."""
    for begin in range(first, end, LONGEST_JOINED):
        yield Stretch(begin, min(end - begin, LONGEST_JOINED))


def _stored_at(order: CodedOrder, count: int) -> NDArray[np.int64]:
    """Place in the stored order of each shown picture."""
    stored = np.empty(count, np.int64)
    is_shown = order.places >= 0
    stored[order.places[is_shown]] = np.flatnonzero(is_shown)
    return stored


def _split(
    order: CodedOrder, stored_at: NDArray[np.int64], restarts: NDArray[np.int64], kept: Stretch, shown: int
) -> Iterator[Stretch]:
    """A kept range, whose first picture is the source's number `shown`: encoded, copied, encoded."""
    end = shown + kept.count
    # Restarts are stored and shown in the same order.
    place = int(np.searchsorted(order.places[restarts], shown))
    if place == len(restarts) or order.places[restarts[place]] >= end:
        yield kept
        return
    stored = int(restarts[place])
    before = int(order.places[stored]) - shown
    skipped = _leading_after(order, stored)
    stop = int(stored_at[shown:end].max()) + 1
    count = _copyable(np.delete(order.places[stored:stop], slice(1, 1 + skipped)), end)
    after = kept.count - before - count
    if count < SHORTEST_COPY and (before or after):
        yield kept
        return
    if before:
        yield Stretch(kept.first, before)
    yield Stretch(kept.first + before, count, stored, skipped)
    if after:
        yield Stretch(kept.end - after, after)


def _leading_after(order: CodedOrder, stored: int) -> int:
    """How many pictures that lead a restart are stored right after it."""
    following = order.leading[stored + 1 :]
    return len(following) if following.all() else int(following.argmin())


def _copyable(places: NDArray[np.int64], end: int) -> int:
    """How many stored pictures can be copied, when those shown at `end` and later cannot be."""
    inside = (places >= places[0]) & (places < end)
    count = len(places) if inside.all() else int(inside.argmin())
    # So many that no picture shown between them is missing.
    whole = np.maximum.accumulate(places[:count]) - places[0] == np.arange(count)
    return int(np.flatnonzero(whole)[-1]) + 1


def _joined(found: list[Stretch]) -> Iterator[Stretch]:
    """Encoded stretches that meet become one, so that one encoder start serves both."""
    waiting: Stretch | None = None
    for stretch in found:
        if waiting and stretch.stored is None and waiting.count < LONGEST_JOINED:
            waiting = Stretch(waiting.first, waiting.count + stretch.count)
            continue
        if waiting:
            yield waiting
        waiting = stretch if stretch.stored is None else None
        if stretch.stored is not None:
            yield stretch
    if waiting:
        yield waiting


class Decoding:
    """What has to be decoded for pictures of the result."""

    def __init__(self, order: CodedOrder, index: FrameIndex, wanted: Schedule) -> None:
        self._order = order
        self._wanted = wanted
        stored_at = _stored_at(order, len(index.pts))
        self._stored = stored_at[np.searchsorted(index.pts, wanted.source_pts)]
        # Decoding can start at the first stored picture too, as it has to.
        self._starts = np.union1d([0], np.flatnonzero(order.restarts))
        # What leads a restart belongs to the group before it.
        group = np.searchsorted(self._starts, self._stored, "right") - 1
        self._group = np.maximum(group - order.leading[self._stored], 0)

    def runs(self, stretch: Stretch) -> list[Run]:
        """One run for each group of pictures that a stretch reaches into."""
        stored = self._stored[stretch.first : stretch.end]
        pts = self._wanted.source_pts[stretch.first : stretch.end]
        group = self._group[stretch.first : stretch.end]
        # Time never goes back in a result, so each group comes once.
        edges = [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), stretch.count]
        return [
            self._run(int(self._starts[group[begin]]), stored[begin:end], pts[begin:end])
            for begin, end in itertools.pairwise(edges)
        ]

    def _run(self, begin: int, stored: NDArray[np.int64], pts: NDArray[np.int64]) -> Run:
        end = int(stored.max()) + 1
        needed = self._order.referenced[begin:end].copy()
        leading = _leading_after(self._order, begin)
        # Some of them are wanted of the first group alone, where there is none before.
        if not np.isin(stored - begin, np.arange(1, 1 + leading)).any():
            needed[1 : 1 + leading] = False
        needed[stored - begin] = True
        return Run(begin, end, frozenset((np.flatnonzero(needed) + begin).tolist()), tuple(pts.tolist()))

    def cost(self, stretch: Stretch) -> int:
        """How many pictures are decoded for a stretch."""
        return sum(len(run.needed) for run in self.runs(stretch)) if stretch.stored is None else 0
