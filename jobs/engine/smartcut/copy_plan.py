"""Which pictures of a result can be the source's own compressed ones, and which have to be encoded.

A decoder needs the pictures that others were predicted from. So in each kept segment what is copied starts at a random
access point (an IDR, CRA or BLA picture, before which a decoder may know nothing), and ends before the first picture in
decoding order that lies outside of the segment:

    decoding order    I0 P3 B1 B2 P6 B4 B5 I7 P10 B8 B9 P13 B11 B12 P16 B14 ...
    kept              . . . . 4 5 6 | 7 8 9 10 11 12 13 | 14 15 . .
                      encoded         copied              encoded: they need P16, which is not shown

In an open GOP the random access point is followed by leading pictures, which are shown before it and may need what was
decoded before it. When a copy starts there they are encoded, and left out of the copy: no later picture needs them.
"""

import dataclasses
import functools
import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from jobs.engine.smartcut.packet_survey import CodedPictures
from jobs.engine.video.frame_index import FrameIndex
from jobs.engine.video.frame_schedule import Schedule

# Fewer than this are not worth the seam when their neighbours are encoded anyway.
MINIMUM_COPY_PICTURES = 4
# Encoded pictures of neighbouring segments are coded together up to this many: a matter of memory and of both cores.
MAXIMUM_ENCODE_PICTURES = 120


@dataclasses.dataclass(frozen=True)
class Run:
    """Pictures of the result that follow each other and are all copied, or all encoded: `count` from number `first` on.

    `copied_from` is the source's decode index of the first (None: they are encoded); the others follow it behind
    `leading_skipped` leading ones.
    """

    first: int
    count: int
    copied_from: int | None = None
    leading_skipped: int = 0

    @property
    def end(self) -> int:
        return self.first + self.count

    @property
    def copied_ranges(self) -> list[tuple[int, int]]:
        """Decode indexes of copied packets: from one up to another, which is the first not to be copied."""
        if self.copied_from is None:
            return []
        follows = self.copied_from + 1 + self.leading_skipped
        ranges = [(self.copied_from, self.copied_from + 1), (follows, follows + self.count - 1)]
        return [(begin, end) for begin, end in ranges if begin < end]


@dataclasses.dataclass(frozen=True)
class DecodeRange:
    """What is decoded in one go: of decode indexes from `begin` to `end` those in `needed`, to show `wanted` (pts)."""

    begin: int
    end: int
    needed: frozenset[int]
    wanted: tuple[int, ...]


def plan_runs(coded: CodedPictures, index: FrameIndex, wanted: Schedule) -> list[Run]:
    """The whole result as alternating encode and copy runs, in order, without a gap."""
    decode_indexes = _decode_indexes(coded, len(index.pts))
    entries = np.flatnonzero(coded.random_access & (coded.frame_numbers >= 0))
    found: list[Run] = []
    for first, end, is_fast in wanted.segments:
        if is_fast:
            found += _encode_runs(first, end)
        elif first < end:
            frame_number = int(np.searchsorted(index.pts, wanted.source_pts[first]))
            found += _split(coded, decode_indexes, entries, Run(first, end - first), frame_number)
    return list(_joined(found))


def _encode_runs(first: int, end: int) -> Iterator[Run]:
    """What runs at another speed, in runs that several encoders can share."""
    for begin in range(first, end, MAXIMUM_ENCODE_PICTURES):
        yield Run(begin, min(end - begin, MAXIMUM_ENCODE_PICTURES))


def _decode_indexes(coded: CodedPictures, count: int) -> NDArray[np.int64]:
    """Of each frame of the source, by its number, where it comes in decoding order."""
    indexes = np.empty(count, np.int64)
    is_shown = coded.frame_numbers >= 0
    indexes[coded.frame_numbers[is_shown]] = np.flatnonzero(is_shown)
    return indexes


def _split(
    coded: CodedPictures, decode_indexes: NDArray[np.int64], entries: NDArray[np.int64], kept: Run, frame_number: int
) -> Iterator[Run]:
    """A kept segment, whose first frame has this number in the source: encoded, copied, encoded.

    `entries` are decode indexes of random access points, which are decoded and shown in the same order.
    """
    end = frame_number + kept.count
    following = int(np.searchsorted(coded.frame_numbers[entries], frame_number))
    if following == len(entries) or coded.frame_numbers[entries[following]] >= end:
        yield kept
        return
    entry = int(entries[following])
    before = int(coded.frame_numbers[entry]) - frame_number
    skipped = _leading_after(coded, entry)
    stop = int(decode_indexes[frame_number:end].max()) + 1
    count = _copyable(np.delete(coded.frame_numbers[entry:stop], slice(1, 1 + skipped)), end)
    after = kept.count - before - count
    if count < MINIMUM_COPY_PICTURES and (before or after):
        yield kept
        return
    if before:
        yield Run(kept.first, before)
    yield Run(kept.first + before, count, entry, skipped)
    if after:
        yield Run(kept.end - after, after)


