"""What is kept for good, in the store of this install. Errors are those of `Store`."""

import functools
import logging
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from django.conf import settings

from jobs.storage import address
from jobs.storage.both import BothStores
from jobs.storage.folder import FolderStore
from jobs.storage.store import Found, Shown, Stat, Store

log = logging.getLogger(__name__)
ASKED_AT_ONCE = 16
Asked = TypeVar("Asked")
Said = TypeVar("Said")


def store() -> Store:
    """The store of this install, as the settings name it."""
    return BothStores(new(), at(settings.STORAGE_ALSO)) if settings.STORAGE_ALSO else new()


def new() -> Store:
    """The store that what is new goes into."""
    return at(settings.STORAGE_URL)


def at(place: str) -> Store:
    """The store at a place: a bucket by its address, a folder by its path; MEDIA_ROOT for none. Raises ValueError."""
    if "://" in place:
        return _bucket(place, Path(settings.SCRATCH_DIR or settings.MEDIA_ROOT))
    return FolderStore(Path(place or settings.MEDIA_ROOT))


def in_folder(key: str) -> bool:
    """Whether a file lies in the folder of this install, from where a web server in front can send it."""
    used = store()
    owner = used.having(key) if isinstance(used, BothStores) else used
    return isinstance(owner, FolderStore) and owner.root == Path(settings.MEDIA_ROOT)


@functools.lru_cache(maxsize=8)
def _bucket(url: str, local: Path) -> Store:
    from jobs.storage.s3 import S3Store  # boto3 takes half a second, and 30 MB, which a folder does not need

    return S3Store(address.parsed(url), local)


def fetch(key: str, sha256: str = "") -> AbstractContextManager[Path]:
    """The file as one of this machine, for as long as the block runs; it must not be changed. In a folder it may not be
    there: then opening it says so."""
    return store().fetch(key, sha256)


def is_near(key: str, sha256: str) -> bool:
    """Whether `fetch` has nothing to fetch."""
    return store().is_near(key, sha256)


def publish(file: Path, key: str, sha256: str = "") -> None:
    """Move a whole file into its place, for good."""
    store().publish(file, key, sha256)


def share(file: Path, key: str, sha256: str = "") -> None:
    """As `publish`, but the file keeps its own name as well, where that can be; elsewhere it is moved."""
    store().share(file, key, sha256)


def settle(file: Path, key: str, sha256: str) -> None:
    """A file of this machine whose bytes have been published is not needed any more."""
    store().settle(file, key, sha256)


def take_back(file: Path, key: str) -> None:
    """Undo `share`."""
    store().take_back(file, key)


def put_new(content: bytes, key: str) -> None:
    """Publish these few bytes unless there is something already."""
    store().put_new(content, key)


def open_file(key: str) -> BinaryIO:
    """The bytes, from wherever one seeks to, of which little more come than are read."""
    return store().open(key)[0]


def opened(key: str) -> tuple[BinaryIO, Stat]:
    """As `open_file`, and what they are."""
    return store().open(key)


def read(key: str) -> bytes:
    """All of a small file."""
    with open_file(key) as file:
        return file.read()


def stat(key: str) -> Stat:
    return store().stat(key)


def stats(keys: Collection[str]) -> dict[str, Stat]:
    """Of those that are there."""
    found_all = of_each(functools.partial(_stat, store()), keys)
    return {key: found for key, found in zip(keys, found_all, strict=True) if found}


def of_each(ask: Callable[[Asked], Said], things: Collection[Asked]) -> list[Said]:
    """What `ask` says of each; of what lies in a bucket it is asked side by side, as each answer takes its time."""
    if store().is_folder or len(things) < 2:
        return [ask(one) for one in things]
    with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
        return list(pool.map(ask, things))


def _stat(used: Store, key: str) -> Stat | None:
    with suppress(FileNotFoundError):
        return used.stat(key)
    return None


def exists(key: str) -> bool:
    """Raises OSError when the store does not answer."""
    with suppress(FileNotFoundError):
        return bool(store().stat(key))
    return False


def link(key: str, second: str) -> bool:
    """Give the bytes of a key a second key, at once and without room for it. False where that cannot be."""
    return store().link(key, second)


def copy(key: str, second: str) -> bool:
    """As `link`, but the bytes are copied where there is no other way. Returns whether they are kept once."""
    return store().copy(key, second)


def url(key: str, shown: Shown) -> str | None:
    """An address that gives the file for a while to whoever has it; None where the site sends it itself."""
    return store().url(key, shown)


def delete(key: str) -> None:
    """Delete a file. Does nothing when it is not there."""
    store().delete(key)


def delete_tree(key: str) -> None:
    """Delete all that lies below a key. Raises OSError when some of it stays."""
    store().delete_tree(key)


def tidy(key: str) -> None:
    """Delete all that lies below a key, which nothing knows any more. What cannot be deleted stays, for the sweep to
    find."""
    try:
        delete_tree(key)
    except OSError as error:
        log.warning("%s is not deleted: %s", key, error)


def delete_with_folders(key: str, room: str) -> None:
    """Delete a file, and folders around it below `room` that are empty then."""
    store().delete_with_folders(key, room)


def discard(key: str) -> None:
    """Delete a file whose row did not come to be. What cannot be deleted stays, for the sweep to find."""
    try:
        store().delete_with_folders(key, key.partition("/")[0])
    except OSError as error:
        log.warning("%s is not deleted: %s", key, error)


def listed(key: str) -> Iterator[Found]:
    """All files below a key."""
    return store().listed(key)


def folders(key: str) -> list[str]:
    """The names right below a key."""
    return store().folders(key)


def total_bytes(key: str) -> int:
    """How much lies below a key."""
    return sum(found.size for found in listed(key))


def place(key: str) -> str:
    """Where it lies, as an operator would look it up."""
    return store().place(key)


def drafting(key: str, ending: str) -> AbstractContextManager[Path]:
    """A path of this machine, from which `publish` to `key` costs least, for as long as the block runs."""
    return store().drafting(key, ending)


def own_files(key: str) -> list[Path]:
    """The files below a key where the store is a folder, to be locked and moved; none where it is not."""
    used = new()
    return [used.path(found.key) for found in used.listed(key)] if isinstance(used, FolderStore) else []


def room_bytes() -> tuple[int, int]:
    """How much the store takes in all, and how much more."""
    return store().room_bytes()


def free_bytes() -> int:
    """How much more the store takes."""
    return room_bytes()[1]


def holds(folder: Path) -> bool:
    """Whether this folder is in the store."""
    used = new()
    return isinstance(used, FolderStore) and folder.resolve().is_relative_to(used.path(""))


def make_room(size: int) -> None:
    """Let local copies go until this machine's disk takes so many bytes more. Raises OSError (ENOSPC)."""
    store().make_room(size)


def try_out() -> None:
    """Raises OSError when the store does not take a file."""
    store().try_out()
