"""When frames and audio happen: the span of a recording, its frame rate, and whether that is steady."""

import contextlib
from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction
from itertools import islice, pairwise

import av.error
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from jobs.engine.container import demuxing

SAMPLED_FRAMES = 300
"""How many frames of a run are looked at to tell a steady rate from a variable one."""


def packet_span(
    container: InputContainer, tracks: Collection[int], near: Fraction | None = None
) -> tuple[Fraction, Fraction] | None:
    """First and last second of the data itself, by reading its packets; None when there are none.

    `container` has to be freshly opened. With `near` only what follows that second is read, where seeking works.
    """
    if near is not None and near > 0:
        with contextlib.suppress(av.error.FFmpegError):
            container.seek(int(near * 1_000_000))
    first: dict[int, Fraction] = {}
    last: dict[int, Fraction] = {}
    for packet in demuxing.packets(container, *tracks_of(container, tracks)):
        time = packet.dts if packet.pts is None else packet.pts
        if time is None or packet.time_base is None:
            continue
        index, start = packet.stream_index, time * packet.time_base
        first[index] = min(first.get(index, start), start)
        last[index] = max(last.get(index, start), start + (packet.duration or 0) * packet.time_base)
    return (min(first.values()), max(last.values())) if first else None


def tracks_of(container: InputContainer, tracks: Collection[int]) -> list[Stream]:
    """The streams with these indexes; in a damaged file some may show up late, or not again."""
    return [stream for stream in container.streams if stream.index in tracks]


def frame_times(container: InputContainer, track: int, near: Fraction) -> list[int]:
    """When the frames of a run after `near` seconds are shown, in ticks and in order."""
    try:
        container.seek(int(near * 1_000_000))
    except av.error.FFmpegError:
        return []
    sampled = islice(demuxing.packets(container, *tracks_of(container, [track])), SAMPLED_FRAMES)
    return in_order(packet.pts for packet in sampled if packet.pts is not None)


def in_order(ticks: Iterable[int]) -> list[int]:
    """Times in order of showing. The last few of a run go: with B-frames their neighbours may be still to come."""
    ordered = sorted(ticks)
    return ordered[:-8] if len(ordered) >= SAMPLED_FRAMES - 8 else ordered


def index_times(track: VideoStream) -> list[int]:
    """The decoding times of all frames in ticks, where the file has a full index; empty elsewhere."""
    if not track.frames or len(track.index_entries) < track.frames:
        return []
    return [entry.timestamp for entry in track.index_entries if not entry.is_discard]


def is_uneven(ticks: Sequence[int], time_base: Fraction) -> bool:
    """Whether frames stray from an even grid by more than rounding does: 1.5 ticks, or 1.5 ms if that is more."""
    steps = len(ticks) - 1
    if steps < 2:
        return False
    length = ticks[-1] - ticks[0]
    allowed = max(Fraction(3, 2), Fraction(3, 2000) / time_base) * steps
    return any(abs((tick - ticks[0]) * steps - index * length) > allowed for index, tick in enumerate(ticks))


def mean_rate(ticks: Sequence[int], time_base: Fraction) -> Fraction | None:
    """Frames per second over a run, None when it is too short to say.

    A few gaps (a late first frame, a dropped one) do not count, so that 25 stays 25.
    """
    steps = sorted(later - earlier for earlier, later in pairwise(ticks))
    typical = steps[len(steps) // 2] if steps else 0
    steady = [step for step in steps if abs(step - typical) * 5 <= typical * 2]
    if len(steady) * 10 < len(steps) * 9:
        steady = steps
    return len(steady) / (sum(steady) * time_base) if sum(steady) else None


def nominal_rate(track: VideoStream, measured: Fraction | None) -> Fraction:
    """The exact frame rate that the headers claim, as far as it agrees with the measured one; 0 when unknown.

    Headers know 30000/1001 exactly while timestamps are rounded; but some of their claims are tick or field rates, and
    some were made from rounded timestamps, so a claim of a usual form goes first.
    """
    claims = [rate for rate in (track.guessed_rate, track.average_rate, track.base_rate) if rate]
    if measured is None:
        return Fraction(claims[0]) if claims else Fraction(0)
    close = [rate for rate in usual_rates(measured) if abs(rate - measured) <= measured / 2000]
    near = [rate for rate in (*claims, *close) if abs(rate - measured) <= measured / 100]
    best = min(near, key=lambda rate: (rate.denominator not in (1, 1001), abs(rate - measured)), default=None)
    return Fraction(best) if best else measured.limit_denominator(1001)


def usual_rates(rate: Fraction) -> tuple[Fraction, Fraction]:
    """The whole rate nearby and the broadcast one (a whole rate over 1.001)."""
    return Fraction(round(rate)), Fraction(round(rate * 1001 / 1000) * 1000, 1001)