def _leading_after(coded: CodedPictures, entry: int) -> int:
    """How many leading pictures follow a random access point in decoding order."""
    following = coded.leading[entry + 1 :]
    return len(following) if following.all() else int(following.argmin())


def _copyable(frame_numbers: NDArray[np.int64], end: int) -> int:
    """How many of these, in decoding order, can be copied, when those shown as number `end` and later cannot be."""
    inside = (frame_numbers >= frame_numbers[0]) & (frame_numbers < end)
    count = len(frame_numbers) if inside.all() else int(inside.argmin())
    # So many that no frame shown between them is missing.
    whole = np.maximum.accumulate(frame_numbers[:count]) - frame_numbers[0] == np.arange(count)
    return int(np.flatnonzero(whole)[-1]) + 1


def _joined(found: list[Run]) -> Iterator[Run]:
    """Encode runs that meet become one, so that one encoder start serves both."""
    waiting: Run | None = None
    for run in found:
        if waiting and run.copied_from is None and waiting.count < MAXIMUM_ENCODE_PICTURES:
            waiting = Run(waiting.first, waiting.count + run.count)
            continue
        if waiting:
            yield waiting
        waiting = run if run.copied_from is None else None
        if run.copied_from is not None:
            yield run
    if waiting:
        yield waiting


class Decoding:
    """What has to be decoded for pictures of the result."""

    def __init__(self, coded: CodedPictures, index: FrameIndex, wanted: Schedule) -> None:
        self._coded = coded
        self.wanted = wanted
        self._decode_indexes = _decode_indexes(coded, len(index.pts))[np.searchsorted(index.pts, wanted.source_pts)]
        # Decoding can start at the first coded picture too, as it has to.
        self._entries = np.union1d([0], np.flatnonzero(coded.random_access))
        # Leading pictures are decoded from the random access point before theirs.
        gop = np.searchsorted(self._entries, self._decode_indexes, "right") - 1
        self._gop = np.maximum(gop - coded.leading[self._decode_indexes], 0)

    def ranges(self, run: Run) -> list[DecodeRange]:
        """One for each GOP that a run reaches into."""
        decode_indexes = self._decode_indexes[run.first : run.end]
        pts = self.wanted.source_pts[run.first : run.end]
        gop = self._gop[run.first : run.end]
        # Time never goes back in a result, so each GOP comes once.
        edges = [0, *(np.flatnonzero(np.diff(gop)) + 1).tolist(), run.count]
        return [
            self._range(int(self._entries[gop[begin]]), decode_indexes[begin:end], pts[begin:end])
            for begin, end in itertools.pairwise(edges)
        ]

    def _range(self, begin: int, decode_indexes: NDArray[np.int64], pts: NDArray[np.int64]) -> DecodeRange:
        end = int(decode_indexes.max()) + 1
        needed = self._coded.reference[begin:end].copy()
        leading = _leading_after(self._coded, begin)
        # Some of them are wanted of the first GOP alone, where there is none before.
        if not np.isin(decode_indexes - begin, np.arange(1, 1 + leading)).any():
            needed[1 : 1 + leading] = False
        needed[decode_indexes - begin] = True
        return DecodeRange(begin, end, frozenset((np.flatnonzero(needed) + begin).tolist()), tuple(pts.tolist()))

    def start_ticks(self, run: Run) -> list[int]:
        """When in the result the pictures of a run are shown."""
        return self.wanted.start_ticks[run.first : run.end].tolist()

    def source_bytes(self, run: Run) -> float:
        """What the source takes for so many pictures there: each counts as the mean one of its GOP."""
        gops = np.searchsorted(self._entries, self._decode_indexes[run.first : run.end], "right") - 1
        return float(self._gop_bytes[gops].sum())

    @functools.cached_property
    def _gop_bytes(self) -> NDArray[np.float64]:
        """Of each GOP the bytes of its mean picture."""
        counts = np.diff(self._entries, append=len(self._coded.sizes))
        return np.add.reduceat(self._coded.sizes.astype(np.float64), self._entries) / counts

    def cost(self, run: Run) -> int:
        """How many pictures are decoded for a run."""
        return sum(len(one.needed) for one in self.ranges(run)) if run.copied_from is None else 0
