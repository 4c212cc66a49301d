"""Whether the copied pictures of a result are the recording's own, told by a checksum of each; nothing is decoded."""

import os
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.engine.model.report import Fault
from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.smartcut.all_intra import IntraCopy
from jobs.engine.smartcut.codec import Codec
from jobs.engine.smartcut.splicer import Splice
from jobs.engine.verify.decode_check import Stamps

ENCODED = -1
"""No checksum."""


def copy_faults(output: Path, shown: Stamps, splice: Splice, token: CancellationToken) -> list[Fault]:
    """Compare the copied pictures of a result, in the order they are stored, with those of the source.

    A decoder that starts where a copy does, and gets the same pictures in the same order with the same times, shows
    what it shows of the source. A result that has more or fewer pictures than planned is not looked at.
    """
    at, wanted = expected(splice)
    if len(wanted) != len(shown.pts):
        return []
    is_copied = wanted != ENCODED
    stored = np.full(len(wanted), ENCODED, np.int64)
    stored[is_copied] = list(sums(output, shown, np.flatnonzero(is_copied), splice.coded.codec, token))
    clock_hz = splice.coding.clock_hz
    # Both in units that divide the ticks of either clock.
    moved = shown.pts * (shown.time_base.numerator * clock_hz) != at * shown.time_base.denominator
    differing = at[is_copied & (moved | (stored != wanted))]
    return [_fault(Fraction(int(tick), clock_hz)) for tick in np.sort(differing)[:1]]


def intra_faults(output: Path, shown: Stamps, intra: IntraCopy, token: CancellationToken) -> list[Fault]:
    """The same for a result of which every picture is a copy that stands for itself."""
    order = np.argsort(shown.pts)
    if len(order) != len(intra.checksums):
        return []
    with output.open("rb") as file:
        for decode_index, wanted in zip(order.tolist(), intra.checksums.tolist(), strict=True):
            token.check()
            file.seek(int(shown.positions[decode_index]))
            if zlib.crc32(file.read(int(shown.sizes[decode_index]))) != wanted:
                return [_fault(int(shown.pts[decode_index]) * shown.time_base)]
    return []


def sums(
    output: Path, shown: Stamps, decode_indexes: NDArray[np.int64], codec: Codec, token: CancellationToken
) -> Iterator[int]:
    """The checksums of stored pictures as MP4 has them; negative for torn ones."""
    with output.open("rb") as file:
        number = file.fileno()
        for size, position in zip(
            shown.sizes[decode_indexes].tolist(), shown.positions[decode_indexes].tolist(), strict=True
        ):
            token.check()
            yield codec.stored_checksum(os.pread(number, size, position))


def expected(splice: Splice) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each picture, in the order of storing, when it comes on show, and its checksum; ENCODED for no copies.

    Among encoded ones the order is left open.
    """
    coded = splice.coded
    frame_numbers, wanted = [], []
    for run in splice.runs:
        if run.copied_from is None:
            frame_numbers.append(np.arange(run.first, run.end))
            wanted.append(np.full(run.count, ENCODED, np.int64))
        for begin, end in run.copied_ranges:
            frame_numbers.append(run.first + coded.frame_numbers[begin:end] - coded.frame_numbers[run.copied_from])
            wanted.append(coded.checksums[begin:end].astype(np.int64))
    return splice.wanted.start_ticks[np.concatenate(frame_numbers)], np.concatenate(wanted)


def _fault(time: Fraction) -> Fault:
    message = f"The picture at {float(time):.3f} s was copied, and is not as it was in the recording."
    return Fault("copy_differs", message, round(float(time), 3))
