"""Whether a recording is encrypted: what the containers say of it, for nobody can work on what needs a key."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from jobs.engine.probe import declared_size, mp4_boxes
from jobs.errors import InputError

ENCRYPTED_SAMPLE_ENTRIES = {"encv", "enca", "encs", "enct", "drmi", "drms", "p608"}
"""What MP4 calls encrypted tracks: by Common Encryption, and by iTunes."""
ASF_ENCRYPTION = (
    bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e"),
    bytes.fromhex("14e68a292226174cb935dae07ee9289c"),
)
"""Content Encryption Object and Extended Content Encryption Object."""
# Matroska's elements on the way to ContentEncryption.
ENCRYPTION_PATH = (b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b", b"\xae", b"\x6d\x80", b"\x62\x40", b"\x50\x35")
MAXIMUM_ELEMENTS = 10_000
HEAD_BYTES = 1 << 16
TS_PACKET, TS_SYNC = 188, 0x47
SCRAMBLING_CONTROL = 0xC0
"""The bits of a packet's fourth byte that say so."""


def refuse(path: Path, family: str) -> None:
    """Raise InputError (`encrypted`) when a file, opened as `family` of demuxers, is encrypted."""
    if is_encrypted(path, family):
        raise InputError(
            "This recording is encrypted (copy-protected), and cannot be played without its key. Upload one that is "
            "not.",
            detail=os.fspath(path),
            code="encrypted",
        )


def is_encrypted(path: Path, family: str) -> bool:
    if family == "mov":
        return any(ENCRYPTED_SAMPLE_ENTRIES & entries for entries in mp4_boxes.sample_entries(path).values())
    with path.open("rb") as file:
        if family == "matroska":
            return any(True for _ in elements(file, 0, path.stat().st_size, ENCRYPTION_PATH))
        head = file.read(HEAD_BYTES)
    if family == "asf":
        return any(mark in head for mark in ASF_ENCRYPTION)
    return family == "mpegts" and is_scrambled(head)


def elements(file: BinaryIO, start: int, end: int, element_path: tuple[bytes, ...]) -> Iterator[int]:
    """Where the elements of Matroska that lie at the end of a way of parents begin."""
    for _ in range(MAXIMUM_ELEMENTS):
        head = declared_size.seek_read(file, start, 12)
        if start >= end or len(head) < 2 or not head[0]:
            return
        width = 9 - head[0].bit_length()
        length, begins = declared_size.vint(head, width)
        stop = end if length is None else min(end, start + begins + length)
        if head[:width] == element_path[0] and len(element_path) == 1:
            yield start
        elif head[:width] == element_path[0]:
            yield from elements(file, start + begins, stop, element_path[1:])
            if element_path[0] in ENCRYPTION_PATH[:2]:
                # There is one of them; what follows is the recording itself.
                return
        start = stop


def is_scrambled(head: bytes) -> bool:
    """Whether most packets of a transport stream are; its tables never are."""
    packets = [head[offset : offset + 4] for offset in range(0, len(head) - 4, TS_PACKET)]
    marked = [packet[3] & SCRAMBLING_CONTROL != 0 for packet in packets if packet[0] == TS_SYNC]
    return sum(marked) * 2 > max(1, len(marked))
