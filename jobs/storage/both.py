"""Two stores as one, while an install moves from one to the other: what is new goes into the first, and what is asked
for is looked for in both. Deleted it is in both, so that a move under way brings nothing back."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from jobs.storage.store import Found, Shown, Stat, Store
from jobs.storage.transfer import transfer


class BothStores:
    has_links = False

    def __init__(self, first: Store, second: Store) -> None:
        self.first, self.second = first, second
        self.is_folder = first.is_folder

    def having(self, key: str) -> Store:
        """The one to read a file from: the second while the first has not got it yet."""
        try:
            self.first.stat(key)
        except FileNotFoundError:
            return self.second
        return self.first

    # Reading

    @contextlib.contextmanager
    def fetch(self, key: str, sha256: str = "") -> Iterator[Path]:
        with self.having(key).fetch(key, sha256) as path:
            yield path

    def is_near(self, key: str, sha256: str) -> bool:
        return self.having(key).is_near(key, sha256)

    def open(self, key: str) -> tuple[BinaryIO, Stat]:
        try:
            return self.first.open(key)
        except FileNotFoundError:
            return self.second.open(key)

    def stat(self, key: str) -> Stat:
        try:
            return self.first.stat(key)
        except FileNotFoundError:
            return self.second.stat(key)

    def url(self, key: str, shown: Shown) -> str | None:
        return self.having(key).url(key, shown)

    # Publishing

    def publish(self, file: Path, key: str, sha256: str = "") -> None:
        self.first.publish(file, key, sha256)

    def share(self, file: Path, key: str, sha256: str = "") -> None:
        self.first.share(file, key, sha256)

    def settle(self, file: Path, key: str, sha256: str) -> None:
        self.first.settle(file, key, sha256)

    def take_back(self, file: Path, key: str) -> None:
        self.first.take_back(file, key)

    def put_new(self, content: bytes, key: str) -> None:
        try:
            self.second.stat(key)
        except FileNotFoundError:
            self.first.put_new(content, key)

    def link(self, key: str, second: str) -> bool:
        return self.having(key) is self.first and self.first.link(key, second)

    def copy(self, key: str, second: str) -> bool:
        if self.having(key) is self.first:
            return self.first.copy(key, second)
        transfer(self.second, key, self.first, second)
        return False

    def drafting(self, key: str, ending: str) -> contextlib.AbstractContextManager[Path]:
        return self.first.drafting(key, ending)

    # Deleting

    # The first comes again after the second: from there a move may have put it back meanwhile.

    def delete(self, key: str) -> None:
        for store in (self.first, self.second, self.first):
            store.delete(key)

    def delete_with_folders(self, key: str, room: str) -> None:
        for store in (self.first, self.second, self.first):
            store.delete_with_folders(key, room)

    def delete_tree(self, key: str) -> None:
        for store in (self.first, self.second, self.first):
            store.delete_tree(key)

    # Looking

    def listed(self, key: str) -> Iterator[Found]:
        seen = set()
        for found in self.first.listed(key):
            seen.add(found.key)
            yield found
        yield from (found for found in self.second.listed(key) if found.key not in seen)

    def folders(self, key: str) -> list[str]:
        return list(dict.fromkeys((*self.first.folders(key), *self.second.folders(key))))

    def place(self, key: str) -> str:
        return self.first.place(key)

    def room_bytes(self) -> tuple[int, int]:
        return self.first.room_bytes()

    def make_room(self, size: int) -> None:
        self.first.make_room(size)
        self.second.make_room(size)

    def try_out(self) -> None:
        self.first.try_out()
        self.second.try_out()
