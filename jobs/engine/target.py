"""What pictures are encoded as when all of them are, whatever they were: taken from the first of them."""

import dataclasses
from fractions import Fraction

import av
from av.codec.context import Flags, ThreadType
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from jobs.engine.media import VideoTrack

CODEC = "libx264"
OPTIONS = {"preset": "veryfast", "crf": "19"}
# A keyframe this often, so that a player can jump and the next cut can copy.
KEY_SECONDS = 4


@dataclasses.dataclass(frozen=True)
class Target:
    """H.264 of a size in pixels, with the colours of the source by their numbers in ITU-T H.273."""

    track: VideoTrack
    clock_hz: int
    width: int
    height: int
    full_range: bool
    primaries: int
    transfer: int
    matrix: int

    @classmethod
    def of(cls, frame: VideoFrame, track: VideoTrack, clock_hz: int) -> "Target":
        """For pictures like this one of a track. 4:2:0 has one colour sample for two by two pixels."""
        is_rgb = frame.format.is_rgb
        return cls(
            track,
            clock_hz,
            width=max(2, frame.width & ~1),
            height=max(2, frame.height & ~1),
            full_range=frame.format.name.startswith("yuvj") or (frame.color_range == ColorRange.JPEG and not is_rgb),
            primaries=frame.color_primaries,
            transfer=frame.color_trc,
            matrix=Colorspace.ITU709 if is_rgb else frame.colorspace,
        )

    @property
    def rate(self) -> Fraction:
        return (self.track.frame_rate or Fraction(30)).limit_denominator(65_535)

    @property
    def pixel_format(self) -> str:
        # Eight bits and 4:2:0 are what every browser plays. The j stands for full range.
        return "yuvj420p" if self.full_range else "yuv420p"

    def encoder(self, *, alone: bool) -> VideoCodecContext:
        """An encoder; all that are made have the same parameter sets. `alone`: no other keeps the cores busy."""
        context = av.CodecContext.create(CODEC, "w")
        assert isinstance(context, VideoCodecContext)
        context.framerate = self.rate
        context.flags |= Flags.global_header
        if not alone:
            context.thread_count, context.thread_type = 1, ThreadType.NONE
        return self._opened(context)

    def stream(self, container: OutputContainer) -> VideoStream:
        """The track in a file, with the header that goes with the encoders' packets."""
        stream = container.add_stream(CODEC, rate=self.rate)
        assert isinstance(stream, VideoStream)
        self._opened(stream.codec_context)
        stream.time_base = Fraction(1, self.clock_hz)
        if self.track.rotation:
            stream.set_display_rotation(-self.track.rotation)
        return stream

    def _opened(self, context: VideoCodecContext) -> VideoCodecContext:
        context.width, context.height = self.width, self.height
        context.pix_fmt = self.pixel_format
        context.time_base = Fraction(1, self.clock_hz)
        context.sample_aspect_ratio = self.track.sample_aspect
        context.gop_size = max(1, round(self.rate * KEY_SECONDS))
        context.color_range = ColorRange.JPEG if self.full_range else ColorRange.MPEG
        context.color_primaries, context.color_trc, context.colorspace = self.primaries, self.transfer, self.matrix
        context.options = dict(OPTIONS)
        context.open()
        return context

    def fitted(self, frame: VideoFrame) -> VideoFrame:
        """A picture in this size and pixel format; itself when it has them."""
        if (frame.format.name, frame.width, frame.height) == (self.pixel_format, self.width, self.height):
            return frame
        space = {"dst_colorspace": Colorspace.ITU709} if frame.format.is_rgb else {}
        to_range = ColorRange.JPEG if self.full_range else ColorRange.MPEG
        return frame.reformat(self.width, self.height, self.pixel_format, dst_color_range=to_range, **space)
