"""Fetching results: parts of them from where an earlier attempt was ended, checked by hash, over no other file."""

import hashlib
import itertools
import os
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path, PurePath

import requests

from videoservice.client.api import Api, Json
from videoservice.client.failures import Failure, Unreachable

BLOCK = 1 << 20
ATTEMPTS = 6
NAME_BYTES, PART_NAME_BYTES, SUFFIX_BYTES = 200, 80, 20
"""How long names may be. File systems take 255 bytes, and " (2)" or ".part" comes behind."""
FORBIDDEN = re.compile(
    r'[\x00-\x1f\x7f-\x9f<>:"|?*]'  # control characters, and what Windows keeps for itself
    "|[\u2028\u2029\u202a-\u202e\u2066-\u2069]"  # ends of lines, and what shows a name the other way round
    "|[\ud800-\udfff]"  # halves of characters
)
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
"""Names that are no files on Windows."""
Told = Callable[[int], None]
Identity = tuple[int, int]
"""Which file it is, whatever it is called."""


def fetch(
    api: Api, source: Json, folder: Path, told: Told, *, force: bool = False, kept: Collection[Identity] = ()
) -> tuple[Path, bool]:
    """Save a file of the site (id, name, size, url) into a folder. Returns where it lies, and whether it was fetched:
    False when the very same file lay there already.

    Another file of that name stays, and this one is called "name (2)"; with `force` it goes, unless it is one of
    `kept`. Raises Failure when what came is not what the site has.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / safe(source["name"])
    part = folder / f".{shortened(target.name, PART_NAME_BYTES)}.{safe(source['id'])[:8]}.part"
    digest = known_hash(api, source)
    if there := same(occupied(target, kept if force else None), source["size"], digest):
        return there, False
    failures = 0
    while True:
        before = size_of(part)
        try:
            append(api, source, part, told)
            break
        except Unreachable:
            failures = 0 if size_of(part) > before else failures + 1
            if failures >= ATTEMPTS:
                raise
            time.sleep(min(30, 2**failures / 2))
    check(part, source, digest)
    return publish(part, target, kept if force else None), True


def append(api: Api, source: Json, part: Path, told: Told) -> None:
    """Fetch what is missing of a part. Raises Unreachable when the line breaks."""
    have = size_of(part)
    if have > source["size"]:
        part.unlink()
        have = 0
    if have == source["size"]:
        part.touch()
        return
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    # Elsewhere, as with storage of its own, the address leads on.
    with api.send("GET", source["url"], headers=headers, stream=True, allow_redirects=True) as response:
        mode = "ab" if response.status_code == 206 else "wb"
        with part.open(mode) as file:
            try:
                for block in response.iter_content(BLOCK):
                    file.write(block)
                    told(file.tell())
            except requests.RequestException as error:
                raise Unreachable(f"The line to {api.site.url} broke. The same command goes on.") from error
    if size_of(part) < source["size"]:
        raise Unreachable(f"The line to {api.site.url} broke. The same command goes on.")


def known_hash(api: Api, source: Json) -> str:
    """The SHA-256 that the site says the bytes have; "" where it says none."""
    if digest := source.get("sha256"):
        return str(digest)
    response = api.send("HEAD", source["url"], allow_redirects=True)
    tag = response.headers.get("ETag", "").strip('"')
    return tag if re.fullmatch(r"[0-9a-f]{64}", tag) else ""


def check(part: Path, source: Json, digest: str) -> None:
    if size_of(part) == source["size"] and digest in ("", sha256(part)):
        return
    part.unlink()
    raise Failure(f"{source['name']} came damaged, and was not kept. Try again.", "damaged")


def same(targets: Iterable[Path], size: int, digest: str) -> Path | None:
    """The one that is already there with these very bytes."""
    if not digest:
        return None
    return next((path for path in targets if path.is_file() and size_of(path) == size and sha256(path) == digest), None)


def occupied(target: Path, kept: Collection[Identity] | None) -> list[Path]:
    """The names under which a file may lie already, and last the one that it may get: the first that is free, or where
    `kept` tells what must stay, the first that is not of these."""
    found = []
    for path in numbered(target):
        found.append(path)
        there = identity(path)
        if there is None or (kept is not None and there not in kept):
            return found
    raise AssertionError("numbers do not end")


def numbered(target: Path) -> Iterator[Path]:
    yield target
    for number in itertools.count(2):
        yield target.with_name(f"{target.stem} ({number}){target.suffix}")


def identity(path: Path) -> Identity | None:
    """None for a name that nothing has."""
    try:
        stat = path.lstat()
    except FileNotFoundError:
        return None
    return stat.st_dev, stat.st_ino


def publish(part: Path, target: Path, kept: Collection[Identity] | None) -> Path:
    """Give a whole file its name, or the next one that it may get."""
    while True:
        path = occupied(target, kept)[-1]
        if kept is not None:
            return part.replace(path)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            continue  # somebody was quicker
        return part.replace(path)


def safe(name: str) -> str:
    """A name from the site as one of a file that lies in this folder and is seen there, on any system and whatever the
    site says."""
    plain = PurePath(name.replace("\\", "/")).name
    plain = FORBIDDEN.sub("_", plain).strip().lstrip(". ").rstrip(". ")
    if DEVICES.match(plain):
        plain = f"_{plain}"
    return shortened(plain, NAME_BYTES) or "file"


def shortened(name: str, most: int) -> str:
    """At most so many bytes of it, with its suffix."""
    if len(name.encode()) <= most:
        return name
    suffix = PurePath(name).suffix
    if len(suffix.encode()) > SUFFIX_BYTES:
        suffix = ""
    stem = name.removesuffix(suffix).encode()[: most - len(suffix.encode())].decode(errors="ignore")
    return f"{stem.rstrip('. ')}{suffix}"


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
