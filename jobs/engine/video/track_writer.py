"""The one track of pictures of a result, written packet by packet in the order of decoding."""

from fractions import Fraction

import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from jobs.engine.video.frame_index import Ticks
from jobs.engine.video.frame_schedule import Schedule


class TrackWriter:
    """Gives every packet its times: those of showing are the schedule's, those of decoding follow from them.

    `depth` is by how many places pictures may be stored out of order. `clock_hz` is the schedule's clock.
    """

    def __init__(
        self, container: OutputContainer, stream: VideoStream, wanted: Schedule, *, depth: int, clock_hz: int
    ) -> None:
        self._container = container
        self._stream = stream
        self._wanted = wanted
        self._times = decode_times(wanted.start_ticks, depth)
        self._clock = Fraction(1, clock_hz)
        self.written = 0
        """How many packets."""

    def mux(self, packet: Packet, picture: int) -> None:
        """Add the packet of a picture of the schedule, by its place there."""
        wanted = self._wanted
        packet.stream = self._stream
        packet.time_base = self._clock
        packet.pts, packet.dts = int(wanted.start_ticks[picture]), int(self._times[self.written])
        self.written += 1
        # The track lasts as long as its decode times do: the last packet in that order ends with the last picture.
        packet.duration = int(wanted.duration_ticks[-1 if self.written == len(wanted.start_ticks) else picture])
        self._container.mux_one(packet)

    def mux_at(self, packet: Packet, at: int) -> None:
        """Add the packet of the picture that is shown at a tick."""
        self.mux(packet, int(np.searchsorted(self._wanted.start_ticks, at)))


def decode_times(at: Ticks, depth: int) -> Ticks:
    """When each packet of a track is to be decoded, strictly rising and never after its picture comes on show.

    A picture is decoded when the one shown so many pictures before comes on show as pictures can be out of order. The
    first few are decoded as long before the first is shown as the last few are shown after the last was decoded: then
    the track lasts as long by its decode times as by what it shows. But when the picture starts late, no sooner than
    at time zero: ffmpeg may forget the late start of a track that is decoded before.
    """
    depth = min(depth, len(at) - 1)
    lead = int(at[-1] - at[len(at) - 1 - depth])
    if at[0]:
        lead = max(depth, min(lead, int(at[0])))
    before = at[0] - lead * np.arange(depth, 0, -1) // max(1, depth)
    return np.concatenate([before, at[: len(at) - depth]])
