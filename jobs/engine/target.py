"""What pictures are encoded as when all of them are, whatever they were: taken from the first of them.

Eight bits become H.264, which every browser plays. More, and light beyond white (HDR), become 10 bit HEVC: phones,
televisions and most computers decode that in hardware and show it as it is meant. H.264 with 10 bits would play in a
few programs only; eight bits with the tags of HDR show bands, and without them wrong colours.
"""

import dataclasses
from fractions import Fraction

import av
from av.codec.context import Flags, ThreadType
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from jobs.engine import mastering, orientation
from jobs.engine.media import VideoTrack

PQ_AND_HLG = (16, 18)
"""Transfer characteristics of HDR by their numbers in ITU-T H.273."""
# A keyframe this often, so that a player can jump and the next cut can copy.
KEY_SECONDS = 4


@dataclasses.dataclass(frozen=True)
class Coder:
    """An encoder: its name, preset and quality, the track's tag in MP4, and what a picture costs.

    `cost` is processor time, measured in pictures decoded (720p).
    """

    name: str
    preset: str
    crf: int
    tag: str
    cost: float


H264 = Coder("libx264", "veryfast", 19, "avc1", cost=2.4)
# On the same pictures as near to the source as the other, in a tenth less bytes and three times the time.
HEVC = Coder("libx265", "superfast", 20, "hvc1", cost=7.0)


# With three B-frames in a row, one of them a reference, so many pictures are stored before one shown before them.
DEPTH = 2


def coder_for(pixel_format: str, *, is_hdr: bool) -> Coder:
    """Which encoder pictures of a format of FFmpeg's get."""
    bits = max((part.bits for part in av.VideoFormat(pixel_format).components), default=8) if pixel_format else 8
    return HEVC if is_hdr or bits > 8 else H264


@dataclasses.dataclass(frozen=True)
class Target:
    """How it is encoded, in which size in pixels, and with the source's colours by their numbers in ITU-T H.273.

    `light` are x265's options that say how bright it is.
    """

    coder: Coder
    track: VideoTrack
    clock_hz: int
    width: int
    height: int
    full_range: bool
    primaries: int
    transfer: int
    matrix: int
    light: tuple[str, ...] = ()

    @classmethod
    def of(cls, frame: VideoFrame, track: VideoTrack, clock_hz: int) -> "Target":
        """For pictures like this one of a track. 4:2:0 has one colour sample for two by two pixels."""
        is_rgb = frame.format.is_rgb
        coder = coder_for(frame.format.name, is_hdr=frame.color_trc in PQ_AND_HLG)
        return cls(
            coder,
            track,
            clock_hz,
            width=max(2, frame.width & ~1),
            height=max(2, frame.height & ~1),
            full_range=frame.format.name.startswith("yuvj") or (frame.color_range == ColorRange.JPEG and not is_rgb),
            primaries=frame.color_primaries,
            transfer=frame.color_trc,
            matrix=Colorspace.ITU709 if is_rgb else frame.colorspace,
            light=tuple(mastering.x265_options(frame)) if coder is HEVC else (),
        )

    @property
    def rate(self) -> Fraction:
        return (self.track.frame_rate or Fraction(30)).limit_denominator(65_535)

    @property
    def pixel_format(self) -> str:
        if self.coder is HEVC:
            return "yuv420p10le"
        # The j stands for full range.
        return "yuvj420p" if self.full_range else "yuv420p"

    def encoder(self, *, alone: bool) -> VideoCodecContext:
        """An encoder; all that are made have the same parameter sets. `alone`: no other keeps the cores busy."""
        context = av.CodecContext.create(self.coder.name, "w")
        assert isinstance(context, VideoCodecContext)
        context.framerate = self.rate
        context.flags |= Flags.global_header
        return self._opened(context, alone)

    def stream(self, container: OutputContainer, *, alone: bool) -> VideoStream:
        """The track in a file, with the header that goes with the packets of such encoders."""
        stream = container.add_stream(self.coder.name, rate=self.rate)
        assert isinstance(stream, VideoStream)
        stream.codec_context.codec_tag = self.coder.tag
        self._opened(stream.codec_context, alone)
        stream.time_base = Fraction(1, self.clock_hz)
        orientation.tell(stream, self.track)
        return stream

    def _opened(self, context: VideoCodecContext, alone: bool) -> VideoCodecContext:
        context.width, context.height = self.width, self.height
        context.pix_fmt = self.pixel_format
        context.time_base = Fraction(1, self.clock_hz)
        context.sample_aspect_ratio = self.track.sample_aspect
        context.gop_size = max(1, round(self.rate * KEY_SECONDS))
        context.color_range = ColorRange.JPEG if self.full_range else ColorRange.MPEG
        context.color_primaries, context.color_trc, context.colorspace = self.primaries, self.transfer, self.matrix
        context.options = {"preset": self.coder.preset, "crf": str(self.coder.crf), "bf": "3"}
        if not alone:
            context.thread_count, context.thread_type = 1, ThreadType.NONE
        if self.coder is HEVC:
            # Its threads are none of FFmpeg's; with them it also writes another header.
            few = [] if alone else ["pools=none", "frame-threads=1", "wpp=0"]
            context.options["x265-params"] = ":".join(
                ["log-level=none", "info=0", "open-gop=0", "b-pyramid=1", *few, *self.light]
            )
        context.open()
        return context

    def fitted(self, frame: VideoFrame) -> VideoFrame:
        """A picture in this size and pixel format; itself when it has them."""
        if (frame.format.name, frame.width, frame.height) == (self.pixel_format, self.width, self.height):
            return frame
        space = {"dst_colorspace": Colorspace.ITU709} if frame.format.is_rgb else {}
        to_range = ColorRange.JPEG if self.full_range else ColorRange.MPEG
        return frame.reformat(self.width, self.height, self.pixel_format, dst_color_range=to_range, **space)
