"""Media files opened and read through libavformat, which may then open nothing else: no playlist's files, no network.

What strangers' bytes make libavformat and libavcodec fail with ends the reading there, and never more than that.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, overload

import av
import av.error
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from jobs.engine.container import elsewhere, mp3_frames
from jobs.errors import InputError


def opened(path: Path, format: str) -> InputContainer:
    """Open a file for reading as this format. Raises av.error.FFmpegError, ValueError."""
    if place := elsewhere.opened(path):
        return av.open(place, "r", format=format, metadata_errors="replace")
    options = {"protocol_whitelist": "file", **mp3_frames.skip_options(path, format)}
    return av.open(f"file:{path}", format=format, container_options=options, metadata_errors="replace")


def recording(path: Path, format: str) -> InputContainer:
    """The same for what a person uploaded. Raises InputError."""
    try:
        return opened(path, format)
    except (av.error.FFmpegError, ValueError) as error:
        raise InputError(
            "The recording could not be opened, though it could before. Tell the operator.",
            detail=repr(error),
            code="unreadable",
        ) from error


def packets(container: InputContainer, *streams: Stream) -> "Iterator[Packet[Any]]":
    """The packets of some streams, to the end of the data or to where damage ends it.

    One without content says that what was before goes on; one without times as well, that its stream has ended.
    """
    while streams:
        try:
            yield from container.demux(streams)
            return
        except IndexError:
            # FLV and MPEG-TS may bring up new streams on the way, on which PyAV 18.1 stumbles. Reading goes on behind.
            continue
        except av.error.MemoryError:
            raise
        except av.error.FFmpegError:
            return


def is_continuation(packet: Packet) -> bool:
    """Whether a packet only says that the video or audio before it goes on: decoders refuse such."""
    return not packet.size and (packet.pts is not None or packet.dts is not None)


@overload
def frames(context: AudioCodecContext, packet: Packet | None) -> list[AudioFrame] | None: ...
@overload
def frames(context: VideoCodecContext, packet: Packet | None) -> list[VideoFrame] | None: ...
def frames(context: AudioCodecContext | VideoCodecContext, packet: Packet | None) -> Any:
    """What comes out of a decoder when `packet` goes in (None: all that is left); None when it cannot be decoded."""
    if packet is not None and is_continuation(packet):
        return []
    try:
        return context.decode(packet)
    except av.error.MemoryError:
        raise
    except av.error.FFmpegError:
        # Decoders have many words for it.
        return None


def is_untimed(container: InputContainer, stream: VideoStream) -> bool:
    """Whether it is not stored when frames are shown, but only when they are decoded.

    Neither AVI does, nor Matroska for a track that is described as in AVI. What libavformat fills in for that is wrong
    for codecs that reorder frames freely.
    """
    if stream.codec_context.name not in ("h264", "hevc"):
        return False
    name = container.format.name
    return name == "avi" or (name.startswith("matroska") and stream.codec_context.codec_tag.strip("\0") != "")


def prime(stream: VideoStream, anew: Callable[[], AbstractContextManager[InputContainer]]) -> None:
    """Let a decoder that is to begin in the middle see the first packet, where that tells how all others are coded.

    x264 before build 151 codes 4:4:4 in its own way, and says its build there alone. `anew` opens the file once more,
    so that `stream` stays where it stands. Threads have to be chosen before.
    """
    context = stream.codec_context
    if context.name != "h264" or not (context.pix_fmt or "").startswith(("yuv444", "yuvj444", "gbr")):
        return
    with anew() as other:
        first = next((packet for packet in packets(other, other.streams[stream.index]) if packet.size), None)
        frames(context, first)
        context.flush_buffers()
