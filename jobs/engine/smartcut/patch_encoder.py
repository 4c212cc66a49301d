"""Encoding pictures so that they fit between copied ones of the same track."""

from collections.abc import Iterator

import av.error
from av.packet import Packet
from av.video.frame import PictureType, VideoFrame

from jobs.engine.model.mediainfo import VideoTrack
from jobs.engine.smartcut.codec import CannotCopy, Coding, Quality
from jobs.engine.smartcut.packet_survey import CodedOrder

Coded = tuple[int, bytes, bool]
"""Time of showing in ticks, the packet, whether it is a keyframe."""


def fitting(order: CodedOrder, track: VideoTrack, clock_hz: int, quality: Quality) -> Coding:
    """How to encode what is to stand between stored pictures. Raises CannotCopy when one header cannot hold both."""
    # As they say, or as it is found.
    depth = max(order.depth, *(sequence.reorder or 0 for sequence in order.sequences))
    coding = Coding(order.codec, order.sets, depth, track, clock_hz, quality)
    try:
        order.codec.header(coding)
    except av.error.FFmpegError as error:
        raise CannotCopy("no encoder fits its coding") from error
    return coding


def encoded(coding: Coding, frames: Iterator[tuple[int, VideoFrame]]) -> Iterator[Coded]:
    """Encode pictures with their times; the packets come in the order of decoding."""
    context = coding.codec.encoder(coding)

    def stored(packet: Packet) -> Coded:
        assert packet.pts is not None
        is_key = packet.is_keyframe
        return packet.pts, coding.codec.fitted(coding, memoryview(packet), is_key=is_key), is_key

    for at, frame in frames:
        # The decoder may give the same frame twice; what is set here must not change it for others.
        frame.pts, frame.time_base = at, context.time_base
        # The source's frame types must not be forced on the encoder.
        frame.pict_type = PictureType.NONE
        yield from map(stored, context.encode(frame))
    yield from map(stored, context.encode(None))
