"""The parameter sets of an HEVC bitstream: read, and written under other numbers (H.265, 7.3.2)."""

import dataclasses

from jobs.engine.smartcut.bitstream.bits import BitReader, Bits, BitWriter, at_most

# Kinds of units: of all layers, of a sequence of pictures, of single ones.
VPS, SPS, PPS = 32, 33, 34
# Main, main 10, and the extended ones, which encoders of keyframes alone use.
PROFILES = (1, 2, 4)
EXTENDED_ASPECT = 255
MAX_PICTURE_SETS, MAX_REFERENCES, MAX_LONG_TERM, MAX_BLOCK_BITS, MAX_ORDER_BITS = 64, 16, 32, 6, 16


@dataclasses.dataclass(frozen=True)
class Buffers:
    """What a decoder has to hold. `size` is pictures, the present one left out; `latency` is 0 without a limit."""

    size: int
    reorder: int
    latency: int


@dataclasses.dataclass(frozen=True)
class Sps:
    """A sequence parameter set. Pieces that need no understanding are kept as they stand, for `write_sps`.

    `profile` is all that is said of profile, tier and level, `picture` what the pictures are, `tools` how they are
    coded, and `display` what colours and pixels mean.
    """

    id: int
    vps_id: int
    sub_layers: int
    nesting: bool
    profile: Bits
    chroma: int
    depths: tuple[int, int]
    coded_size: tuple[int, int]
    window: tuple[int, int, int, int]
    """Left, right, top, bottom, in chroma samples."""
    block: int
    """Width of the largest blocks that pictures are coded in, in pixels."""
    buffers: Buffers
    picture: Bits
    tools: Bits
    display: Bits = (0, 4)
    full_range: bool = False
    fields: bool = False

    @property
    def reorder(self) -> int:
        return self.buffers.reorder

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of what is shown, for 4:2:0."""
        left, right, top, bottom = self.window
        width, height = self.coded_size
        return width - 2 * (left + right), height - 2 * (top + bottom)

    def fits(self, other: "Sps") -> bool:
        """Whether decoders go from pictures of one to those of the other without setting up anew."""
        same = ("vps_id", "profile", "chroma", "depths", "coded_size", "window", "reorder", "display")
        return all(getattr(self, name) == getattr(other, name) for name in same)

    @property
    def profile_number(self) -> int:
        return self.profile[0] >> 88 & 31

    @property
    def interlaced(self) -> bool:
        """Whether pictures are fields, or frames that were woven of two."""
        progressive, woven = self.profile[0] >> 55 & 1, self.profile[0] >> 54 & 1
        return self.fields or (woven == 1 and not progressive)


def parse_sps(unit: bytes) -> Sps:
    """Read a sequence parameter set, its header bytes included. Raises ValueError."""
    bits = BitReader(unit)
    bits.bits(16)
    vps_id, sub_layers, nesting = bits.bits(4), bits.bits(3) + 1, bits.flag()
    profile = (bits.bits(96), 96)
    _skip_sub_layers(bits, sub_layers)
    number = bits.unsigned()
    begin = bits.left
    chroma = bits.unsigned()
    if chroma == 3:
        bits.flag()
    size = bits.unsigned(), bits.unsigned()
    left, right, top, bottom = (bits.unsigned() for _ in range(4)) if bits.flag() else (0, 0, 0, 0)
    depths = bits.unsigned() + 8, bits.unsigned() + 8
    order_bits = at_most(bits.unsigned() + 4, MAX_ORDER_BITS)
    picture = bits.since(begin)
    buffers = _read_buffers(bits, sub_layers)
    begin = bits.left
    block = 1 << at_most(bits.unsigned() + 3 + bits.unsigned(), MAX_BLOCK_BITS)
    _skip_tools(bits, order_bits)
    sps = Sps(
        id=number,
        vps_id=vps_id,
        sub_layers=sub_layers,
        nesting=nesting,
        profile=profile,
        chroma=chroma,
        depths=depths,
        coded_size=size,
        window=(left, right, top, bottom),
        block=block,
        buffers=buffers,
        picture=picture,
        tools=bits.since(begin),
    )
    return _read_display(bits, sps) if bits.flag() else sps


def _skip_sub_layers(bits: BitReader, count: int) -> None:
    """Profiles and levels of the temporal layers below the highest."""
    told = [(bits.flag(), bits.flag()) for _ in range(count - 1)]
    if told:
        bits.bits(2 * (9 - count))
    for has_profile, has_level in told:
        bits.bits(88 * has_profile + 8 * has_level)


def _read_buffers(bits: BitReader, sub_layers: int) -> Buffers:
    """Those of the highest temporal layer."""
    each = bits.flag()
    told = [Buffers(bits.unsigned(), bits.unsigned(), bits.unsigned()) for _ in range(sub_layers if each else 1)]
    return told[-1]


def _skip_tools(bits: BitReader, order_bits: int) -> None:
    for _ in range(4):
        bits.unsigned()
    if bits.flag() and bits.flag():
        _skip_scaling(bits)
    bits.bits(2)
    if bits.flag():
        bits.bits(8)
        bits.unsigned()
        bits.unsigned()
        bits.flag()
    _skip_picture_sets(bits)
    if bits.flag():
        for _ in range(at_most(bits.unsigned(), MAX_LONG_TERM)):
            bits.bits(order_bits + 1)
    bits.bits(2)


def _skip_scaling(bits: BitReader) -> None:
    for size in range(4):
        for _ in range(0, 6, 3 if size == 3 else 1):
            if not bits.flag():
                bits.unsigned()
                continue
            if size > 1:
                bits.signed()
            for _ in range(min(64, 16 << 2 * size)):
                bits.signed()


def _skip_picture_sets(bits: BitReader) -> None:
    """Sets of pictures that slices can refer to, each told by itself or by what differs from the one before."""
    count = 0
    for number in range(at_most(bits.unsigned(), MAX_PICTURE_SETS)):
        if number and bits.flag():
            bits.flag()
            bits.unsigned()
            # A picture is left out of the next set when it is neither used nor kept for later.
            count = sum(bits.flag() or bits.flag() for _ in range(count + 1))
            continue
        count = at_most(bits.unsigned() + bits.unsigned(), MAX_REFERENCES)
        for _ in range(count):
            bits.unsigned()
            bits.flag()


def _read_display(bits: BitReader, sps: Sps) -> Sps:
    """Add what the optional part for displays tells."""
    begin = bits.left
    if bits.flag() and bits.bits(8) == EXTENDED_ASPECT:
        bits.bits(32)
    if bits.flag():
        bits.flag()
    full_range = False
    if bits.flag():
        bits.bits(3)
        full_range = bits.flag()
        if bits.flag():
            bits.bits(24)
    if bits.flag():
        bits.unsigned()
        bits.unsigned()
    display = bits.since(begin)
    bits.flag()
    return dataclasses.replace(sps, display=display, full_range=full_range, fields=bits.flag())


def write_sps(sps: Sps) -> bytes:
    """A parameter set for one temporal layer, without the parts that no decoder needs to show pictures."""
    bits = BitWriter()
    bits.bits(SPS << 9 | 1, 16)
    bits.bits(sps.vps_id, 4)
    bits.bits(0, 3)
    # One layer alone is always nested.
    bits.bits(1, 1)
    bits.bits(*sps.profile)
    bits.unsigned(sps.id)
    bits.bits(*sps.picture)
    bits.bits(1, 1)
    for number in dataclasses.astuple(sps.buffers):
        bits.unsigned(number)
    bits.bits(*sps.tools)
    bits.bits(1, 1)
    bits.bits(*sps.display)
    # Neither neutral colour, fields, window, timing, restrictions nor extensions.
    bits.bits(0, 7)
    return bits.unit()


def pps_ids(unit: bytes) -> tuple[int, int]:
    """Of a picture parameter set: its own number and that of the sequence's. Raises ValueError."""
    bits = BitReader(unit[:16])
    bits.bits(16)
    return bits.unsigned(), bits.unsigned()


def with_pps_ids(unit: bytes, number: int, sequence: int) -> bytes:
    """A picture parameter set under another number, for another sequence's. Raises ValueError."""
    bits, writer = BitReader(unit), BitWriter()
    writer.bits(bits.bits(16), 16)
    bits.unsigned()
    bits.unsigned()
    writer.unsigned(number)
    writer.unsigned(sequence)
    # The one that closes it and the zeros behind are written anew.
    count = bits.left
    rest = bits.bits(count)
    closing = (rest & -rest).bit_length()
    writer.bits(rest >> closing, count - closing)
    return writer.unit()
