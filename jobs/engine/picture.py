"""Encoding the pictures of a schedule: each at its exact time, as the source shows it."""

import contextlib
import errno
from collections.abc import Callable, Generator, Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from jobs.engine.media import MediaInfo, VideoTrack
from jobs.engine.pcm import demuxer
from jobs.engine.process import disk_full
from jobs.engine.report import Lost
from jobs.engine.timeline import FrameIndex, Schedule, open_picture, readable_frames
from jobs.engine.track import Track
from jobs.errors import ToolError

# Containers with an index of keyframes; others seek by guessing, and are decoded from the start.
INDEXED = {"mov", "matroska"}
PRESET = "veryfast"
CRF = 19
# A keyframe this often, so that a player can jump and the next cut can copy.
KEY_SECONDS = 4
UNSPECIFIED = 2
Paint = Callable[[VideoFrame, Fraction], VideoFrame]
"""What is done to a picture that comes on show at a time (seconds of the result) before it is encoded. Gets 4:2:0 of 8
or of the source's bits and gives back the same kind; called by several threads."""


class Pictures:
    """Decoded pictures of a recording by their time stamps, in rising order."""

    def __init__(self, container: InputContainer, stream: VideoStream, index: FrameIndex, *, can_seek: bool) -> None:
        self._container = container
        self._stream = stream
        self._index = index
        self._can_seek = can_seek
        self._decoded = readable_frames(container, stream)
        self._shown: tuple[int, VideoFrame] | None = None
        self._ahead: tuple[int, VideoFrame] | None = None

    def go_to(self, pts: int) -> None:
        """Jump to the last keyframe before `pts` when that leaves something out."""
        key = self._index.key_at_or_before(pts)
        position = self._ahead or self._shown
        if not self._can_seek or key is None or (position and key <= position[0]):
            return
        while key is not None:
            self._seek(key)
            if self._ahead and self._ahead[0] <= pts:
                return
            # The demuxer landed too late, or the decoder could not start there.
            key = self._index.key_at_or_before(key - 1)
        self._can_seek = False
        self._seek(int(self._index.pts[0]))

    def _seek(self, pts: int) -> None:
        self._container.seek(pts, stream=self._stream, backward=True)
        self._decoded = readable_frames(self._container, self._stream)
        self._shown = None
        self._ahead = self._next()

    def _next(self) -> tuple[int, VideoFrame] | None:
        return next(((frame.pts, frame) for frame in self._decoded if frame.pts is not None), None)

    def at(self, pts: int) -> tuple[VideoFrame, bool]:
        """The picture with this time stamp; where the decoder has none for it, the one before, or failing that after.

        And whether it is the one asked for, undamaged as far as the decoder tells. Raises ToolError when nothing can
        be decoded.
        """
        while self._ahead is None or self._ahead[0] <= pts:
            if self._ahead:
                self._shown = self._ahead
                if self._shown[0] == pts:
                    self._ahead = None
                    break
            self._ahead = self._next()
            if self._ahead is None:
                break
        found = self._shown or self._ahead
        if not found:
            raise ToolError(
                "No picture of this recording could be decoded. Export it again, for example as MP4, and upload that."
            )
        return found[1], found[0] == pts and not found[1].is_corrupt


def wanted_pictures(
    source: Path, info: MediaInfo, index: FrameIndex, wanted: Schedule
) -> Generator[tuple[VideoFrame, bool], None, None]:
    """One decoded picture for each of the schedule, and whether it is right, reading no more than is needed."""
    container, stream = open_picture(source, info)
    stream.codec_context.thread_type = "AUTO"
    with container:
        pictures = Pictures(container, stream, index, can_seek=demuxer(info) in INDEXED)
        firsts = set(wanted.first).union(*(range(first, end) for first, end, is_fast in wanted.parts if is_fast))
        for place, pts in enumerate(wanted.pts.tolist()):
            if place in firsts:
                pictures.go_to(pts)
            yield pictures.at(pts)


