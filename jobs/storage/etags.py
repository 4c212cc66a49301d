"""What a bucket calls some bytes: their MD5, or for what came in parts the MD5 of the parts' MD5s and their number."""

import hashlib
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

WHOLE = re.compile("[0-9a-f]{32}")
FORM = re.compile(r"([0-9a-f]{32})(?:-(\d+))?")
THREADS = 2
MOST_PARTS = 10_000


def fits(file: Path, etag: str, part_bytes: int) -> bool:
    """Whether a file sent in parts of this size is what the bucket has. True also for a name of another form, which
    tells nothing."""
    match = FORM.fullmatch(etag.strip('"'))
    if not match:
        return True
    whole, count = match.groups()
    if count is None:
        with file.open("rb") as source:
            return hashlib.file_digest(source, "md5").hexdigest() == whole
    size = file.stat().st_size
    length = adjusted(size, part_bytes)
    if -(-size // length) != int(count):  # it came in other parts
        return True
    with ThreadPoolExecutor(THREADS) as pool:
        parts = pool.map(lambda start: _md5(file, start, length), range(0, size, length))
        return hashlib.md5(b"".join(parts), usedforsecurity=False).hexdigest() == whole


def of(body: bytes) -> str:
    """What a bucket calls these bytes."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def of_parts(etags: Sequence[str]) -> str:
    """What it calls an object of parts that it calls so; "" where these names tell nothing of their bytes."""
    named = [etag.strip('"') for etag in etags]
    if not named or not all(map(WHOLE.fullmatch, named)):
        return ""
    return f"{of(b''.join(map(bytes.fromhex, named)))}-{len(named)}"


def adjusted(size: int, part_bytes: int) -> int:
    """The size of parts as s3transfer chooses it, of which there may be 10 000."""
    while -(-size // part_bytes) > MOST_PARTS:
        part_bytes *= 2
    return part_bytes


def _md5(file: Path, start: int, length: int) -> bytes:
    found = hashlib.md5(usedforsecurity=False)
    with file.open("rb") as source:
        source.seek(start)
        while length and (block := source.read(min(length, 1 << 20))):
            found.update(block)
            length -= len(block)
    return found.digest()
