"""The one track of frames of a result, written packet by packet in the order of decoding."""

from collections.abc import Iterable
from fractions import Fraction

import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from jobs.engine.video.encoded_packets import EncodedPacket
from jobs.engine.video.frame_index import Ticks
from jobs.engine.video.frame_schedule import Schedule


class TrackWriter:
    """Gives every packet its times: those of showing are the schedule's, those of decoding follow from them.

    `depth` is by how many frames packets may be stored out of order. `clock_hz` is the schedule's clock.
    """

    def __init__(
        self, container: OutputContainer, stream: VideoStream, wanted: Schedule, *, reorder_frames: int, clock_hz: int
    ) -> None:
        self._container = container
        self._stream = stream
        self._wanted = wanted
        self._times = decode_times(wanted.start_ticks, reorder_frames)
        self._clock = Fraction(1, clock_hz)
        self.written = 0
        """How many packets."""

    def mux(self, packet: Packet, frame_number: int) -> None:
        """Add the packet of a frame of the schedule, by its number there."""
        wanted = self._wanted
        packet.stream = self._stream
        packet.time_base = self._clock
        packet.pts, packet.dts = int(wanted.start_ticks[frame_number]), int(self._times[self.written])
        self.written += 1
        # The track lasts as long as its decode times do: the last packet in that order ends with the last frame.
        packet.duration = int(wanted.duration_ticks[-1 if self.written == len(wanted.start_ticks) else frame_number])
        self._container.mux_one(packet)

    def mux_at(self, packet: Packet, at: int) -> None:
        """Add the packet of the frame that is shown at a tick."""
        self.mux(packet, int(np.searchsorted(self._wanted.start_ticks, at)))

    def mux_run(self, packets: Iterable[EncodedPacket]) -> None:
        """Add encoded frames of the schedule, by the ticks at which they are shown."""
        for at, data, is_key in packets:
            packet = Packet(data)
            packet.is_keyframe = is_key
            self.mux_at(packet, at)


def decode_times(at: Ticks, reorder_frames: int) -> Ticks:
    """When each packet of a track is to be decoded, strictly rising and never after its frame comes on show.

    A frame is decoded when the one shown so many frames before comes on show as frames can be out of order. The
    first few are decoded as long before the first is shown as the last few are shown after the last was decoded: then
    the track lasts as long by its decode times as by what it shows. But when the video starts late, no sooner than
    at time zero: ffmpeg may forget the late start of a track that is decoded before.
    """
    reorder_frames = min(reorder_frames, len(at) - 1)
    lead = int(at[-1] - at[len(at) - 1 - reorder_frames])
    if at[0]:
        lead = max(reorder_frames, min(lead, int(at[0])))
    before = at[0] - lead * np.arange(reorder_frames, 0, -1) // max(1, reorder_frames)
    return np.concatenate([before, at[: len(at) - reorder_frames]])
