"""Recordings whose clock starts again on the way: transport streams joined end to end, receivers that connect anew.

Every reader would have to know of the joints, and seeking finds its way by rising times. So such a recording is copied
once, packet by packet, with times that go on.
"""

import contextlib
import dataclasses
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet

from jobs.engine import containers, encoding
from jobs.engine.inspection import inspect
from jobs.engine.media import MediaInfo
from jobs.engine.parallel import Halt
from jobs.engine.pcm import demuxer

FORMATS = {"mpegts", "mpeg"}
# Decode times of a track rise. Falling by this much is no jitter, and going ahead by that much no pause.
BACK, AHEAD = Fraction(1, 2), Fraction(3600)


@dataclasses.dataclass
class _Track:
    """Of each run of the clock the first decode time of one track, and when its last packet is over, in seconds."""

    spans: list[tuple[Fraction, Fraction]] = dataclasses.field(default_factory=list)

    def take(self, packet: Packet) -> int:
        """The number of the clock's run that a packet belongs to."""
        time = packet.dts if packet.dts is not None else packet.pts
        if time is not None:
            begin = time * packet.time_base
            end = begin + (packet.duration or 0) * packet.time_base
            if not self.spans or not -BACK < begin - self.spans[-1][1] < AHEAD:
                self.spans.append((begin, end))
            else:
                self.spans[-1] = (self.spans[-1][0], max(end, self.spans[-1][1]))
        return max(0, len(self.spans) - 1)


@contextlib.contextmanager
def continuous(
    source: Path, info: MediaInfo, scratch: Path, halt: Halt | None = None
) -> Iterator[tuple[Path, MediaInfo]]:
    """The recording itself, or a copy in `scratch` whose times go on, for as long as the block runs.

    Raises InputError, ToolError, ResourceError.
    """
    halt = halt or Halt()
    shifts = offsets(source, info, halt) if demuxer(info) in FORMATS else [Fraction(0)]
    if len(shifts) < 2:
        yield source, info
        return
    with tempfile.TemporaryDirectory(dir=scratch, prefix=".clock-") as folder:
        copy = Path(folder) / "continuous.ts"
        _copied(source, info, shifts, copy, halt)
        yield copy, inspect(copy)


def offsets(source: Path, info: MediaInfo, halt: Halt) -> list[Fraction]:
    """What to add to the times of each run of the clock, in seconds: the same for all tracks, which stay in step."""
    tracks: defaultdict[int, _Track] = defaultdict(_Track)
    for packet in _packets(source, info, halt):
        tracks[packet.stream_index].take(packet)
    shifts = [Fraction(0)]
    for run in range(1, max((len(track.spans) for track in tracks.values()), default=0)):
        there = [track.spans for track in tracks.values() if len(track.spans) > run]
        # No track may overlap with itself.
        shifts.append(max(spans[run - 1][1] + shifts[-1] - spans[run][0] for spans in there))
    return shifts


def _packets(source: Path, info: MediaInfo, halt: Halt) -> Iterator[Packet]:
    kept = [*([info.video.index] if info.video else []), *(track.index for track in info.audio)]
    with containers.recording(source, demuxer(info)) as container:
        for packet in containers.packets(container, *(container.streams[index] for index in kept)):
            halt.check()
            if packet.size:
                yield packet


def _copied(source: Path, info: MediaInfo, shifts: list[Fraction], copy: Path, halt: Halt) -> None:
    tracks: defaultdict[int, _Track] = defaultdict(_Track)
    kept = [*([info.video.index] if info.video else []), *(track.index for track in info.audio)]
    with (
        encoding.errors("packets"),
        containers.recording(source, demuxer(info)) as container,
        av.open(f"file:{copy}", "w", format="mpegts", options={"muxdelay": "0"}) as output,
    ):
        streams = {}
        for index in kept:
            streams[index] = output.add_stream_from_template(container.streams[index])
            streams[index].metadata.update(container.streams[index].metadata)
        for packet in containers.packets(container, *(container.streams[index] for index in kept)):
            halt.check()
            if not packet.size:
                continue
            shift = round(shifts[tracks[packet.stream_index].take(packet)] / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts = None if packet.dts is None else packet.dts + shift
            packet.stream = streams[packet.stream_index]
            output.mux(packet)
