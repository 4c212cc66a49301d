"""Whether the copied pictures of a result are the recording's own, told by a checksum of each; nothing is decoded."""

from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from jobs.engine import nal, playback
from jobs.engine.coded import checksum
from jobs.engine.parallel import Halt
from jobs.engine.report import Fault
from jobs.engine.smartcut import Splice

# How results tell the length of a unit.
LENGTH_BYTES = 4
ENCODED = -1


def copy_faults(output: Path, splice: Splice, halt: Halt) -> list[Fault]:
    """Compare each copied picture of `output`, an MP4 file, with what was read of the source before it was copied.

    What is not where the schedule has it is not looked at. Raises av.error.FFmpegError.
    """
    expected = checksums(splice)
    at, clock_hz = splice.wanted.at, splice.coding.clock_hz
    differing = []
    with playback.opened(output) as (container, stream):
        assert stream.time_base is not None
        ticks = stream.time_base * clock_hz
        for packet in playback.packets(container, stream, halt):
            if packet.pts is None:
                continue
            tick = packet.pts * ticks
            place = int(np.searchsorted(at, tick.numerator // tick.denominator))
            if place == len(at) or at[place] != tick or expected[place] == ENCODED:
                continue
            units = list(nal.units(cast(memoryview, packet), LENGTH_BYTES))
            # A length that reaches beyond the packet shows when it is written anew.
            is_whole = nal.with_lengths(units) == memoryview(cast(bytes, packet))
            if not is_whole or checksum(units, splice.order.codec) != expected[place]:
                differing.append(place)
    return [_fault(Fraction(int(at[place]), clock_hz)) for place in sorted(differing)[:1]]


def checksums(splice: Splice) -> NDArray[np.int64]:
    """What the source says of each picture of the result; ENCODED for those that are no copies."""
    order = splice.order
    expected = np.full(len(splice.wanted.at), ENCODED, np.int64)
    for stretch in splice.stretches:
        for begin, end in stretch.copied:
            shown = order.places[begin:end] - order.places[stretch.stored]
            expected[stretch.first + shown] = order.checksums[begin:end]
    return expected


def _fault(time: Fraction) -> Fault:
    message = f"The picture at {float(time):.3f} s was copied, and is not as it was in the recording."
    return Fault("copy_differs", message, round(float(time), 3))
