"""Reading and writing the bits of H.264 parameter sets and slice headers."""


class BitReader:
    """Reads the bits of one NAL unit, most significant first. Past its end: zeros."""

    def __init__(self, unit: bytes) -> None:
        # An encoder puts a 3 between two zeros and a small byte, so that no start code can appear by chance.
        payload = unit.replace(b"\0\0\3", b"\0\0")
        self._value = int.from_bytes(payload, "big")
        self.left = 8 * len(payload)

    def bits(self, count: int) -> int:
        self.left -= count
        shifted = self._value >> self.left if self.left >= 0 else self._value << -self.left
        return shifted & ((1 << count) - 1)

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
        guarded = bytearray()
        for byte in data:
            if byte <= 3 and guarded[-2:] == b"\0\0":
                guarded.append(3)
            guarded.append(byte)
        return bytes(guarded)
