"""Files that appear in a folder become recordings: INBOX_DIR/<e-mail>/<chain>/<file>, on which that chain is run.

Looking again and again is all that is asked of the folder, so it may lie on a network. A file is taken when its size
and time have stood still, by a rename that only one of several machines can win. From then on it lies at
`.taken/<id>/<file>` beside the others and is locked by whoever copies it in; the id is that of the recording, so that
whoever goes on after a death makes it once. At the end it is moved to `done`, or to `failed` beside a text that says
why.
"""

import contextlib
import fcntl
import logging
import os
import shutil
import stat
import uuid
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path

from jobs import storage
from jobs.errors import InputError, ResourceError
from jobs.models import Account, Video
from jobs.services import naming, pipelines, quota, uploads, videos

log = logging.getLogger(__name__)
TAKEN, DONE, FAILED = ".taken", "done", "failed"
UNFINISHED = (".part", ".partial", ".filepart", ".crdownload", ".tmp", ".!ut")
"""How programs that copy end the names of files that are not whole yet."""


class Inbox:
    """One folder, looked at by one process. `still_seconds` is how long a file has to stand still; `clock` is a clock
    that never goes back."""

    def __init__(self, root: Path, still_seconds: float, clock: Callable[[], float]) -> None:
        self.root, self.still_seconds, self.clock = root, still_seconds, clock
        self._seen: dict[Path, tuple[int, int, float]] = {}

    def look(self) -> int:
        """One round: take in what stands still. Returns how many files came to an end."""
        ended, seen = 0, {}
        for folder in chain_folders(self.root):
            for file in taken(folder):
                ended += _arrive(folder, file)
            for file in waiting(folder):
                facts = self._stands(file)
                if facts is None:
                    continue
                if self.clock() - facts[2] < self.still_seconds:
                    seen[file] = facts
                elif own := take(folder, file):
                    ended += _arrive(folder, own)
        self._seen = seen
        return ended

    def _stands(self, file: Path) -> tuple[int, int, float] | None:
        """Its size, its time, and since when these are the same; None when it is gone."""
        try:
            found = file.lstat()
        except OSError:
            return None
        before = self._seen.get(file)
        if before and before[:2] == (found.st_size, found.st_mtime_ns):
            return before
        return found.st_size, found.st_mtime_ns, self.clock()


# What lies where -----------------------------------------------------------------------------------------------------


def chain_folders(root: Path) -> Iterator[Path]:
    for account in _folders(root):
        yield from _folders(account)


def _folders(folder: Path) -> list[Path]:
    """Links lead elsewhere, and are not followed."""
    try:
        found = [entry for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(Path(entry.path) for entry in found if not entry.name.startswith("."))


def waiting(folder: Path) -> list[Path]:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return sorted(Path(entry.path) for entry in os.scandir(folder) if _is_offered(entry))
    return []


def _is_offered(entry: os.DirEntry[str]) -> bool:
    name = entry.name.lower()
    return entry.is_file(follow_symlinks=False) and not name.startswith((".", "~")) and not name.endswith(UNFINISHED)


def taken(folder: Path) -> list[Path]:
    """Files that were taken and have not come to an end, as after a death."""
    return sorted(file for own in _folders_of_ids(folder / TAKEN) for file in _inside(own))


def _inside(folder: Path) -> list[Path]:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # another machine has just finished it
        return list(folder.iterdir())
    return []


def _folders_of_ids(folder: Path) -> Iterator[Path]:
    for own in _folders(folder):
        with contextlib.suppress(ValueError):
            uuid.UUID(own.name)
            yield own


def take(folder: Path, file: Path) -> Path | None:
    """Make a file ours. None: another machine was quicker, or it is gone."""
    own = folder / TAKEN / str(uuid.uuid4())
    own.mkdir(parents=True)
    try:
        return file.rename(own / file.name)
    except OSError:
        own.rmdir()
        return None


# Taking it in --------------------------------------------------------------------------------------------------------


def _arrive(folder: Path, file: Path) -> bool:
    """Make a recording of a file that was taken. False: somebody else is at it, or the server cannot now."""
    with _held(file) as source:
        if source is None:
            return False
        pk = uuid.UUID(file.parent.name)
        try:
            if video := Video.with_trash.filter(pk=pk).first():
                videos.start(video, {}, folder.name)
            else:
                _receive(folder, file, source, pk)
        except InputError as error:
            _end(file, folder / FAILED, error.message)
            return True
        except (ResourceError, OSError) as error:
            log.warning("%s stays where it is for another try: %s", file, error)
            return False
        _end(file, folder / DONE)
        return True


@contextlib.contextmanager
def _held(file: Path) -> Iterator[BufferedReader | None]:
    """The file, open and locked; None while another process holds it, or when it is gone or no plain file, and when it
    cannot be read or locked, which is logged."""
    with contextlib.ExitStack() as opened:
        source = None
        try:
            source = _locked(opened, file)
        except (FileNotFoundError, BlockingIOError):
            pass
        except OSError as error:
            log.warning("%s stays where it is, as it cannot be read or locked: %s", file, error)
        yield source


def _locked(opened: contextlib.ExitStack, file: Path) -> BufferedReader | None:
    """None for what is no plain file, or gone from there. Raises OSError.

    Locks on ranges of bytes reach other machines by every network filesystem, but only who may write gets them. A file
    that somebody else owns is locked as a whole.
    """
    lock: Callable[[BufferedReader, int], object] = fcntl.lockf
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except PermissionError:
        lock, descriptor = fcntl.flock, os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    source = opened.enter_context(os.fdopen(descriptor, "rb"))
    lock(source, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return source if stat.S_ISREG(os.fstat(descriptor).st_mode) and file.exists() else None


def _receive(folder: Path, file: Path, source: BufferedReader, pk: uuid.UUID) -> None:
    account = Account.objects.filter(email=folder.parent.name.lower(), is_active=True).first()
    if account is None:
        raise InputError(f"There is no account {folder.parent.name}. Name the folder by the e-mail address of one.")
    slug = pipelines.ordered(account, folder.name)
    size = os.fstat(source.fileno()).st_size
    uploads.refuse_size(size)
    quota.refuse(account, size)
    part = storage.upload_path(pk)
    try:
        with part.open("wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
        name = naming.file_name(file.name)
        videos.receive(account, part, name=name, pipeline=slug, allow_duplicate=False, pk=pk)
    finally:
        part.unlink(missing_ok=True)


def _end(file: Path, folder: Path, why: str = "") -> None:
    """Move a file to where it stays, under a name that is free there; beside it a text with what was wrong."""
    folder.mkdir(exist_ok=True)
    target, number = folder / file.name, 2
    while target.exists():
        target, number = folder / f"{file.stem} ({number}){file.suffix}", number + 1
    if why:
        target.with_name(f"{target.name}.txt").write_text(f"{why}\n", encoding="utf-8")
    file.rename(target)
    with contextlib.suppress(OSError):
        file.parent.rmdir()
