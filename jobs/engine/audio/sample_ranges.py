"""Segments on the sample grid, and the samples that they make when joined.

Every kept range begins in the result at the sample next to its exact position, so that nothing adds up over any number
of joins. At a join the two sides fade into each other with equal power, reaching a few milliseconds into what is
removed on either side: no click, no dip in the room's noise, and no kept instant is moved. What runs at another speed
begins and ends with the very samples at which its neighbours end and begin, and needs no fade.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import numpy as np

from jobs.engine.audio.decoder import PcmReader
from jobs.engine.audio.sample_clock import Samples
from jobs.engine.audio.time_stretch import stretched
from jobs.engine.model.segment import Segment

# On each side of a join, so 8 ms in all.
FADE_SECONDS = Fraction(4, 1000)
BLOCK_SAMPLES = 1 << 17


@dataclasses.dataclass(frozen=True)
class SampleRange:
    """One kept range in samples: `count` from `start` on, faded in over `fade_in` either side of its start, and so on.

    At the first piece's start and the last one's end there is nothing to fade to: the fade lies inside.
    `stretched_count` is how many samples of the result are made of it, with its pitch kept; None when it stays as it
    is."""

    start: int
    count: int
    fade_in: int
    fade_out: int
    stretched_count: int | None = None

    @property
    def end(self) -> int:
        return self.start + self.count

    @property
    def output_count(self) -> int:
        """Samples of the result."""
        return self.count if self.stretched_count is None else self.stretched_count


def sample_ranges(
    segments: Iterable[Segment], duration: Fraction, rate: int, *, continued: bool = False
) -> list[SampleRange]:
    """The segments on the sample grid. Each begins in the result where its exact position rounds to.

    With `continued` other results go on with the sample behind the last, so nothing is faded at either end.
    """
    starts: list[int] = []
    counts: list[int] = []
    lasts: list[int | None] = []
    position = Fraction(0)
    segments = tuple(segments)
    for segment in segments:
        begins = round(position * rate)
        position += segment.output_duration
        lasting = round(position * rate) - begins
        # Nothing is read twice: what runs at another speed takes up what rounding has left.
        taken = starts[-1] + counts[-1] if starts and segment.speed != 1 else 0
        starts.append(max(taken, round(segment.start * rate)))
        counts.append(lasting if segment.speed == 1 else max(0, round(segment.end * rate) - starts[-1]))
        lasts.append(None if segment.speed == 1 else lasting)
    fades = _fades(starts, counts, round(duration * rate), int(FADE_SECONDS * rate))
    if continued:
        # Rounded apart, both ends may be one sample further from each other than the length tells.
        if lasts[-1] is None:
            counts[-1] = round(segments[-1].end * rate) - starts[-1]
        fades[0] = fades[-1] = 0
    return [
        SampleRange(start, count, fade_in, fade_out, stretch)
        for start, count, fade_in, fade_out, stretch in zip(starts, counts, fades, fades[1:], lasts, strict=False)
    ]


def _fades(starts: Sequence[int], counts: Sequence[int], last: int, maximum: int) -> list[int]:
    """Half-widths of the fades: before the first piece, at each join, after the last piece."""
    ends = [start + count for start, count in zip(starts, counts, strict=True)]
    joins = [
        max(0, min(maximum, (after - end) // 2, before_count // 2, after_count // 2))
        for end, after, before_count, after_count in zip(ends, starts[1:], counts, counts[1:], strict=False)
    ]
    opening = min(maximum, counts[0] // 2) if starts[0] > 0 else 0
    closing = min(maximum, counts[-1] // 2) if ends[-1] < last else 0
    return [opening, *joins, closing]


class SampleCursor:
    """Samples by their position, in rising order; silence after the end of the track."""

    def __init__(self, pcm: PcmReader) -> None:
        self.rate = pcm.rate
        self.channels = pcm.channels
        self._pcm = pcm

    def read(self, start: int, count: int) -> Samples:
        self._pcm.skip(start - self._pcm.position)
        if self._pcm.position < start:
            return np.zeros((count, self._pcm.channels), np.float32)
        samples = self._pcm.read(count)
        return np.pad(samples, ((0, count - len(samples)), (0, 0))) if len(samples) < count else samples

    def blocks(self, start: int, end: int) -> Iterator[Samples]:
        for position in range(start, end, BLOCK_SAMPLES):
            yield self.read(position, min(BLOCK_SAMPLES, end - position))


def joined_samples(samples: SampleCursor, ranges: Sequence[SampleRange]) -> Iterator[Samples]:
    """The samples of the result, in blocks."""
    tail: Samples | None = None
    for number, piece in enumerate(ranges):
        if piece.stretched_count is not None:
            if tail is not None:
                yield tail
            yield from stretched(samples, piece.start, piece.count, piece.stretched_count, samples.rate)
            tail = np.zeros((0, samples.channels), np.float32)
            continue
        is_last = number == len(ranges) - 1
        begin = piece.start + piece.fade_in
        if tail is None:
            yield samples.read(piece.start, piece.fade_in) * rising(piece.fade_in)
        else:
            yield tail + samples.read(piece.start - piece.fade_in, 2 * piece.fade_in) * rising(2 * piece.fade_in)
        stop = piece.end - piece.fade_out
        yield from samples.blocks(begin, stop)
        count = piece.fade_out if is_last else 2 * piece.fade_out
        tail = samples.read(stop, count) * rising(count)[::-1]
    if tail is not None:
        yield tail


def rising(count: int) -> Samples:
    """Gains from 0 to 1 whose squares add up to 1 with the same gains reversed."""
    return np.sin((np.arange(count, dtype=np.float32) + 0.5) * (np.pi / 2 / max(1, count)))[:, None].astype(np.float32)