def encode_pictures(
    source: Path,
    info: MediaInfo,
    index: FrameIndex,
    wanted: Schedule,
    output: Path,
    *,
    progress: Callable[[float], None],
    paint: Paint | None = None,
) -> Lost:
    """Write the scheduled pictures as H.264 in an MP4 file without sound. Returns which did not decode.

    `progress` gets the fraction of the result's time that is encoded, 0 to 1; what it raises ends the work. Raises
    ToolError, ResourceError.
    """
    assert info.video is not None
    total = int(wanted.at[-1] + wanted.lasts[-1])
    lost: list[int] = []
    with disk_errors(), av.open(f"file:{output}", "w", format="mp4", options=exact_start(index)) as container:
        track: Track | None = None
        pictures = wanted_pictures(source, info, index, wanted)
        with contextlib.closing(pictures):
            for place, (frame, is_whole) in enumerate(pictures):
                at = int(wanted.at[place])
                if not is_whole:
                    lost.append(int(wanted.lasts[place]))
                if track is None:
                    stream = _add_stream(container, info.video, frame, index.clock_hz)
                    depth = stream.codec_context.reorder_depth
                    track = Track(container, stream, wanted, depth=depth, clock_hz=index.clock_hz)
                fitted = _fitted(frame, stream)
                if paint:
                    fitted = paint(fitted, Fraction(at, index.clock_hz))
                fitted.pts, fitted.time_base = at, Fraction(1, index.clock_hz)
                # The source's frame types must not be forced on the encoder.
                fitted.pict_type = PictureType.NONE
                _mux(track, stream.encode(fitted))
                progress(at / total)
        assert track is not None
        _mux(track, stream.encode(None))
    return Lost(len(lost), Fraction(sum(lost), index.clock_hz))


def exact_start(index: FrameIndex) -> dict[str, str]:
    """Options of an MP4 file: without them a late start is rounded to milliseconds."""
    return {"movie_timescale": str(index.clock_hz)}


def _mux(track: Track, packets: "list[Packet[VideoStream]]") -> None:
    for packet in packets:
        assert packet.pts is not None
        track.mux_at(packet, packet.pts)


def _add_stream(
    container: av.container.OutputContainer, track: VideoTrack, frame: VideoFrame, clock_hz: int
) -> VideoStream:
    rate = track.frame_rate or Fraction(30)
    stream = container.add_stream("libx264", rate=rate.limit_denominator(65_535))
    context = stream.codec_context
    # 4:2:0 has one colour sample for two by two pixels.
    context.width, context.height = max(2, frame.width & ~1), max(2, frame.height & ~1)
    # Eight bits and 4:2:0 are what every browser plays. The j stands for full range.
    full = frame.format.name.startswith("yuvj") or (frame.color_range == ColorRange.JPEG and not _is_rgb(frame))
    context.pix_fmt = "yuvj420p" if full else "yuv420p"
    context.time_base = stream.time_base = Fraction(1, clock_hz)
    context.sample_aspect_ratio = track.sample_aspect
    context.gop_size = max(1, round(rate * KEY_SECONDS))
    context.color_range = ColorRange.JPEG if full else ColorRange.MPEG
    context.color_primaries, context.color_trc = frame.color_primaries, frame.color_trc
    context.colorspace = Colorspace.ITU709 if _is_rgb(frame) else frame.colorspace
    context.options = {"preset": PRESET, "crf": str(CRF)}
    if track.rotation:
        stream.set_display_rotation(-track.rotation)
    context.open()
    return stream


def _is_rgb(frame: VideoFrame) -> bool:
    return frame.format.is_rgb


def _fitted(frame: VideoFrame, stream: VideoStream) -> VideoFrame:
    """The frame in the encoder's size and pixel format; itself when it has them."""
    context = stream.codec_context
    if (frame.format.name, frame.width, frame.height) == (context.pix_fmt, context.width, context.height):
        return frame
    space = {"dst_colorspace": Colorspace.ITU709} if _is_rgb(frame) else {}
    return frame.reformat(context.width, context.height, context.pix_fmt, dst_color_range=context.color_range, **space)


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """Raise ResourceError when the encoded pictures find no room, ToolError for what else the libraries refuse."""
    try:
        yield
    except av.error.FFmpegError as error:
        if error.errno == errno.ENOSPC:
            raise disk_full(repr(error)) from error
        raise ToolError(
            "The pictures of this recording could not be encoded. Try again; if that fails too, tell the operator.",
            detail=repr(error),
        ) from error
