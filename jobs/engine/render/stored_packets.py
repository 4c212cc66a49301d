"""The packets of a file's tracks as they are stored: what a copied track has in common with the one it was copied from.

Matroska and MP4 round times each to a clock of its own, so they are compared with a tolerance, bytes without.
"""

import dataclasses
import hashlib
from array import array
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.stream import Stream
from numpy.typing import NDArray

from jobs.engine.container import demuxing
from jobs.engine.runtime.threads import CancellationToken


@dataclasses.dataclass(frozen=True, eq=False)
class StoredTrack:
    """How many packets a track has, a hash of all their bytes, and the times of those with one, in seconds, rising."""

    count: int
    digest: str
    times: NDArray[np.float64]

    @property
    def is_timed(self) -> bool:
        """Whether each packet tells its time."""
        return len(self.times) == self.count

    def earlier(self, seconds: Fraction) -> "StoredTrack":
        """The same on a clock that begins so much later."""
        return dataclasses.replace(self, times=self.times - float(seconds))


def stored_tracks(
    path: Path, format: str, is_wanted: Callable[[Stream], bool], token: CancellationToken
) -> list[StoredTrack]:
    """The wanted tracks of a file of this format, in their order. Raises av.error.FFmpegError."""
    with demuxing.opened(path, format) as container:
        tracks = [track for track in container.streams if is_wanted(track)]
        counts = dict.fromkeys((track.index for track in tracks), 0)
        hashes = {track.index: hashlib.blake2b(digest_size=16) for track in tracks}
        stamps = {track.index: array("q") for track in tracks}
        for packet in demuxing.packets(container, *tracks):
            token.check()
            if packet.size:
                counts[packet.stream_index] += 1
                hashes[packet.stream_index].update(memoryview(packet))
                if packet.pts is not None:
                    stamps[packet.stream_index].append(packet.pts)
        return [
            StoredTrack(
                counts[track.index],
                hashes[track.index].hexdigest(),
                np.sort(np.array(stamps[track.index], np.float64) * float(track.time_base or 0)),
            )
            for track in tracks
        ]


def is_audio(stream: Stream) -> bool:
    return stream.type == "audio"


def stored_track(path: Path, format: str, index: int, token: CancellationToken) -> StoredTrack:
    """The track that is stream number `index` of the file."""
    (track,) = stored_tracks(path, format, lambda stream: stream.index == index, token)
    return track


def apart_seconds(one: StoredTrack, other: StoredTrack) -> float:
    """By how much times differ at most; infinity where there are not as many."""
    if len(one.times) != len(other.times):
        return np.inf
    return float(np.abs(one.times - other.times).max(initial=0.0))
