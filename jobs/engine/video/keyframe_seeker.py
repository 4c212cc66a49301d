"""Going to the keyframe before a time of a recording, by its packets alone."""

import contextlib
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from jobs.engine.container import demuxing


class KeyframeSeeker:
    """One open recording, read packet by packet. Times are exact seconds after its start, stamps ticks of the stream.

    Some containers do not tell when a frame is shown, only when it is decoded (`is_timed` is False): then that counts.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, start: Fraction) -> None:
        assert stream.time_base is not None
        self.is_timed = not demuxing.is_untimed(container, stream)
        self._container = container
        self._stream = stream
        self._start = start
        self._time_base = stream.time_base

    def ticks(self, time: Fraction) -> int:
        """The last time stamp of the stream at or before `time`."""
        return math.floor((self._start + time) / self._time_base)

    def time_of(self, stamp: int) -> Fraction:
        return stamp * self._time_base - self._start

    def stamp(self, packet: "Packet[VideoStream]") -> int | None:
        return packet.pts if self.is_timed else packet.dts

    def packets(self) -> "Iterator[Packet[VideoStream]]":
        """From here to the end, or to where the container can be read no further."""
        return (packet for packet in demuxing.packets(self._container, self._stream) if packet.size)

    def go_to(self, time: Fraction) -> int | None:
        """Seek to the last keyframe at or before `time`, or to the first of all. Returns its time stamp."""
        packet, target = self._find(time)
        self._seek(target)
        return None if packet is None else self.stamp(packet)

    def keyframe(self, time: Fraction) -> "Packet[VideoStream] | None":
        """The last keyframe at or before `time`, or the first of all, as it is stored."""
        return self._find(time)[0]

    def stamps_on_show(self, times: Sequence[Fraction]) -> set[int] | None:
        """Time stamps of the frames on show at times after the same keyframe; None when the packets do not tell."""
        limits = [self.ticks(time) for time in times]
        found: dict[int, int] = {}
        self.go_to(times[0])
        for packet in self.packets():
            if packet.pts is None or packet.dts is None:
                return None
            for limit in limits:
                if found.get(limit, packet.pts) <= packet.pts <= limit:
                    found[limit] = packet.pts
            # No later packet is shown before it is decoded.
            if packet.dts > limits[-1]:
                break
        return set(found.values())

    def _find(self, time: Fraction) -> "tuple[Packet[VideoStream] | None, int]":
        """The keyframe's packet, and the time stamp from which a seek leads to it."""
        limit, seconds_back = self.ticks(time), 0
        while True:
            # Demuxers seek by decoding time or, without an index, by guessing: what they find may lie too late.
            # The last step goes to before the start, since the first frame is decoded before it is shown.
            target = self.ticks(time - seconds_back)
            self._seek(target)
            packet = self._next_keyframe(limit)
            stamp = None if packet is None else self.stamp(packet)
            if seconds_back > time + 1 or (stamp is not None and stamp <= limit):
                return packet, target
            seconds_back = max(1, 2 * seconds_back)

    def _seek(self, stamp: int) -> None:
        # Refused by a few formats for times before their first frame, where they stand already.
        with contextlib.suppress(av.error.FFmpegError):
            self._container.seek(stamp, stream=self._stream, backward=True)

    def _next_keyframe(self, limit: int) -> "Packet[VideoStream] | None":
        """Read on to the next keyframe, no further than `limit`."""
        for packet in self.packets():
            if packet.is_keyframe:
                return packet
            if packet.dts is not None and packet.dts > limit:
                break
        return None
