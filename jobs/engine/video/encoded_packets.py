"""Encoded frames as packets without a track, as bytes to keep, and what else is known of a run of them."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from typing import Protocol

from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from jobs.engine.video.piped_vp9 import PipedVp9


class FrameEncoder(Protocol):
    """Takes the place of one of PyAV's."""

    @property
    def extradata(self) -> bytes | None: ...

    def encode(self, frame: VideoFrame | None = None) -> list[Packet]:
        """The packets that are ready after a frame; with none the last ones."""


Encoder = VideoCodecContext | PipedVp9 | FrameEncoder

EncodedPacket = tuple[int, bytes, bool]
"""Time of showing in ticks, the packet, whether it is a keyframe."""


@dataclasses.dataclass(frozen=True)
class EncodedRun:
    """Packets in decoding order. `lost` are durations, in ticks, of frames that did not decode, `unplanned` time stamps
    behind which the decoder had more frames than was known."""

    packets: list[EncodedPacket]
    lost: tuple[int, ...] = ()
    unplanned: tuple[int, ...] = ()

    def dumps(self) -> bytes:
        head = {
            "packets": [(at, len(data), is_key) for at, data, is_key in self.packets],
            "lost": self.lost,
            "unplanned": self.unplanned,
        }
        text = json.dumps(head).encode()
        return b"".join([len(text).to_bytes(4, "big"), text, *(data for _, data, _ in self.packets)])

    @classmethod
    def loads(cls, data: bytes | memoryview, times: Sequence[int]) -> "EncodedRun | None":
        """None when it does not hold exactly the frames that are shown at these times, or does not begin with a
        keyframe."""
        try:
            begin = 4 + int.from_bytes(data[:4], "big")
            head = json.loads(bytes(data[4:begin]))
            packets: list[EncodedPacket] = []
            for at, size, is_key in head["packets"]:
                packets.append((int(at), bytes(data[begin : begin + size]), bool(is_key)))
                begin += size
            run = cls(packets, tuple(map(int, head["lost"])), tuple(map(int, head["unplanned"])))
        except (ValueError, KeyError, TypeError):
            return None
        is_right = begin == len(data) and sorted(at for at, _, _ in packets) == list(times)
        return run if is_right and packets and packets[0][2] and all(len(one) for _, one, _ in packets) else None


def packets(encoder: Encoder, frames: Iterator[VideoFrame]) -> Iterator[Packet]:
    """Those of these frames, in the order of decoding, to the last."""
    if isinstance(encoder, PipedVp9):
        yield from encoder.packets(frames)
        return
    for frame in frames:
        yield from encoder.encode(frame)
    yield from encoder.encode(None)
