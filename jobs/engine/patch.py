"""Encoding pictures so that they fit between copied ones of the same H.264 track.

Decoders set up anew when parameter sets change, and some drop pictures they still hold unless both sets ask for the
same buffers. So ours say the source's profile, level, colours, number of references and depth of reordering; only their
number is another one.
"""

import dataclasses
from collections.abc import Iterator
from fractions import Fraction

import av
from av.codec.context import Flags
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from jobs.engine import h264
from jobs.engine.coded import CodedOrder
from jobs.engine.media import VideoTrack

KEY_SECONDS = 4
MAX_NUMBER = 31


@dataclasses.dataclass(frozen=True)
class Quality:
    """x264's preset, and options that hold the quality."""

    preset: str
    options: str
    bframes: int = 0


# A few pictures at a join: no time to spend on making them small, and nobody is to see that they were encoded. At a
# fixed quantizer of 17 any picture comes out above 45 dB.
SEAM = Quality("ultrafast", "qp=17", bframes=1)
# When they are a good part of the result.
BULK = Quality("veryfast", "crf=19", bframes=3)


@dataclasses.dataclass(frozen=True)
class Coding:
    """How to encode pictures that fit the copied ones."""

    order: CodedOrder
    track: VideoTrack
    clock_hz: int
    quality: Quality

    @property
    def number(self) -> int:
        """A number for our parameter sets that the source's do not have."""
        taken = {h264.pps_ids(unit)[0] for unit in self.order.sets if h264.kind(unit) == h264.PPS}
        taken.add(self.order.sps.id)
        return min(set(range(MAX_NUMBER + 1)) - taken)

    @property
    def depth(self) -> int:
        """The source's depth of reordering, as it says or as it is found."""
        sps = self.order.sps
        return max(self.order.depth, sps.reorder or 0)

    @property
    def bframes(self) -> int:
        return min(self.quality.bframes, 3) if self.depth else 0

    def encoder(self) -> VideoCodecContext:
        sps = self.order.sps
        context = av.CodecContext.create("libx264", "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height = self.track.width, self.track.height
        context.pix_fmt = "yuvj420p" if sps.full_range else "yuv420p"
        context.sample_aspect_ratio = self.track.sample_aspect
        context.time_base = Fraction(1, self.clock_hz)
        rate = self.track.frame_rate or Fraction(30)
        context.framerate = rate.limit_denominator(65_535)
        context.gop_size = max(1, round(rate * KEY_SECONDS))
        context.color_range = 2 if sps.full_range else 1
        context.color_primaries, context.color_trc, context.colorspace = sps.primaries, sps.transfer, sps.matrix
        context.thread_count = 1
        context.flags |= Flags.global_header
        context.options = {
            "preset": self.quality.preset,
            "profile": h264.PROFILES[sps.profile],
            "x264-params": self._params(),
        }
        context.open()
        return context

    def _params(self) -> str:
        sps = self.order.sps
        pyramid = "normal" if self.depth > 1 and sps.max_refs >= 4 else "none"
        # What tells the profiles apart: x264 writes down the lowest that holds what it uses.
        tools = {66: "cabac=0", 77: "cabac=1:8x8dct=0", 100: "cabac=1:8x8dct=1"}[sps.profile]
        return ":".join(
            [
                f"annexb=0:sps-id={self.number}:level={sps.level}",
                f"ref=1:dpb-size={max(1, sps.max_refs)}",
                f"bframes={self.bframes}:b-pyramid={pyramid if self.bframes else 'none'}",
                tools,
                # Looking ahead only delays: there is hardly anything ahead.
                f"rc-lookahead=10:sync-lookahead=0:{self.quality.options}",
            ]
        )

    def sets(self) -> list[bytes]:
        """The parameter sets of what is encoded."""
        _, units = h264.configuration(self.encoder().extradata or b"")
        sps = self.order.sps
        buffering = sps.buffering if sps.buffering is not None else max(sps.max_refs, self.depth)
        return [
            h264.with_buffers(unit, self.depth, buffering) if h264.kind(unit) == h264.SPS else unit for unit in units
        ]

    def header(self) -> bytes:
        """The track's header, with the source's parameter sets and ours."""
        units = [*self.order.sets, *self.sets()]
        return h264.header(
            [unit for unit in units if h264.kind(unit) == h264.SPS],
            [unit for unit in units if h264.kind(unit) == h264.PPS],
        )


Coded = tuple[int, bytes, bool]
"""Time of showing in ticks, the packet, whether it is a keyframe."""


def encoded(coding: Coding, frames: Iterator[tuple[int, VideoFrame]]) -> Iterator[Coded]:
    """Encode pictures with their times; the packets come in the order of decoding."""
    context = coding.encoder()
    for at, frame in frames:
        # The decoder may give the same frame twice; what is set here must not change it for others.
        frame.pts, frame.time_base = at, context.time_base
        # The source's frame types must not be forced on the encoder.
        frame.pict_type = PictureType.NONE
        yield from map(_stored, context.encode(frame))
    yield from map(_stored, context.encode(None))


def _stored(packet: Packet) -> Coded:
    assert packet.pts is not None
    # Notes of the encoder about itself are left out.
    parts = [unit for unit in h264.units(packet, 4) if h264.kind(unit) in h264.PICTURE_UNITS]  # type: ignore[arg-type]
    return packet.pts, h264.with_lengths(parts), packet.is_keyframe
