"""What an H.264 bitstream says of itself: its parameter sets, and of each picture how it was coded."""

import dataclasses
from collections.abc import Iterator

from jobs.engine.smartcut.bitstream import nal
from jobs.engine.smartcut.bitstream.bits import BitReader, BitWriter, at_most

SLICE, IDR_SLICE, SEI, SPS, PPS = 1, 5, 6, 7, 8
PICTURE_UNITS = (SLICE, IDR_SLICE)
# Baseline, main and high: eight bits and 4:2:0 only.
PROFILES = {66: "baseline", 77: "main", 100: "high"}
# Those whose parameter sets say which colour format and depth they have.
HIGH_PROFILES = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)
EXTENDED_ASPECT = 255
MAX_NUMBER_BITS = 16
"""Of what counts pictures."""


@dataclasses.dataclass(frozen=True)
class Sps:
    """A sequence parameter set. `reorder` and `buffering` are None where it leaves them open; colours are H.273's."""

    id: int
    profile: int
    constraints: int
    level: int
    is_420: bool
    macroblocks: tuple[int, int]
    max_refs: int
    frame_number_bits: int
    order_type: int
    order_bits: int
    has_order_deltas: bool
    progressive: bool
    separate_planes: bool
    crop: tuple[int, int, int, int]
    """Left, right, top, bottom, in chroma samples."""
    full_range: bool = False
    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    reorder: int | None = None
    buffering: int | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of what is shown, for 4:2:0."""
        left, right, top, bottom = self.crop
        width, height = self.macroblocks
        return 16 * width - 2 * (left + right), 16 * height - 2 * (top + bottom)

    def fits(self, other: "Sps") -> bool:
        """Whether decoders go from pictures of one to those of the other without setting up anew."""
        same = ("profile", "level", "macroblocks", "crop", "full_range", "primaries", "transfer", "matrix")
        buffers = ((self.reorder, other.reorder), (self.buffering, other.buffering))
        return (
            all(getattr(self, name) == getattr(other, name) for name in same)
            # Encoders of keyframes alone ask for none; x264 has one all the same.
            and max(1, self.max_refs) == max(1, other.max_refs)
            and all(ours == theirs or None in (ours, theirs) for ours, theirs in buffers)
        )


def parse_sps(unit: bytes) -> Sps:
    """Read a sequence parameter set, its header byte included. Raises ValueError."""
    return _read_sps(BitReader(unit))


def _read_sps(bits: BitReader) -> Sps:
    bits.bits(8)
    profile, constraints, level = bits.bits(8), bits.bits(8), bits.bits(8)
    number = bits.unsigned()
    is_420, separate_planes = True, False
    if profile in HIGH_PROFILES:
        is_420, separate_planes = _read_format(bits)
    frame_number_bits = at_most(bits.unsigned() + 4, MAX_NUMBER_BITS)
    order_type, order_bits, has_order_deltas = _read_order(bits)
    max_refs = bits.unsigned()
    bits.flag()
    width, height = bits.unsigned() + 1, bits.unsigned() + 1
    progressive = bits.flag()
    if not progressive:
        bits.flag()
    bits.flag()
    left, right, top, bottom = (bits.unsigned() for _ in range(4)) if bits.flag() else (0, 0, 0, 0)
    plain = Sps(
        id=number,
        profile=profile,
        constraints=constraints,
        level=level,
        is_420=is_420,
        macroblocks=(width, height),
        max_refs=max_refs,
        frame_number_bits=frame_number_bits,
        order_type=order_type,
        order_bits=order_bits,
        has_order_deltas=has_order_deltas,
        progressive=progressive,
        separate_planes=separate_planes,
        crop=(left, right, top, bottom),
    )
    return _read_vui(bits, plain) if bits.flag() else plain


def _read_format(bits: BitReader) -> tuple[bool, bool]:
    """Whether it is 4:2:0 with eight bits, and whether each colour is coded by itself."""
    chroma = bits.unsigned()
    separate = chroma == 3 and bits.flag()
    depths = bits.unsigned(), bits.unsigned()
    bits.flag()
    if bits.flag():
        for matrix in range(8 if chroma != 3 else 12):
            if bits.flag():
                _skip_scaling(bits, 16 if matrix < 6 else 64)
    return (chroma, *depths) == (1, 0, 0), separate


def _skip_scaling(bits: BitReader, count: int) -> None:
    last = following = 8
    for _ in range(count):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _read_order(bits: BitReader) -> tuple[int, int, bool]:
    """How slices tell the order of showing: the type, a number's bits (type 0), whether they add to it (type 1)."""
    kind = bits.unsigned()
    if kind == 0:
        return kind, at_most(bits.unsigned() + 4, MAX_NUMBER_BITS), False
    if kind == 1:
        always_zero = bits.flag()
        bits.signed()
        bits.signed()
        for _ in range(bits.unsigned()):
            bits.signed()
        return kind, 0, not always_zero
    return kind, 0, False


