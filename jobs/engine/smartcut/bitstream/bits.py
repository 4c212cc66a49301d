"""Reading and writing the syntax elements of parameter sets and slice headers, by the standards' own descriptors.

u(n), ue(v) and se(v) are those of H.264 (7.2, parsed as in 9.1) and HEVC (7.2, 9.2).
"""

from jobs.engine.smartcut.bitstream import nal

Bits = tuple[int, int]
"""Syntax elements as they stand, unread: their bits as a number, and how many they are."""


MAXIMUM_UNIT_BYTES = 4096
"""Parameter sets stay far below. Reading takes a time that grows with the square of the length."""


class BitReader:
    """Reads the bits of one NAL unit, most significant first. Past its end: zeros. Raises ValueError for a long one.

    What VP9 and AV1 have instead of those has no emulation prevention.
    """

    def __init__(self, unit: bytes, *, has_emulation_prevention: bool = True) -> None:
        at_most(len(unit), MAXIMUM_UNIT_BYTES)
        payload = nal.without_emulation_prevention(unit) if has_emulation_prevention else unit
        self._value = int.from_bytes(payload, "big")
        self.bits_left = 8 * len(payload)

    def u(self, count: int) -> int:
        """u(n): an unsigned integer of so many bits."""
        self.bits_left -= count
        return self._shifted() & ((1 << count) - 1)

    def flag(self) -> bool:
        """u(1)."""
        return self.u(1) == 1

    def ue(self) -> int:
        """ue(v), an Exp-Golomb code: as many zeros as there are bits after the one. Raises ValueError."""
        zeros = 0
        while not self.flag():
            zeros += 1
            if zeros > 31:
                raise ValueError("no number of the bitstream is this long")
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        """se(v): a signed one, whose codes count 0, 1, -1, 2, -2."""
        code = self.ue()
        return -(code >> 1) if code % 2 == 0 else (code + 1) >> 1

    def read_since(self, bits_left: int) -> Bits:
        """What was read since so many bits were left."""
        count = bits_left - self.bits_left
        return self._shifted() & ((1 << count) - 1), count

    def _shifted(self) -> int:
        return self._value >> self.bits_left if self.bits_left >= 0 else self._value << -self.bits_left


def at_most(count: int, limit: int) -> int:
    """The count. Raises ValueError when it is more."""
    if count > limit:
        raise ValueError(f"{count} where the format allows {limit}")
    return count


class BitWriter:
    def __init__(self) -> None:
        self._value = 0
        self._count = 0

    def u(self, value: int, count: int) -> None:
        self._value = self._value << count | value
        self._count += count

    def ue(self, value: int) -> None:
        length = (value + 1).bit_length()
        self.u(value + 1, 2 * length - 1)

    def unit(self) -> bytes:
        """A NAL unit's bits: closed by `rbsp_trailing_bits`, with emulation prevention."""
        return nal.with_emulation_prevention(self.bytes_with_trailing_bits())

    def bytes_with_trailing_bits(self) -> bytes:
        """The bits closed by a one and zeros up to a whole byte."""
        padding = -(self._count + 1) % 8
        return ((self._value << 1 | 1) << padding).to_bytes((self._count + 1 + padding) // 8, "big")
