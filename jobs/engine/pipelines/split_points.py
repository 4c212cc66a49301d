"""Where a recording is split: at times, chapters or pauses, after so many minutes or bytes, and on which instants."""

import bisect
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from jobs.engine.audio.packet_table import PacketTable
from jobs.engine.container import demuxing
from jobs.engine.model.mediainfo import demuxer
from jobs.engine.model.segment import Segment
from jobs.engine.model.timeline import Range, Timeline
from jobs.engine.render import chapters
from jobs.engine.smartcut.packet_survey import CodedPictures
from jobs.engine.video.frame_index import FrameIndex
from jobs.engine.video.source import Source

MAXIMUM_PARTS = 200
MINIMUM_PART_SECONDS = Fraction(1, 10)
"""What would be shorter goes with the part before it."""
BYTES_AROUND_PICTURE, BYTES_AROUND_PACKET = 44, 24
"""What MP4 writes of a coded picture, or a packet of audio, beside its bytes, at most: its size, times, kind, and where
it lies in the file (stsz, ctts, stts, stss, and an entry of stsc and stco of its own)."""
BYTES_AROUND_FILE = 16_000
"""What a file holds whatever its length: descriptions of its tracks, names, dates."""

Snap = Callable[[Fraction], Fraction]
"""Moves a time to the nearest instant at which a recording can be split."""


@dataclasses.dataclass(frozen=True)
class Point:
    """A time, in seconds after the recording's start, at which a part is to begin, which may have a title."""

    time: Fraction
    title: str = ""


@dataclasses.dataclass(frozen=True)
class Part:
    """From `start`, included, to `end`, excluded, in seconds after the recording's start.

    `is_too_large` when it holds a single GOP that takes more bytes than were asked for.
    """

    start: Fraction
    end: Fraction
    title: str = ""
    is_too_large: bool = False

    @property
    def segment(self) -> Segment:
        return Segment(self.start, self.end)


def to_frames(index: FrameIndex) -> Snap:
    """Where the nearest frame comes on show; the time itself where that is far off, as in slides."""

    def nearest(time: Fraction) -> Fraction:
        return min(index.frame_at_or_before(time), index.frame_at_or_after(time), key=lambda found: abs(found - time))

    return nearest


def to_samples(rate: int) -> Snap:
    return lambda time: Fraction(round(time * rate), rate)


def to_instants(instants: Sequence[Fraction]) -> Snap:
    """The nearest of some instants, which rise."""

    def nearest(time: Fraction) -> Fraction:
        after = bisect.bisect_left(instants, time)
        return min(instants[max(0, after - 1) : after + 1], key=lambda found: abs(found - time))

    return nearest


def parts(points: Iterable[Point], snap: Snap, begin: Fraction, last: Fraction) -> list[Part]:
    """The recording up to `last`, split at the points; at none before `begin`, where its picture begins.

    Of those that are next to each other, or to either end, the first counts.
    """
    edges = [Point(Fraction(0))]
    for point in sorted(points, key=lambda one: one.time):
        time = snap(point.time) if point.time else point.time
        if time - max(begin, edges[-1].time) >= MINIMUM_PART_SECONDS and last - time >= MINIMUM_PART_SECONDS:
            edges.append(Point(time, point.title))
        elif time - begin < MINIMUM_PART_SECONDS and len(edges) == 1:
            edges[0] = dataclasses.replace(edges[0], title=edges[0].title or point.title)
    ends = [*(edge.time for edge in edges[1:]), last]
    return [Part(edge.time, end, edge.title) for edge, end in zip(edges, ends, strict=True)]