def _read_vui(bits: BitReader, sps: Sps) -> Sps:
    """Add what the optional part for displays tells."""
    if bits.flag() and bits.bits(8) == EXTENDED_ASPECT:
        bits.bits(32)
    if bits.flag():
        bits.flag()
    if bits.flag():
        bits.bits(3)
        sps = dataclasses.replace(sps, full_range=bits.flag())
        if bits.flag():
            sps = dataclasses.replace(sps, primaries=bits.bits(8), transfer=bits.bits(8), matrix=bits.bits(8))
    if bits.flag():
        bits.unsigned()
        bits.unsigned()
    if bits.flag():
        bits.bits(65)
    if _skip_buffers(bits):
        bits.flag()
    bits.flag()
    return _read_restriction(bits, sps) if bits.flag() else sps


def _skip_buffers(bits: BitReader) -> bool:
    """Whether there was any."""
    found = False
    for _ in range(2):
        if bits.flag():
            found = True
            _skip_buffer(bits)
    return found


def _skip_buffer(bits: BitReader) -> None:
    count = bits.unsigned() + 1
    bits.bits(8)
    for _ in range(count):
        bits.unsigned()
        bits.unsigned()
        bits.flag()
    bits.bits(20)


def _read_restriction(bits: BitReader, sps: Sps) -> Sps:
    bits.flag()
    for _ in range(4):
        bits.unsigned()
    return dataclasses.replace(sps, reorder=bits.unsigned(), buffering=bits.unsigned())


def with_buffers(unit: bytes, reorder: int, buffering: int) -> bytes:
    """An encoder's parameter set with these two numbers, which stand at its end, in place of its own.

    Raises ValueError when it has none.
    """
    probe = BitReader(unit)
    if _read_sps(probe).reorder is None:
        raise ValueError("the parameter set says nothing of its buffers")
    whole = BitReader(unit)
    bits, writer = whole.left, BitWriter()
    old = _read_sps(BitReader(unit))
    assert old.reorder is not None and old.buffering is not None
    tail = sum(2 * (number + 1).bit_length() - 1 for number in (old.reorder, old.buffering))
    kept = bits - probe.left - tail
    writer.bits(whole.bits(kept), kept)
    writer.unsigned(reorder)
    writer.unsigned(buffering)
    return writer.unit()


def pps_ids(unit: bytes) -> tuple[int, int]:
    """Of a picture parameter set: its own number and that of the sequence's. Raises ValueError."""
    bits = BitReader(unit[:16])
    bits.bits(8)
    return bits.unsigned(), bits.unsigned()


def pps_of(unit: nal.Unit) -> int:
    """Number of the picture parameter set that a slice was coded with. Raises ValueError."""
    bits = BitReader(bytes(unit[:24]))
    bits.bits(8)
    for _ in range(2):
        bits.unsigned()
    return bits.unsigned()


def drops_earlier(unit: bytes, sps: Sps) -> bool:
    """Whether an IDR slice tells decoders to drop the pictures before it that they have not shown yet."""
    bits = BitReader(unit[:40])
    bits.bits(8)
    for _ in range(3):
        bits.unsigned()
    bits.bits(2 * sps.separate_planes + sps.frame_number_bits)
    bits.unsigned()
    # Picture parameter sets may add fields here; they are not met with in practice, and reading too little of one
    # only has the picture encoded instead of copied.
    bits.bits(sps.order_bits)
    if sps.has_order_deltas:
        bits.signed()
    return bits.flag()


def kind(unit: nal.Unit) -> int:
    return unit[0] & 31


def is_reference(unit: nal.Unit) -> bool:
    """Whether other pictures may be predicted from this one."""
    return unit[0] & 0x60 != 0


def configuration(extradata: bytes) -> tuple[int, list[bytes]]:
    """Bytes of a unit's length (0: start codes) and the parameter sets of a track's header. Raises ValueError."""
    if not extradata or extradata[0] != 1:
        return 0, [bytes(unit) for unit in nal.units(extradata, 0)]
    try:
        return (extradata[4] & 3) + 1, list(_stored_sets(extradata))
    except IndexError as error:
        raise ValueError("the track's header is cut off") from error


def _stored_sets(extradata: bytes) -> Iterator[bytes]:
    place = 5
    for mask in (0x1F, 0xFF):
        count = extradata[place] & mask
        place += 1
        for _ in range(count):
            size = extradata[place] << 8 | extradata[place + 1]
            if size:
                yield extradata[place + 2 : place + 2 + size]
            place += 2 + size


def header(sps_units: list[bytes], pps_units: list[bytes]) -> bytes:
    """A track's header (`avcC`) for these sets; lengths take four bytes."""
    parsed = [parse_sps(unit) for unit in sps_units]
    profile = max(sps.profile for sps in parsed)
    constraints = 0xFF
    for sps in parsed:
        constraints &= sps.constraints
    stored = bytes([1, profile, constraints, max(sps.level for sps in parsed), 0xFF, 0xE0 | len(sps_units)])
    stored += b"".join(len(unit).to_bytes(2, "big") + unit for unit in sps_units)
    stored += bytes([len(pps_units)]) + b"".join(len(unit).to_bytes(2, "big") + unit for unit in pps_units)
    # 4:2:0, eight bits each.
    return stored + (bytes([0xFD, 0xF8, 0xF8, 0]) if profile in HIGH_PROFILES else b"")
