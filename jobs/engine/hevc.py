"""What an HEVC bitstream says of itself: its parameter sets, and of each picture how it was coded (H.265, 7.3)."""

import dataclasses
from collections.abc import Iterator

from jobs.engine import nal
from jobs.engine.bits import BitReader, Bits, BitWriter

# Kinds of units. Pictures from BLA_W_LP to CRA are those from which decoding can start.
RADL_N, RASL_R, BLA_W_LP, BLA_N_LP, CRA, LAST_START, LAST_SLICE = 6, 9, 16, 18, 21, 23, 31
VPS, SPS, PPS, SEI, SEI_SUFFIX = 32, 33, 34, 39, 40
# Below it every other kind is of pictures that no other of the same temporal layer refers to.
FIRST_INTRA = 16
# Main, main 10, and the extended ones, which encoders of keyframes alone use.
PROFILES = (1, 2, 4)
EXTENDED_ASPECT = 255
MAX_PICTURE_SETS, MAX_REFERENCES, MAX_LONG_TERM, MAX_BLOCK_BITS = 64, 16, 32, 6
# What a display has to know for as long as the pictures last: mastering display, light level, transfer characteristics.
LASTING_MESSAGES = {137, 144, 147}


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
    order_bits = bits.unsigned() + 4
    picture = bits.since(begin)
    buffers = _read_buffers(bits, sub_layers)
    begin = bits.left
    block = 1 << _at_most(bits.unsigned() + 3 + bits.unsigned(), MAX_BLOCK_BITS)
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
        for _ in range(_at_most(bits.unsigned(), MAX_LONG_TERM)):
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
    for number in range(_at_most(bits.unsigned(), MAX_PICTURE_SETS)):
        if number and bits.flag():
            bits.flag()
            bits.unsigned()
            # A picture is left out of the next set when it is neither used nor kept for later.
            count = sum(bits.flag() or bits.flag() for _ in range(count + 1))
            continue
        count = _at_most(bits.unsigned() + bits.unsigned(), MAX_REFERENCES)
        for _ in range(count):
            bits.unsigned()
            bits.flag()


def _at_most(count: int, limit: int) -> int:
    if count > limit:
        raise ValueError(f"{count} where the format allows {limit}")
    return count


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


def kind(unit: nal.Unit) -> int:
    return unit[0] >> 1 & 63


def is_base(unit: nal.Unit) -> bool:
    """Whether it belongs to the one layer that every decoder shows; others hold a second eye's view, or detail."""
    return len(unit) > 2 and not unit[0] & 1 and not unit[1] >> 3


def is_start(unit: nal.Unit) -> bool:
    """Whether a slice belongs to a picture from which decoding can start."""
    return BLA_W_LP <= kind(unit) <= LAST_START


def leads(unit: nal.Unit) -> bool:
    """Whether a slice belongs to a picture that is shown before the start stored before it."""
    return RADL_N <= kind(unit) <= RASL_R


def drops_earlier(unit: nal.Unit) -> bool:
    """Whether a start tells decoders to drop the pictures before it that they have not shown yet."""
    return unit[2] & 0x40 != 0


def is_reference(unit: nal.Unit, sub_layers: int) -> bool:
    """Whether other pictures may be predicted from this one."""
    return kind(unit) >= FIRST_INTRA or kind(unit) % 2 == 1 or unit[1] & 7 < sub_layers


def lasting_message(unit: nal.Unit) -> int | None:
    """The first message's type when a unit tells nothing but what lasts."""
    if kind(unit) != SEI:
        return None
    payload = nal.unguarded(unit[2:])
    place, types = 0, []
    while place + 2 < len(payload):
        kind_, place = _long_number(payload, place)
        size, place = _long_number(payload, place)
        types.append(kind_)
        place += size
    return types[0] if types and set(types) <= LASTING_MESSAGES else None


def _long_number(payload: bytes, place: int) -> tuple[int, int]:
    """A number in bytes of 255 and a smaller one, and the place after it."""
    end = place
    while end < len(payload) - 1 and payload[end] == 255:
        end += 1
    return sum(payload[place : end + 1]), end + 1


def configuration(extradata: bytes) -> tuple[int, list[bytes]]:
    """Bytes of a unit's length (0: start codes) and the units of a track's header. Raises ValueError."""
    if not extradata or extradata[0] != 1:
        return 0, [bytes(unit) for unit in nal.units(extradata, 0)]
    try:
        return (extradata[21] & 3) + 1, list(_stored_units(extradata))
    except IndexError as error:
        raise ValueError("the track's header is cut off") from error


def _stored_units(extradata: bytes) -> Iterator[bytes]:
    place = 23
    for _ in range(extradata[22]):
        count = extradata[place + 1] << 8 | extradata[place + 2]
        place += 3
        for _ in range(count):
            size = extradata[place] << 8 | extradata[place + 1]
            yield extradata[place + 2 : place + 2 + size]
            place += 2 + size


def header(sps: Sps, units: list[bytes]) -> bytes:
    """A track's header (`hvcC`) with these units, whose profile and layers `sps` tells; lengths take four bytes."""
    value, count = sps.profile
    stored = bytearray(b"\1" + value.to_bytes(count // 8, "big"))
    # Nothing is said of segmentation, parallel decoding and frame rate.
    stored += bytes([0xF0, 0, 0xFC, 0xFC | sps.chroma, *(0xF8 | depth - 8 for depth in sps.depths), 0, 0])
    stored.append(sps.sub_layers << 3 | sps.nesting << 2 | 3)
    kinds = sorted({kind(unit) for unit in units})
    stored.append(len(kinds))
    for number in kinds:
        found = [unit for unit in units if kind(unit) == number]
        # None of them stands in the packets; of messages, some may.
        stored += bytes([(number in (VPS, SPS, PPS)) << 7 | number]) + len(found).to_bytes(2, "big")
        stored += b"".join(len(unit).to_bytes(2, "big") + unit for unit in found)
    return bytes(stored)