def every(seconds: Fraction, duration: Fraction) -> list[Point]:
    return [Point(number * seconds) for number in range(1, -int(-duration // seconds))]


def of_chapters(source: Source, last: Fraction) -> list[Point]:
    """Where each chapter begins. What lies between two goes with the first. Raises InputError."""
    info = source.info
    with demuxing.recording(source.path, demuxer(info)) as container:
        stored = chapters.read(container, info.start)
    whole = Timeline((Segment(Fraction(0), last),), (last,))
    return [Point(chapter.start, chapter.title) for chapter in chapters.retime(stored, whole)]


def of_pauses(pauses: Sequence[Range], minimum_seconds: Fraction, duration: Fraction) -> list[Point]:
    """The middles of pauses, so that no part is shorter than asked; of pauses too near each other the longer ones."""
    taken = [Fraction(0), duration]
    for start, end in sorted(pauses, key=lambda pause: (pause[0] - pause[1], pause[0])):
        middle = (start + end) / 2
        place = bisect.bisect(taken, middle)
        if min(middle - taken[place - 1], taken[min(place, len(taken) - 1)] - middle) >= minimum_seconds:
            taken.insert(place, middle)
    return [Point(time) for time in taken[1:-1]]


def closed_entries(coded: CodedPictures) -> NDArray[np.int64]:
    """Decode indexes of random access points behind which nothing is shown before them, so that a part that begins
    there, and one that ends there, hold whole GOPs. All of them where there are no such but the first."""
    entries = np.flatnonzero(coded.random_access & (coded.frame_numbers > 0))
    leads = np.append(coded.leading, False)[entries + 1]
    return entries if leads.all() else entries[~leads]


def instants_of(entries: NDArray[np.int64], coded: CodedPictures, index: FrameIndex) -> list[Fraction]:
    """When pictures at these decode indexes come on show."""
    return [Fraction(int(tick), index.clock_hz) for tick in index.start_ticks[coded.frame_numbers[entries]]]


@dataclasses.dataclass(frozen=True, eq=False)
class StoredSizes:
    """How many bytes a file takes of a recording from its start to each instant at which it can be split, and to its
    end: packets as they are stored, and at most what a container writes around them."""

    instants: Sequence[Fraction]
    totals: NDArray[np.int64]
    around: int = BYTES_AROUND_FILE

    def parts(self, maximum_bytes: int, first: int = 0) -> list[Part]:
        """From one instant on as few parts as possible, none with more bytes than that but single GOPs that have."""
        found: list[Part] = []
        while first < len(self.instants) - 1:
            room = maximum_bytes - self.around
            end = int(np.searchsorted(self.totals, self.totals[first] + room, "right")) - 1
            is_too_large = end <= first
            end = max(end, first + 1)
            found.append(Part(self.instants[first], self.instants[end], "", is_too_large))
            first = end
        return found

    def measured(self, part: Part, size_bytes: int) -> "StoredSizes":
        """The same, when a part turned out to take so many bytes: as much goes around the packets of the others."""
        first, end = map(self.instants.index, (part.start, part.end))
        around = size_bytes - int(self.totals[end] - self.totals[first])
        return dataclasses.replace(self, around=max(self.around, around))


def stored_sizes(
    instants: Sequence[Fraction], picture_totals: NDArray[np.int64] | None, tables: Sequence[PacketTable | float]
) -> StoredSizes:
    """Sizes up to each instant: of pictures, and of audio by its packets, or by bytes a second where it is encoded."""
    totals = np.zeros(len(instants), np.int64)
    around = BYTES_AROUND_FILE
    if picture_totals is not None:
        totals += picture_totals
    for table in tables:
        if isinstance(table, PacketTable):
            sums = np.cumsum(np.concatenate(([0], table.sizes + np.int64(BYTES_AROUND_PACKET))))
            numbers = [int((time - table.time(0)) * table.rate // table.samples) for time in instants]
            totals += sums[np.clip(numbers, 0, len(table.sizes))]
            # A part may begin and end within a packet, and has the one before for its overlap.
            around += 3 * (int(table.sizes.max()) + BYTES_AROUND_PACKET)
        else:
            totals += np.array([int(float(time) * table) for time in instants], np.int64)
    return StoredSizes(instants, totals, around)


def picture_totals(entries: NDArray[np.int64], sizes: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Bytes of pictures before each of those at `entries`; none at the start, and all of them at the end."""
    sums = np.cumsum(np.concatenate(([0], sizes + np.int64(BYTES_AROUND_PICTURE))))
    return np.concatenate((sums[:1], sums[entries], sums[-1:]))
