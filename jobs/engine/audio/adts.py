"""AAC as ADTS carries it (ISO/IEC 13818-7, 6.2): each packet behind a header that says how to decode it."""

import dataclasses
import zlib

import numpy as np
from numpy.typing import NDArray

HEADER_BYTES, CHECKSUM_BYTES = 7, 2


@dataclasses.dataclass(frozen=True)
class AdtsPacket:
    """`kind` is what all packets of a track have in common, `payload` what MP4 and Matroska store of it."""

    kind: tuple[int, ...]
    payload: bytes


def parsed(packet: bytes) -> AdtsPacket | None:
    """A packet with one block of audio, in channels that its header tells; None for anything else."""
    if len(packet) <= HEADER_BYTES:
        return None
    bits = int.from_bytes(packet[:HEADER_BYTES])
    sync, layer, channels = bits >> 44, bits >> 41 & 3, bits >> 30 & 7
    length, more_blocks = bits >> 13 & 0x1FFF, bits & 3
    if sync != 0xFFF or layer or not channels or length != len(packet) or more_blocks:
        return None
    has_checksum = not bits >> 40 & 1
    # Version, profile, rate and channels; not the private bit.
    kind = bits >> 43 & 1, bits >> 34 & 0x3F, channels
    return AdtsPacket(kind, packet[HEADER_BYTES + CHECKSUM_BYTES * has_checksum :])


class PayloadSurvey:
    """Checksums of the payloads of packets in a row."""

    def __init__(self) -> None:
        self._kind: tuple[int, ...] | None = None
        self._sums: list[int] = []

    def add(self, packet: bytes) -> bool:
        """Whether it is a packet of the kind of those before it."""
        found = parsed(packet)
        if found is None or self._kind not in (None, found.kind):
            return False
        self._kind = found.kind
        self._sums.append(zlib.crc32(found.payload))
        return True

    @property
    def sums(self) -> NDArray[np.uint32]:
        return np.array(self._sums, np.uint32)
