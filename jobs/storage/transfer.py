"""One file from one store to another."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from jobs.storage.store import Store

BLOCK = 4 * 1024**2
Progress = Callable[[int], None]


def silent(count: int) -> None:
    """Nobody watches."""


def transfer(source: Store, key: str, target: Store, second: str = "", progress: Progress = silent) -> str:
    """Publish a file of one store in another one, under the same key or a second one. Returns the SHA-256 of the bytes
    that were read. Errors are those of `Store`."""
    second = second or key
    if source.is_folder and not target.is_folder:  # which reads the file itself, and leaves it
        with source.fetch(key) as file:
            sha256 = _hashed(file)
            target.share(file, second, sha256)
            progress(file.stat().st_size)
            return sha256
    with target.drafting(second, f"{PurePosixPath(second).suffix}.part") as draft:
        sha256 = _copied(source, key, draft, progress)
        target.publish(draft, second, sha256)
    return sha256


def hash_of(store: Store, key: str, progress: Progress = silent) -> str:
    """The SHA-256 of what a store gives under a key."""
    digest = hashlib.sha256()
    with store.open(key)[0] as file:
        while block := file.read(BLOCK):
            digest.update(block)
            progress(len(block))
    return digest.hexdigest()


def _copied(source: Store, key: str, draft: Path, progress: Progress) -> str:
    digest = hashlib.sha256()
    with source.open(key)[0] as file, draft.open("wb") as copy:
        while block := file.read(BLOCK):
            digest.update(block)
            copy.write(block)
            progress(len(block))
        copy.flush()
        os.fchmod(copy.fileno(), 0o644)  # a web server in front may send it
    return digest.hexdigest()


def _hashed(file: Path) -> str:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
