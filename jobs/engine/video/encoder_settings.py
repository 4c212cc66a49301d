"""What frames are encoded as when all of them are, whatever they were: taken from the first of them.

Eight bits become H.264, which every browser plays. More, and light beyond white (HDR), become 10 bit HEVC: phones,
televisions and most computers decode that in hardware and show it as it is meant. H.264 with 10 bits would play in a
few programs only; eight bits with the tags of HDR show bands, and without them wrong colours.
"""

import dataclasses
from fractions import Fraction
from typing import Literal

import av
from av.codec.context import Flags, ThreadType
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from jobs.engine.model.colour import HDR_TRANSFERS
from jobs.engine.model.gop import KEYFRAME_SECONDS
from jobs.engine.model.mediainfo import VideoTrack
from jobs.engine.probe import display_matrix
from jobs.engine.video import hdr_metadata
from jobs.engine.video.encoded_packets import Encoder
from jobs.engine.video.piped_vp9 import PipedVp9


@dataclasses.dataclass(frozen=True)
class EncoderSpec:
    """An encoder: its name, preset and quality, the track's tag in MP4, and what a frame costs.

    `cost` is processor time, measured in frames decoded (720p). `reorder_frames` is how many are stored before one
    that is shown before them: with three B-frames in a row, one of them a reference, two.
    """

    name: str
    preset: str
    crf: int
    tag: str
    cost: float
    reorder_frames: int = 2


H264 = EncoderSpec("libx264", "veryfast", 19, "avc1", cost=2.4)
# On the same frames as near to the source as the other, in a tenth less bytes and three times the time.
HEVC = EncoderSpec("libx265", "superfast", 20, "hvc1", cost=7.0)
# What browsers show of WebM everywhere, with ten bits too.
VP9 = EncoderSpec("libvpx-vp9", "good", 26, "vp09", cost=12.0, reorder_frames=0)
Codec = Literal["h264", "vp9"]
"""What frames are encoded as; in place of H.264 it is HEVC where eight bits do not hold them."""


def encoder_spec_for(pixel_format: str, *, is_hdr: bool, codec: Codec = "h264") -> EncoderSpec:
    """Which encoder frames of a format of FFmpeg's get."""
    if codec == "vp9":
        return VP9
    return HEVC if is_hdr or is_deep(pixel_format) else H264


def is_deep(pixel_format: str) -> bool:
    """Whether a format of FFmpeg's has more than eight bits."""
    return bool(pixel_format) and max((part.bits for part in av.VideoFormat(pixel_format).components), default=8) > 8


