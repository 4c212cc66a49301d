"""An install's files moved from one place to another while it runs: from a folder into a bucket, back, or between two.

Each file is copied, read again there and held against its SHA-256: the one that its row says, or that of the bytes that
were read. What was held against is noted in a file of DATA_DIR, so that a move that was broken off goes on where it
was. Nothing is deleted at the old place. Files never change under their keys, so looking through both lists again finds
what came meanwhile; while STORAGE_ALSO names the other place the site finds each file wherever it is.
"""

import contextlib
import dataclasses
import hashlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet

from jobs import storage
from jobs.errors import InputError
from jobs.models import Artifact, Image, Install, Video
from jobs.services.custody import STAMP
from jobs.storage.store import Found, Store
from jobs.storage.transfer import hash_of, transfer

log = logging.getLogger(__name__)
ROOMS = ("videos", "images", "artifacts")
"""What is measured of recordings (`cache`) is not moved: it is measured again where it is needed."""
PARALLEL = 4
PASSES = 5
"""After how many passes that each found something new it ends: the site makes files faster than they are copied."""
HALF_MADE = (".part", ".stamp")
DELETED = (
    "What was deleted after it had been copied, and before STORAGE_ALSO was set, lies there still: `manage.py sweep` "
    "names it, and `manage.py sweep --fix` deletes it."
)


@dataclasses.dataclass
class Moved:
    """What a pass, or all of them, did. `damaged` are keys whose bytes are not those that their rows say; they are
    copied as they are. `failed` are keys with what went wrong; another run tries them again."""

    files: int = 0
    bytes: int = 0
    copied: int = 0
    copied_bytes: int = 0
    damaged: list[str] = dataclasses.field(default_factory=list)
    failed: list[tuple[str, str]] = dataclasses.field(default_factory=list)


class Move:
    """From one store to another. Raises InputError when either holds the files of another install."""

    def __init__(self, source: Store, target: Store, progress: "Watch") -> None:
        self.source, self.target, self.progress = source, target, progress
        self.ledger = Ledger(source, target)

    def prepare(self, *, dry: bool) -> None:
        """Look whether both places can be used, and mark the new one as this install's."""
        if self.source.place(STAMP) == self.target.place(STAMP):
            raise InputError("Both places are the same one. Name another one.", code="same_place")
        identity = str(Install.get().identity)
        self.target.try_out()
        if stamp_of(self.source) not in ("", identity):
            raise InputError(f"The files in {place(self.source)} belong to another install.", code="other_install")
        found = stamp_of(self.target)
        if found and found != identity:
            raise InputError(f"The files in {place(self.target)} belong to another install.", code="other_install")
        if not found and any(self.target.folders(room) for room in ROOMS):
            raise InputError(
                f"There are files in {place(self.target)} already, of nobody knows which install. Choose a place or "
                "prefix that is empty.",
                code="not_empty",
            )
        if not dry:
            self.target.put_new(f"{identity}\n".encode(), STAMP)

    def missing(self) -> list[Found]:
        """What has to be copied or held against its hash, as both lists tell."""
        return [one for room in ROOMS for one in self._missing(room)]

    def _missing(self, room: str) -> Iterator[Found]:
        there = {one.key: one.size for one in self.target.listed(room)}
        for one in self.source.listed(room):
            if one.key.endswith(HALF_MADE):
                continue
            if there.get(one.key) != one.size or not self.ledger.knows(one.key, one.size):
                yield one

    def run(self) -> Moved:
        """Passes, until one finds nothing new. What one could not copy the next one tries again."""
        total = Moved()
        for number in range(PASSES):
            found = self.missing()
            if not found:
                break
            self.progress.begin(len(found), sum(one.size for one in found), again=number > 0)
            done = self._pass(found)
            total.copied += done.copied
            total.copied_bytes += done.copied_bytes
            total.damaged += done.damaged
            total.failed = done.failed
            if not done.copied and done.failed:
                break
        kept = [one for room in ROOMS for one in self.target.listed(room)]
        total.files, total.bytes = len(kept), sum(one.size for one in kept)
        return total

    def _pass(self, found: list[Found]) -> Moved:
        done, wanted = Moved(), expected(one.key for one in found)
        with self.ledger.open(), ThreadPoolExecutor(PARALLEL) as pool:
            waiting: set[Future[None]] = set()
            for one in found:
                waiting.add(pool.submit(self._one, one, wanted.get(one.key, ""), done))
                if len(waiting) >= PARALLEL * 4:
                    waiting = _ended(waiting, FIRST_COMPLETED)
            _ended(waiting, ALL_COMPLETED)
        return done

    def _one(self, one: Found, wanted: str, done: Moved) -> None:
        """Copy a file, unless it is there already, and look at it."""
        try:
            sha256 = self._arrived_before(one, wanted) or self._copied(one)
            self._look_again(one)
        except FileNotFoundError:
            return  # deleted meanwhile, which is as well
        except OSError as error:
            log.warning("%s is not moved: %s", one.key, error)
            done.failed.append((one.key, str(error)))
            return
        self.ledger.note(one.key, one.size, sha256)
        done.copied += 1
        done.copied_bytes += one.size
        if wanted and sha256 != wanted:
            done.damaged.append(one.key)
        self.progress.file()

    def _arrived_before(self, one: Found, wanted: str) -> str:
        """The hash of what lies there already, when it is what it has to be: of a move whose notes are lost."""
        try:
            if self.target.stat(one.key).size != one.size:
                return ""
        except FileNotFoundError:
            return ""
        there = hash_of(self.target, one.key)
        return there if there == (wanted or hash_of(self.source, one.key)) else ""

    def _look_again(self, one: Found) -> None:
        """Who deleted it while it was copied found nothing at the new place yet. Raises FileNotFoundError."""
        try:
            self.source.stat(one.key)
        except FileNotFoundError:
            self.target.delete(one.key)
            raise

    def _copied(self, one: Found) -> str:
        """Raises OSError when the new place gives other bytes than it was given."""
        sha256 = transfer(self.source, one.key, self.target, progress=self.progress)
        if (there := hash_of(self.target, one.key)) != sha256:
            self.target.delete(one.key)
            raise OSError(f"its SHA-256 is {there} there, and {sha256} here")
        return sha256


