"""Whether a result holds the sound that was encoded for it, packet by packet; nothing is decoded."""

import os
import zlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.engine.container import demuxing
from jobs.engine.model.report import Fault

SAMPLES = 1024
"""In a packet of AAC."""
Sums = NDArray[np.uint32]


def sums(path: Path, number: int = 0) -> Sums:
    """A checksum of each packet of a track of sound in an MP4 file, in order. `number` is that among such tracks.

    Raises av.error.FFmpegError.
    """
    with demuxing.opened(path, "mov") as container:
        # By its table, not with a demuxer: that would read the pictures too.
        stored = [(entry.size, entry.pos) for entry in container.streams.audio[number].index_entries]
    with path.open("rb") as file:
        number = file.fileno()
        return np.fromiter((zlib.crc32(os.pread(number, *one)) for one in stored), np.uint32, len(stored))


def sound_faults(output: Path, written: Sequence[Sums], rates: Sequence[int]) -> list[Fault]:
    """Compare the sound of a result with the packets that were written for it, for each track with its sample rate."""
    faults = []
    for number, (wanted, rate) in enumerate(zip(written, rates, strict=True)):
        there = sums(output, number)
        name = "The sound" if len(written) == 1 else f"The sound of track {number + 1}"
        count = min(len(there), len(wanted))
        differing = np.flatnonzero(there[:count] != wanted[:count])
        if len(differing) or len(there) != len(wanted):
            packet = int(differing[0]) if len(differing) else count
            # The first packet holds what comes before the first sample.
            time = max(0.0, float(Fraction((packet - 1) * SAMPLES, rate)))
            faults.append(Fault("sound_damaged", f"{name} at {time:.3f} s is not as it was encoded.", round(time, 3)))
    return faults
