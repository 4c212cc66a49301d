"""Reading and writing the bits of parameter sets and slice headers."""

from jobs.engine.smartcut.bitstream import nal

Bits = tuple[int, int]
"""A piece of a bitstream as it stands: its bits as a number, and how many they are."""


LONGEST = 4096
"""Bytes that parameter sets stay far below. Reading takes a time that grows with the square of the length."""


class BitReader:
    """Reads the bits of one NAL unit, most significant first. Past its end: zeros. Raises ValueError for a long one."""

    def __init__(self, unit: bytes) -> None:
        at_most(len(unit), LONGEST)
        payload = nal.unguarded(unit)
        self._value = int.from_bytes(payload, "big")
        self.left = 8 * len(payload)

    def bits(self, count: int) -> int:
        self.left -= count
        shifted = self._value >> self.left if self.left >= 0 else self._value << -self.left
        return shifted & ((1 << count) - 1)

    def since(self, left: int) -> Bits:
        """What was read since so many bits were left."""
        count = left - self.left
        return (self._value >> self.left if self.left >= 0 else self._value << -self.left) & ((1 << count) - 1), count

    def flag(self) -> bool:
        return self.bits(1) == 1

    def unsigned(self) -> int:
        """An Exp-Golomb number: as many zeros as there are bits after the one. Raises ValueError."""
        zeros = 0
        while not self.flag():
            zeros += 1
            if zeros > 31:
                raise ValueError("no number of the bitstream is this long")
        return (1 << zeros) - 1 + self.bits(zeros)

    def signed(self) -> int:
        number = self.unsigned()
        return -(number >> 1) if number % 2 == 0 else (number + 1) >> 1


def at_most(count: int, limit: int) -> int:
    """The count. Raises ValueError when it is more."""
    if count > limit:
        raise ValueError(f"{count} where the format allows {limit}")
    return count


class BitWriter:
    def __init__(self) -> None:
        self._value = 0
        self._count = 0

    def bits(self, value: int, count: int) -> None:
        self._value = self._value << count | value
        self._count += count

    def unsigned(self, value: int) -> None:
        length = (value + 1).bit_length()
        self.bits(value + 1, 2 * length - 1)

    def unit(self) -> bytes:
        """The bits closed by a one, in whole bytes, guarded against start codes."""
        padding = -(self._count + 1) % 8
        data = ((self._value << 1 | 1) << padding).to_bytes((self._count + 1 + padding) // 8, "big")
        return nal.guarded(data)