def _ended(waiting: set[Future[None]], when: str) -> set[Future[None]]:
    """Those that are left. Raises what one of the others raised."""
    ended, left = wait(waiting, return_when=when)
    for one in ended:
        one.result()
    return left


class Watch:
    """Hears how far a move is. Called from several threads with bytes that were read."""

    def begin(self, files: int, size: int, *, again: bool) -> None:
        """A pass begins, of which so much is to be copied."""

    def file(self) -> None:
        """One more is there."""

    def __call__(self, count: int) -> None: ...


class Ledger:
    """Notes of what was copied and held against its hash, of one move: a line for each file."""

    def __init__(self, source: Store, target: Store) -> None:
        name = hashlib.sha256(f"{source.place(STAMP)} {target.place(STAMP)}".encode()).hexdigest()[:16]
        self.file = Path(settings.DATA_DIR) / "moves" / f"{name}.tsv"
        self._writing = threading.Lock()
        self._known = dict(self._read())
        self._out: Callable[[str], object] = lambda line: None

    def _read(self) -> Iterator[tuple[str, int]]:
        """The last line may be cut short."""
        with contextlib.suppress(FileNotFoundError):
            for line in self.file.read_text(encoding="utf-8").splitlines(keepends=True):
                key, size, *_ = (*line.rstrip("\n").split("\t"), "", "")
                if line.endswith("\n") and size.isdigit():
                    yield key, int(size)

    def knows(self, key: str, size: int) -> bool:
        return self._known.get(key) == size

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8", buffering=1) as out:
            self._out = out.write
            yield

    def note(self, key: str, size: int, sha256: str) -> None:
        with self._writing:
            self._known[key] = size
            self._out(f"{key}\t{size}\t{sha256}\n")


def stores(to: str, come_from: str = "") -> tuple[Store, Store]:
    """From where, and to where. Unless somebody says, the old place is this install's own; or the one that it looks
    into as well, when the new one is its own already. Raises InputError."""
    try:
        target = storage.at(to)
        if come_from:
            return storage.at(come_from), target
        source = storage.new()
        if source.place(STAMP) == target.place(STAMP) and settings.STORAGE_ALSO:
            source = storage.at(settings.STORAGE_ALSO)
        return source, target
    except ValueError as error:
        raise InputError(str(error).replace("STORAGE_URL", "The address"), code="address") from error


def next_step(source: Store, target: Store) -> str:
    """What an operator does after it."""
    new, old = target.place(STAMP), source.place(STAMP)
    own, also = storage.new().place(STAMP), storage.at(settings.STORAGE_ALSO).place(STAMP)
    if own == new and settings.STORAGE_ALSO:
        return (
            "This install writes there already. Take STORAGE_ALSO away and restart everything: the move is done. "
            f"{DELETED}"
        )
    if own == new:
        return f"This install writes there already, and looks nowhere else: the move is done. {DELETED}"
    if settings.STORAGE_ALSO and (own, also) == (old, new):
        return (
            f"Now name the new place in STORAGE_URL and the old one, {place(source)}, in STORAGE_ALSO, restart "
            "everything, one process after the other if you like, and run this again."
        )
    return (
        f"Now name the new place, {place(target)}, in STORAGE_ALSO and restart everything; then exchange the two "
        "settings and restart again; then run this once more. In between no file is out of reach."
    )


def place(store: Store) -> str:
    return store.place(STAMP).removesuffix(f"/{STAMP}")


def stamp_of(store: Store) -> str:
    """Whose files a store holds; "" when nobody has said."""
    with contextlib.suppress(FileNotFoundError), store.open(STAMP)[0] as file:
        return file.read().decode(errors="replace").strip()
    return ""


def expected(keys: Iterable[str]) -> dict[str, str]:
    """The SHA-256 that rows say, by key."""
    wanted = set(keys)
    rows: tuple[QuerySet[Video] | QuerySet[Artifact] | QuerySet[Image], ...] = (
        Video._base_manager.all(),
        Artifact._base_manager.all(),
        Image._base_manager.all(),
    )
    found: dict[str, str] = {}
    for model in rows:
        found |= {key: sha for key, sha in model.values_list("key", "sha256").iterator() if key in wanted and sha}
    return found
