"""Fetching results: parts of them from where an earlier attempt was ended, checked by hash, over no other file."""

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path, PurePath
from urllib.parse import quote

import requests

from videoservice.client.api import Api, Json
from videoservice.client.failures import Failure, Unreachable

BLOCK = 1 << 20
ATTEMPTS = 6
Told = Callable[[int], None]


def fetch(api: Api, source: Json, folder: Path, told: Told, *, force: bool = False) -> tuple[Path, bool]:
    """Save a file of the site (id, name, size, url) into a folder. Returns where it lies, and whether it was fetched:
    False when the very same file lay there already.

    Another file of that name stays, and this one is called "name (2)"; with `force` it goes. Raises Failure when what
    came is not what the site has.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / safe(source["name"])
    part = folder / f".{target.name[:80]}.{source['id'][:8]}.part"
    digest = known_hash(api, source)
    if there := same([target] if force else numbered(target), source["size"], digest):
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
    return publish(part, target, force=force), True


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


def numbered(target: Path) -> list[Path]:
    """The names under which a file may lie already."""
    found = [target]
    while found[-1].exists():
        found.append(target.with_name(f"{target.stem} ({len(found) + 1}){target.suffix}"))
    return found


def publish(part: Path, target: Path, *, force: bool) -> Path:
    """Give a whole file its name, or the next free one."""
    if force:
        return part.replace(target)
    while True:
        free = numbered(target)[-1]
        try:
            os.close(os.open(free, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            continue  # somebody was quicker
        return part.replace(free)


def safe(name: str) -> str:
    """A name from the site as one of this folder, whatever it says."""
    plain = PurePath(name.replace("\\", "/")).name
    plain = re.sub(r'[\x00-\x1f\x7f<>:"|?*]', "_", plain).strip()
    return plain if plain.strip(". ") else quote(name, safe="")[:100] or "file"


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
