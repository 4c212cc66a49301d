"""How long a file says it is: the sizes that containers carry in their first bytes."""

from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

HEAD_BYTES = 4096
ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
MATROSKA_SEGMENT = b"\x18\x53\x80\x67"


def declared_size(path: Path) -> int | None:
    """How many bytes the file must have by its own header; None where the header does not say.

    Programs that write into a pipe leave 0 or all bits set in the place of a size: that says nothing.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        for magic, read in (
            (b"RIFF", riff),
            (b"RF64", lambda file, head: declared_end(head[20:28], "little", 8)),
            (b"FORM", lambda file, head: declared_end(head[4:8], "big", 8)),
            (b"riff\x2e\x91\xcf\x11", lambda file, head: declared_end(head[16:24], "little", 0)),
            (b".snd", lambda file, head: declared_end(head[8:12], "big", int.from_bytes(head[4:8]))),
            (b"caff", caf),
            (b"\x30\x26\xb2\x75", asf),
            (b"\x1aE\xdf\xa3", matroska),
        ):
            if head.startswith(magic):
                return read(file, head)
    return None


def declared_end(field: bytes, order: str, before: int) -> int | None:
    """The end of what a size field measures, which starts at byte `before`."""
    size = int.from_bytes(field, "little" if order == "little" else "big")
    return None if size == 0 or size == (1 << 8 * len(field)) - 1 else before + size


def riff(file: BinaryIO, head: bytes) -> int | None:
    """WAV and AVI. A large AVI goes on in further RIFF chunks, so the end is that of the last."""
    end = declared_end(head[4:8], "little", 8)
    while end is not None:
        file.seek(end)
        following = file.read(8)
        further = declared_end(following[4:8], "little", end + 8) if following[:4] == b"RIFF" else None
        if further is None:
            break
        end = further
    return end


def caf(file: BinaryIO, head: bytes) -> int | None:
    """Core Audio: the end of its data chunk."""
    at = 8
    while len(header := seek_read(file, at, 12)) == 12:
        end = declared_end(header[4:12], "big", at + 12)
        if header[:4] == b"data" or end is None or end >> 44:
            return end
        at = end
    return None


def seek_read(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)


def asf(file: BinaryIO, head: bytes) -> int | None:
    """Windows Media: the size among its file properties."""
    at = head.find(ASF_FILE_PROPERTIES)
    return declared_end(head[at + 40 : at + 48], "little", 0) if at >= 0 else None


def asf_length(path: Path) -> Fraction | None:
    """The seconds that a Windows Media file declares, without the lead that players buffer."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    at = head.find(ASF_FILE_PROPERTIES)
    played, lead = (int.from_bytes(head[at + offset : at + offset + 8], "little") for offset in (64, 80))
    seconds = Fraction(played, 10_000_000) - Fraction(lead, 1000)
    return seconds if at >= 0 and seconds > 0 else None


def matroska(file: BinaryIO, head: bytes) -> int | None:
    """The end of the Segment, which follows the EBML header."""
    length, start = vint(head, 4)
    segment = start + (length or 0)
    if head[segment : segment + 4] != MATROSKA_SEGMENT:
        return None
    length, start = vint(head, segment + 4)
    return None if length is None else start + length


def vint(data: bytes, at: int) -> tuple[int | None, int]:
    """EBML's number of variable width: its value, None when all its bits are set (unknown), and where it ends."""
    width = 9 - data[at].bit_length() if at < len(data) and data[at] else 8
    value = int.from_bytes(data[at : at + width]) & ((1 << 7 * width) - 1)
    return (None if value == (1 << 7 * width) - 1 else value), at + width
