"""HEVC in the smart cut, encoded by x265.

x265 numbers its parameter sets 0 and leaves no choice. They get other numbers here, so that both can stand in the
track's header, and each slice is told the new one. Our sequence parameter set says of profile, level, buffers and
colours what the source's says, so that no decoder has a reason to set up anew; then the source's video parameter set
holds for it too.
"""

import dataclasses
import functools

from av.video.codeccontext import VideoCodecContext

from jobs.engine.smartcut.bitstream import hevc, hevc_parameter_sets, nal
from jobs.engine.smartcut.bitstream.nal import Unit
from jobs.engine.smartcut.codec import LEADING, REFERENCED, RESTARTS, CannotCopy, Codec, Coding, Quality, Sequence, free

SPS_NUMBERS = range(16)
# Written in nine bits each, where 0 takes one: in a slice all that follows moves by one whole byte.
PPS_NUMBERS = range(15, 31)
# Blocks that pictures can be made of whole, in pixels; coded sizes are multiples.
BLOCKS = (8, 16, 32)


class Hevc(Codec):
    name, label, tag = "hevc", "HEVC", "hvc1"
    sequence, picture_set = hevc_parameter_sets.SPS, hevc_parameter_sets.PPS
    # As in x264; the same quantizer is coarser here: 44.2 dB at 15, 46.2 at 13.
    seam = Quality("ultrafast", "qp=13:ipratio=1:pbratio=1", bframes=1, cost=3.0)
    bulk = Quality("ultrafast", "crf=17", bframes=3, cost=3.0)

    def configuration(self, extradata: bytes) -> tuple[int, list[bytes]]:
        return hevc.configuration(extradata)

    def key(self, unit: Unit) -> tuple[int, int] | None:
        kind = hevc.kind(unit)
        if not hevc.is_base(unit):
            return None
        if kind == hevc_parameter_sets.VPS:
            return kind, unit[2] >> 4
        if kind == hevc_parameter_sets.SPS:
            return kind, hevc_parameter_sets.parse_sps(bytes(unit)).id
        if kind == hevc_parameter_sets.PPS:
            return kind, hevc_parameter_sets.pps_ids(bytes(unit))[0]
        message = hevc.lasting_message(unit)
        return None if message is None else (kind, message)

    def parse(self, unit: bytes) -> hevc_parameter_sets.Sps:
        sps = hevc_parameter_sets.parse_sps(unit)
        if (
            sps.profile_number not in hevc_parameter_sets.PROFILES
            or sps.chroma != 1
            or sps.depths not in ((8, 8), (10, 10))
        ):
            raise CannotCopy("its colours are stored in a rare way")
        if sps.interlaced:
            raise CannotCopy("it is interlaced")
        if sps.window[0] or sps.window[2] or not _block(sps):
            raise CannotCopy("it is cropped in a rare way")
        return sps

    def pps_ids(self, unit: bytes) -> tuple[int, int]:
        return hevc_parameter_sets.pps_ids(unit)

    def is_slice(self, unit: Unit) -> bool:
        return hevc.kind(unit) <= hevc.LAST_SLICE and hevc.is_base(unit)

    def pps_of(self, unit: Unit) -> int:
        return hevc.pps_of(unit)

    def marks(self, unit: Unit, sequence: Sequence) -> int:
        assert isinstance(sequence, hevc_parameter_sets.Sps)
        restarts = hevc.is_start(unit) and not hevc.drops_earlier(unit)
        referenced = hevc.is_reference(unit, sequence.sub_layers)
        return RESTARTS * restarts | LEADING * hevc.leads(unit) | REFERENCED * referenced

    def belongs(self, unit: Unit) -> bool:
        return hevc.is_base(unit) and (
            hevc.kind(unit) <= hevc.LAST_SLICE or hevc.kind(unit) in (hevc.SEI, hevc.SEI_SUFFIX)
        )

    def begin(self, unit: Unit) -> Unit:
        # What was an entrance to an open group becomes a broken link without leading pictures, made for this very use.
        if hevc.kind(unit) == hevc.CRA:
            return bytes([hevc.BLA_N_LP << 1]) + bytes(unit[1:])
        return unit

    def encoder(self, coding: Coding) -> VideoCodecContext:
        sps = _sps(coding)
        depth = "10le" if sps.depths[0] == 10 else ""
        pixel_format = "yuvj420p" if sps.full_range and not depth else f"yuv420p{depth}"
        context = coding.context("libx265", pixel_format, {"x265-params": _params(coding, sps)})
        context.open()
        return context

    def fitted(self, coding: Coding, packet: Unit, *, is_key: bool) -> bytes:
        number = _number(coding.sets, hevc_parameter_sets.PPS)
        slices = [_renumbered(unit, number) for unit in nal.units(packet, 0) if hevc.kind(unit) <= hevc.LAST_SLICE]
        messages = [unit for unit in coding.sets if hevc.kind(unit) == hevc.SEI] if is_key else []
        return nal.with_lengths([*messages, *slices])

    def header(self, coding: Coding) -> bytes:
        told = [sps for sps in self.sequences_of(coding.sets) if isinstance(sps, hevc_parameter_sets.Sps)]
        layers, nesting = max(sps.sub_layers for sps in told), all(sps.nesting for sps in told)
        described = dataclasses.replace(_sps(coding), sub_layers=layers, nesting=nesting)
        return hevc.header(described, [*coding.sets, *_sets(coding)])


