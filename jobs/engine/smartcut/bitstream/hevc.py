"""What an HEVC bitstream says of each picture, and how a track's header keeps what it says of all (H.265, 7.3.1)."""

from collections.abc import Iterator

from jobs.engine.smartcut.bitstream import nal
from jobs.engine.smartcut.bitstream.bits import BitReader
from jobs.engine.smartcut.bitstream.hevc_parameter_sets import PPS, SPS, VPS, Sps

# Kinds of units. Pictures from BLA_W_LP to CRA are those from which decoding can start.
RADL_N, RASL_R, BLA_W_LP, BLA_N_LP, CRA, LAST_START, LAST_SLICE = 6, 9, 16, 18, 21, 23, 31
SEI, SEI_SUFFIX = 39, 40
# Below it every other kind is of pictures that no other of the same temporal layer refers to.
FIRST_INTRA = 16
# What a display has to know for as long as the pictures last: mastering display, light level, transfer characteristics.
LASTING_MESSAGES = {137, 144, 147}


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


def pps_of(unit: nal.Unit) -> int:
    """Number of the picture parameter set that a slice was coded with. Raises ValueError."""
    bits = BitReader(bytes(unit[:16]))
    # What begins a picture is told first, and of those where decoding can start whether they drop earlier ones.
    bits.bits(18 if is_start(unit) else 17)
    return bits.unsigned()


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
            if size:
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
