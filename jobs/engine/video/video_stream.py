"""The video track of a recording, opened by itself and decoded from where the file stands."""

import collections
from collections.abc import Iterator
from pathlib import Path

from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from jobs.engine.container import demuxing
from jobs.engine.model.mediainfo import MediaInfo, demuxer


def open_video(source: Path, info: MediaInfo) -> tuple[InputContainer, VideoStream]:
    """Open the file as the format that probing found, reading the video alone. Raises InputError."""
    container = demuxing.recording(source, demuxer(info))
    stream = container.streams[info.require_video().index]
    assert isinstance(stream, VideoStream)
    return container, stream


def readable_frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Decoded frames from where the container stands; what is damaged is passed over."""
    is_untimed = demuxing.is_untimed(container, stream)
    waiting: collections.deque[int | None] = collections.deque()
    for packet in demuxing.packets(container, stream):
        frames = demuxing.frames(stream.codec_context, packet)
        if frames is not None and packet.size:
            waiting.append(packet.dts)
        for frame in frames or []:
            # Frames leave the decoder in the order of showing: each is shown at the next time.
            stamp = waiting.popleft() if waiting else None
            if is_untimed:
                frame.pts = stamp
            yield frame
