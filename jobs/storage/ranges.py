"""A file that lies elsewhere, read in ranges: what is asked for, and ahead of who reads on."""

import io
from collections import OrderedDict
from collections.abc import Callable

BLOCK = 128 * 1024
MOST_AHEAD = 8 * 1024**2
KEPT_BLOCKS = 96
"""What stays of what was read, beside the last range: indexes of recordings are read again and again."""


class RangeFile(io.RawIOBase):
    """`read_range(start, end)` gives these bytes, all of them. Who reads on gets twice as much with every range, who
    seeks a block again. It holds 20 MiB at most."""

    def __init__(self, size: int, read_range: Callable[[int, int], bytes]) -> None:
        super().__init__()
        self._size, self._read_range = size, read_range
        self._place = 0
        self._ahead, self._ahead_at = b"", 0
        self._window = BLOCK
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError(22, "a place before the file")
        self._place = base + offset
        return self._place

    def read(self, size: int = -1) -> bytes:
        end = self._size if size is None or size < 0 else min(self._size, self._place + size)
        parts: list[bytes] = []
        while self._place < end:
            parts.append(self._piece(end))
            self._place += len(parts[-1])
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def _piece(self, end: int) -> bytes:
        """Some of the bytes from here to `end`."""
        at = self._place - self._ahead_at
        if not 0 <= at < len(self._ahead):
            number = self._place // BLOCK
            if number in self._kept:
                self._kept.move_to_end(number)
                block = self._kept[number]
                return block[self._place % BLOCK :][: end - self._place]
            self._bring(end)
            at = self._place - self._ahead_at
        return self._ahead[at : at + end - self._place]

    def _bring(self, end: int) -> None:
        goes_on = self._place == self._ahead_at + len(self._ahead) and self._ahead
        self._window = min(self._window * 2, MOST_AHEAD) if goes_on else BLOCK
        start = self._place // BLOCK * BLOCK
        length = max(self._window, min(end - start, MOST_AHEAD))
        stop = min(self._size, start + -(-length // BLOCK) * BLOCK)  # whole blocks, but for the last of the file
        self._keep()
        self._ahead, self._ahead_at = self._read_range(start, stop), start
        if len(self._ahead) != stop - start:
            raise OSError(5, f"{len(self._ahead)} bytes came of {stop - start}")

    def _keep(self) -> None:
        """Remember the first blocks of what goes: of long ranges somebody reads once, not all is worth it."""
        if len(self._ahead) > 4 * BLOCK:
            return
        for offset in range(0, len(self._ahead), BLOCK):
            self._kept[(self._ahead_at + offset) // BLOCK] = self._ahead[offset : offset + BLOCK]
        while len(self._kept) > KEPT_BLOCKS:
            self._kept.popitem(last=False)
