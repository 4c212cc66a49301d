"""Whether a result holds the audio packets that were written for it, one by one; nothing is decoded."""

import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.engine.audio import mp3_reservoir, packet_table
from jobs.engine.audio.mp3_reservoir import FrameDigests
from jobs.engine.container import demuxing
from jobs.engine.model.report import Fault

Sums = NDArray[np.uint32]


def sums(path: Path, number: int = 0) -> Sums:
    """A checksum of each packet of an audio track in an MP4 file, in order. `number` is that among such tracks.

    Raises av.error.FFmpegError.
    """
    return _stored(path, number)[0]


def _stored(path: Path, number: int) -> tuple[Sums, list[Fraction]]:
    """The checksums, of MP3 those of `FrameDigests`, and when each packet begins, in seconds."""
    with demuxing.opened(path, "mov") as container:
        # By its table, not with a demuxer: that would read the pictures too.
        stream = container.streams.audio[number]
        clock, codec = stream.time_base or Fraction(1), stream.codec_context.name
        entries = [(entry.size, entry.pos, entry.timestamp) for entry in stream.index_entries]
    with path.open("rb") as file:
        read = (os.pread(file.fileno(), size, position) for size, position, _ in entries)
        checked = _digests(read) if codec in packet_table.MP3 else map(zlib.crc32, read)
        return np.fromiter(checked, np.uint32, len(entries)), [timestamp * clock for *_, timestamp in entries]


def _digests(packets: Iterable[bytes]) -> Iterator[int]:
    digests = FrameDigests()
    for packet in packets:
        frame = mp3_reservoir.parsed(packet)
        # What is no frame is like none of those that were written.
        yield digests.digest(frame) if frame else zlib.crc32(packet)


def sound_faults(output: Path, written: Sequence[Sums]) -> list[Fault]:
    """Compare the audio of a result with the packets that were written for it, track by track."""
    faults = []
    for number, wanted in enumerate(written):
        there, times = _stored(output, number)
        name = "The sound" if len(written) == 1 else f"The sound of track {number + 1}"
        count = min(len(there), len(wanted))
        differing = np.flatnonzero(there[:count] != wanted[:count])
        if len(differing) or len(there) != len(wanted):
            packet = int(differing[0]) if len(differing) else count
            # The first packet begins before the first sample; behind the last one there is nothing.
            time = max(0.0, float(times[min(packet, len(times) - 1)])) if times else 0.0
            faults.append(Fault("sound_damaged", f"{name} at {time:.3f} s is not as it was encoded.", round(time, 3)))
    return faults