@dataclasses.dataclass(frozen=True)
class EncoderSettings:
    """How it is encoded, in which size in pixels, and with the source's colours by their numbers in ITU-T H.273.

    `light` are x265's options that say how bright it is.
    """

    spec: EncoderSpec
    track: VideoTrack
    clock_hz: int
    width: int
    height: int
    full_range: bool
    primaries: int
    transfer: int
    matrix: int
    deep: bool = False
    hdr_options: tuple[str, ...] = ()

    @classmethod
    def of(cls, frame: VideoFrame, track: VideoTrack, clock_hz: int, codec: Codec = "h264") -> "EncoderSettings":
        """For frames like this one of a track. 4:2:0 has one colour sample for two by two pixels."""
        is_rgb = frame.format.is_rgb
        is_hdr = frame.color_trc in HDR_TRANSFERS
        coder = encoder_spec_for(frame.format.name, is_hdr=is_hdr, codec=codec)
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
            deep=coder is not H264 and (is_hdr or is_deep(frame.format.name)),
            hdr_options=tuple(hdr_metadata.x265_options(frame)) if coder is HEVC else (),
        )

    @property
    def upright(self) -> bool:
        """Whether frames are turned before they are encoded: WebM does not say which way is up."""
        return self.spec is VP9

    @property
    def rate(self) -> Fraction:
        return (self.track.frame_rate or Fraction(30)).limit_denominator(65_535)

    @property
    def pixel_format(self) -> str:
        if self.deep:
            return "yuv420p10le"
        # The j stands for full range.
        return "yuvj420p" if self.full_range and self.spec is H264 else "yuv420p"

    def open_encoder(self, *, alone: bool) -> Encoder:
        """An encoder; all that are made have the same parameter sets. `alone`: no other keeps the cores busy."""
        if self._is_piped:
            return self._piped(alone)
        context = av.CodecContext.create(self.spec.name, "w")
        assert isinstance(context, VideoCodecContext)
        context.framerate = self.rate
        context.flags |= Flags.global_header
        return self._opened(context, alone)

    def header(self, *, alone: bool) -> bytes:
        """The parameter sets of such encoders, which stand in the track's header."""
        return bytes(self.open_encoder(alone=alone).extradata or b"")

    def add_stream(self, container: OutputContainer, *, alone: bool) -> VideoStream:
        """The track in a file, with the header that goes with the packets of such encoders."""
        if self._is_piped:
            with self._piped(alone).as_stored() as like:
                stream = container.add_stream_from_template(like)
            stream.codec_context.color_primaries, stream.codec_context.color_trc = self.primaries, self.transfer
            stream.codec_context.sample_aspect_ratio = self._stored_aspect
            stream.codec_context.codec_tag = self.spec.tag
        else:
            made = container.add_stream(self.spec.name, rate=self.rate)
            assert isinstance(made, VideoStream)
            stream = made
            stream.codec_context.codec_tag = self.spec.tag
            self._opened(stream.codec_context, alone)
        stream.time_base = Fraction(1, self.clock_hz)
        if not self.upright:
            display_matrix.set_orientation(stream, self.track)
        return stream

    @property
    def _is_piped(self) -> bool:
        return self.spec is VP9 and self.deep

    def _piped(self, alone: bool) -> PipedVp9:
        options = {**self._vp9_options, "b": "0", "g": str(self._gop_frames)}
        if not alone:
            options["threads"] = "1"
        arguments = [part for name, value in options.items() for part in (f"-{name}", value)]
        colours = self.full_range, int(self.matrix)
        return PipedVp9(*self._stored_size, self.pixel_format, self.rate, *colours, tuple(arguments))

    @property
    def _vp9_options(self) -> dict[str, str]:
        return {"deadline": self.spec.preset, "crf": str(self.spec.crf), "cpu-used": "5", "row-mt": "1"}

    @property
    def _gop_frames(self) -> int:
        return max(1, round(self.rate * KEYFRAME_SECONDS))

    @property
    def _is_turned(self) -> bool:
        """Whether frames are encoded with their sides exchanged."""
        return self.upright and self.track.sideways

    @property
    def _stored_size(self) -> tuple[int, int]:
        return (self.height, self.width) if self._is_turned else (self.width, self.height)

    @property
    def _stored_aspect(self) -> Fraction:
        return 1 / self.track.sample_aspect if self._is_turned else self.track.sample_aspect

    def _opened(self, context: VideoCodecContext, alone: bool) -> VideoCodecContext:
        context.width, context.height = self._stored_size
        context.pix_fmt = self.pixel_format
        context.time_base = Fraction(1, self.clock_hz)
        context.sample_aspect_ratio = self._stored_aspect
        context.gop_size = self._gop_frames
        context.color_range = ColorRange.JPEG if self.full_range else ColorRange.MPEG
        context.color_primaries, context.color_trc, context.colorspace = self.primaries, self.transfer, self.matrix
        context.options = {"preset": self.spec.preset, "crf": str(self.spec.crf), "bf": "3"}
        if self.spec is VP9:
            # Without a bit rate of zero the quality would only be a bound.
            context.bit_rate = 0
            context.options = self._vp9_options
        if not alone:
            context.thread_count, context.thread_type = 1, ThreadType.NONE
        if self.spec is HEVC:
            # Its threads are none of FFmpeg's; with them it also writes another header.
            few = [] if alone else ["pools=none", "frame-threads=1", "wpp=0"]
            context.options["x265-params"] = ":".join(
                ["log-level=none", "info=0", "open-gop=0", "b-pyramid=1", *few, *self.hdr_options]
            )
        context.open()
        return context

    def converted(self, frame: VideoFrame) -> VideoFrame:
        """A frame in this size and pixel format; itself when it has them."""
        if (frame.format.name, frame.width, frame.height) == (self.pixel_format, self.width, self.height):
            return frame
        space = {"dst_colorspace": Colorspace.ITU709} if frame.format.is_rgb else {}
        to_range = ColorRange.JPEG if self.full_range else ColorRange.MPEG
        return frame.reformat(self.width, self.height, self.pixel_format, dst_color_range=to_range, **space)
