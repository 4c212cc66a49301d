"""Whether the copied pictures of a result are the recording's own, told by a checksum of each; nothing is decoded."""

from fractions import Fraction
from typing import cast

import numpy as np
from av.packet import Packet
from numpy.typing import NDArray

from jobs.engine import nal
from jobs.engine.codec import Codec
from jobs.engine.coded import checksum
from jobs.engine.playback import Stamps
from jobs.engine.report import Fault
from jobs.engine.smartcut import Splice

# How results tell the length of a unit.
LENGTH_BYTES = 4
# No checksums.
ENCODED, TORN = -1, -2


def sum_of(packet: Packet, codec: Codec) -> int:
    """The checksum of a picture as MP4 stores it; TORN when its units reach beyond it."""
    units = list(nal.units(cast(memoryview, packet), LENGTH_BYTES))
    # A length that reaches beyond the packet shows when it is written anew.
    is_whole = nal.with_lengths(units) == memoryview(cast(bytes, packet))
    return checksum(units, codec) if is_whole else TORN


def copy_faults(shown: Stamps, splice: Splice) -> list[Fault]:
    """Compare the copied pictures of a result, in the order they are stored, with those of the source.

    A decoder that starts where a copy does, and gets the same pictures in the same order with the same times, shows
    what it shows of the source. `shown` has the sums by `sum_of`. A result that has more or fewer pictures than planned
    is not looked at.
    """
    assert shown.sums is not None
    at, sums = expected(splice)
    if len(sums) != len(shown.sums):
        return []
    clock_hz = splice.coding.clock_hz
    # Both in units that divide the ticks of either clock.
    moved = shown.pts * (shown.time_base.numerator * clock_hz) != at * shown.time_base.denominator
    differing = at[(sums != ENCODED) & (moved | (shown.sums != sums))]
    return [_fault(Fraction(int(tick), clock_hz)) for tick in np.sort(differing)[:1]]


def expected(splice: Splice) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each picture, in the order of storing, when it comes on show, and its checksum; ENCODED for no copies.

    Among encoded ones the order is left open.
    """
    order = splice.order
    places, sums = [], []
    for stretch in splice.stretches:
        if stretch.stored is None:
            places.append(np.arange(stretch.first, stretch.end))
            sums.append(np.full(stretch.count, ENCODED, np.int64))
        for begin, end in stretch.copied:
            places.append(stretch.first + order.places[begin:end] - order.places[stretch.stored])
            sums.append(order.checksums[begin:end].astype(np.int64))
    return splice.wanted.at[np.concatenate(places)], np.concatenate(sums)


def _fault(time: Fraction) -> Fault:
    message = f"The picture at {float(time):.3f} s was copied, and is not as it was in the recording."
    return Fault("copy_differs", message, round(float(time), 3))
