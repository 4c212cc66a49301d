"""Timestamps of MPEG pictures that are told wrongly: program streams with several small pictures in one PES packet.

Such a packet tells a single time, and what writes it and what reads it disagree on whose that is when a picture begins
at the packet's very edge. Then times of decoding repeat or run back, up to the next packet. They are counted on there.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from av.packet import Packet
from av.stream import Stream

FORMAT = "mpeg"
"""Program streams, as libavformat calls them."""
CODECS = {"mpeg1video", "mpeg2video"}
CLOCK_RESTART_SECONDS = 0.5
"""A clock that falls by more than this starts again."""


def is_affected(stream: Stream) -> bool:
    return stream.type == "video" and stream.codec_context.name in CODECS


class TimestampCorrector:
    """Lets the times of MPEG pictures rise, in the packets of some streams."""

    def __init__(self) -> None:
        self._counters: dict[int, TrackTimestamps] = {}

    @property
    def has_moved(self) -> bool:
        """Whether any packet so far had another time."""
        return any(counter.has_moved for counter in self._counters.values())

    def corrected(self, packets: "Iterable[Packet[Any]]") -> "Iterator[Packet[Any]]":
        for packet in packets:
            if not is_affected(packet.stream):
                yield packet
                continue
            counter = self._counters.setdefault(packet.stream_index, TrackTimestamps())
            yield from counter.take(packet)
        for counter in self._counters.values():
            yield from counter.flush()


class TrackTimestamps:
    """Counts the times of one track's frames where they do not rise by themselves.

    A frame that others are decoded after but shown before is shown when the next such frame is decoded.
    """

    def __init__(self) -> None:
        self.has_moved = False
        self._due: int | None = None
        self._last: int | None = None
        self._behind = False
        self._waiting: list[Packet[Any]] = []
        self._shift = 0

    def take(self, packet: "Packet[Any]") -> "Iterator[Packet[Any]]":
        """The packets that are ready with this one."""
        if packet.dts is None or packet.pts is None:
            yield from self.flush()
            yield packet
            return
        waits = packet.pts != packet.dts
        shift = self._counted(packet)
        if waits:
            if self._waiting and (shift or self._shift):
                self._waiting[0].pts = packet.dts
            yield from self.flush()
            self._shift = shift
        if self._waiting or waits:
            self._waiting.append(packet)
        else:
            yield packet

    def flush(self) -> "Iterator[Packet[Any]]":
        yield from self._waiting
        self._waiting.clear()

    def _counted(self, packet: "Packet[Any]") -> int:
        """Move a packet's times so that it is decoded after the one before. Returns by how much."""
        assert packet.dts is not None
        assert packet.pts is not None
        assert packet.time_base is not None
        stated, shift = packet.dts, 0
        if self._last is not None and self._due is not None:
            starts_again = self._last - stated > CLOCK_RESTART_SECONDS / packet.time_base
            self._behind = not starts_again and (stated <= self._last or (self._behind and stated < self._due))
            if self._behind:
                shift = self._due - stated
        packet.dts += shift
        packet.pts += shift
        self.has_moved |= bool(shift)
        self._last = packet.dts
        self._due = packet.dts + (packet.duration or 1)
        return shift
