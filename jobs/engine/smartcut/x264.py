"""H.264 in the smart cut, encoded by x264.

Decoders set up anew when parameter sets change, and some drop pictures they still hold unless both sets ask for the
same buffers. So ours say the source's profile, level, colours, number of references and depth of reordering; only their
number is another one.
"""

from av.video.codeccontext import VideoCodecContext

from jobs.engine.smartcut.bitstream import h264, nal
from jobs.engine.smartcut.bitstream.nal import Unit
from jobs.engine.smartcut.codec import REFERENCED, RESTARTS, CannotCopy, Codec, Coding, Quality, Sequence, free

NUMBERS = range(32)


class H264(Codec):
    name, label, tag = "h264", "H.264", "avc1"
    sequence, picture_set = h264.SPS, h264.PPS
    # With every picture at a quantizer of 15 the noise of film, too, comes out above 45 dB (46.0 as measured; 42.3 with
    # x264's own ratios around 17, an eighth smaller). Slides stay as small. Nothing is won by looking ahead.
    seam = Quality("ultrafast", "qp=15:ipratio=1:pbratio=1:rc-lookahead=0", bframes=1, cost=1.0)
    bulk = Quality("veryfast", "crf=19:rc-lookahead=10", bframes=3, cost=2.4)

    def configuration(self, extradata: bytes) -> tuple[int, list[bytes]]:
        return h264.configuration(extradata)

    def key(self, unit: Unit) -> tuple[int, int] | None:
        kind = h264.kind(unit)
        if kind == h264.SPS:
            return kind, h264.parse_sps(bytes(unit)).id
        return (kind, h264.pps_ids(bytes(unit))[0]) if kind == h264.PPS else None

    def parse(self, unit: bytes) -> h264.Sps:
        sps = h264.parse_sps(unit)
        if sps.profile not in h264.PROFILES or not sps.is_420:
            raise CannotCopy("its colours are stored in a rare way")
        if not sps.progressive:
            raise CannotCopy("it is interlaced")
        if sps.crop[0] or sps.crop[2]:
            raise CannotCopy("it is cropped in a rare way")
        return sps

    def pps_ids(self, unit: bytes) -> tuple[int, int]:
        return h264.pps_ids(unit)

    def is_slice(self, unit: Unit) -> bool:
        return h264.kind(unit) in h264.PICTURE_UNITS

    def pps_of(self, unit: Unit) -> int:
        return h264.pps_of(unit)

    def marks(self, unit: Unit, sequence: Sequence) -> int:
        assert isinstance(sequence, h264.Sps)
        restarts = h264.kind(unit) == h264.IDR_SLICE and not h264.drops_earlier(bytes(unit[:40]), sequence)
        return RESTARTS * restarts | REFERENCED * h264.is_reference(unit)

    def belongs(self, unit: Unit) -> bool:
        return h264.kind(unit) in (*h264.PICTURE_UNITS, h264.SEI)

    def encoder(self, coding: Coding) -> VideoCodecContext:
        sps = _sps(coding)
        options = {"profile": h264.PROFILES[sps.profile], "x264-params": _params(coding, sps)}
        context = coding.context("libx264", "yuvj420p" if sps.full_range else "yuv420p", options)
        context.color_range = 2 if sps.full_range else 1
        context.color_primaries, context.color_trc, context.colorspace = sps.primaries, sps.transfer, sps.matrix
        context.open()
        return context

    def fitted(self, coding: Coding, packet: Unit, *, is_key: bool) -> bytes:
        # Notes of the encoder about itself are left out.
        return nal.with_lengths([unit for unit in nal.units(packet, 4) if h264.kind(unit) in h264.PICTURE_UNITS])

    def header(self, coding: Coding) -> bytes:
        units = [*coding.sets, *_sets(coding)]
        return h264.header(
            [unit for unit in units if h264.kind(unit) == h264.SPS],
            [unit for unit in units if h264.kind(unit) == h264.PPS],
        )


def _sps(coding: Coding) -> h264.Sps:
    sps = coding.codec.sequences_of(coding.sets)[0]
    assert isinstance(sps, h264.Sps)
    return sps


def _params(coding: Coding, sps: h264.Sps) -> str:
    pyramid = "normal" if coding.depth > 1 and sps.max_refs >= 4 else "none"
    # What tells the profiles apart: x264 writes down the lowest that holds what it uses.
    tools = {66: "cabac=0", 77: "cabac=1:8x8dct=0", 100: "cabac=1:8x8dct=1"}[sps.profile]
    return ":".join(
        [
            f"annexb=0:sps-id={_number(coding)}:level={sps.level}",
            f"ref=1:dpb-size={max(1, sps.max_refs)}",
            f"bframes={coding.bframes}:b-pyramid={pyramid if coding.bframes else 'none'}",
            tools,
            f"sync-lookahead=0:{coding.quality.options}",
        ]
    )


def _number(coding: Coding) -> int:
    """A number for our parameter sets that the source's do not have."""
    taken = {key[1] for unit in coding.sets if (key := coding.codec.key(unit))}
    return free(NUMBERS, taken)


def _sets(coding: Coding) -> list[bytes]:
    """The parameter sets of what is encoded."""
    _, units = h264.configuration(coding.codec.encoder(coding).extradata or b"")
    sps = _sps(coding)
    buffering = sps.buffering if sps.buffering is not None else max(sps.max_refs, coding.depth)
    return [h264.with_buffers(unit, coding.depth, buffering) if h264.kind(unit) == h264.SPS else unit for unit in units]