def _sps(coding: Coding) -> hevc_parameter_sets.Sps:
    sps = coding.codec.sequences_of(coding.sets)[0]
    assert isinstance(sps, hevc_parameter_sets.Sps)
    return sps


def _block(sps: hevc_parameter_sets.Sps) -> int | None:
    """The size of blocks that x265 would fill the shown pictures up to the coded ones with."""
    for block in BLOCKS:
        if block <= sps.block and all(
            -(-shown // block) * block == coded for shown, coded in zip(sps.size, sps.coded_size, strict=True)
        ):
            return block
    return None


def _params(coding: Coding, sps: hevc_parameter_sets.Sps) -> str:
    return ":".join(
        [
            # One thread: several stretches are coded at once.
            "log-level=none:info=0:pools=none:frame-threads=1:wpp=0",
            f"min-cu-size={_block(sps)}:ctu={sps.block}:open-gop=0:ref=1",
            f"bframes={coding.bframes}:b-pyramid={int(coding.depth > 1)}",
            coding.quality.options,
        ]
    )


@functools.lru_cache(maxsize=16)
def _number(sets: tuple[bytes, ...], kind: int) -> int:
    """A number for our parameter set of this kind that the source's do not have."""
    taken = {key[1] for unit in sets if (key := Hevc().key(unit)) and key[0] == kind}
    return free(SPS_NUMBERS if kind == hevc_parameter_sets.SPS else PPS_NUMBERS, taken)


def _sets(coding: Coding) -> list[bytes]:
    """The parameter sets of what is encoded."""
    _, units = hevc.configuration(coding.codec.encoder(coding).extradata or b"")
    sequence = _number(coding.sets, hevc_parameter_sets.SPS)
    ours = next(hevc_parameter_sets.parse_sps(unit) for unit in units if hevc.kind(unit) == hevc_parameter_sets.SPS)
    pps = next(unit for unit in units if hevc.kind(unit) == hevc_parameter_sets.PPS)
    sps = _sps(coding)
    buffers = hevc_parameter_sets.Buffers(max(sps.buffers.size, ours.buffers.size), max(sps.reorder, ours.reorder), 0)
    fitted = dataclasses.replace(
        ours, id=sequence, vps_id=sps.vps_id, profile=sps.profile, buffers=buffers, display=sps.display
    )
    return [
        hevc_parameter_sets.write_sps(fitted),
        hevc_parameter_sets.with_pps_ids(pps, _number(coding.sets, hevc_parameter_sets.PPS), sequence),
    ]


def _renumbered(unit: Unit, number: int) -> bytes:
    """A slice of x265 that refers to another picture parameter set than number 0.

    Its number comes after one flag, or two where decoding can start, and is the single bit 1.
    """
    flags = 2 if hevc.is_start(unit) else 1
    rest = unit[2] & (1 << 7 - flags) - 1
    changed = ((unit[2] >> 8 - flags) << 9 | number + 1) << 7 - flags | rest
    head = bytes(unit[:2]) + changed.to_bytes(2, "big")
    return head + nal.guarded(head[-1:] + nal.unguarded(unit[3:]))[1:]
