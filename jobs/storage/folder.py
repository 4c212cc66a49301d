"""A store that is a folder, of this machine or of NFS. Its filesystem has to do what `filesystem` tries."""

import contextlib
import errno
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from jobs.storage.disk import make_folder, sync
from jobs.storage.store import Found, Shown, Stat

NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)
"""How a filesystem refuses a second name for a file."""


class FolderStore:
    has_links = True
    is_folder = True

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: str) -> Path:
        """The file of a key. Raises ValueError for a key that leads out of the folder."""
        file = (self.root / key).resolve()
        if not file.is_relative_to(self.root.resolve()):
            raise ValueError(f"{key!r} leads out of the storage")
        return file

    # Reading

    @contextlib.contextmanager
    def fetch(self, key: str, sha256: str = "") -> Iterator[Path]:
        yield self.path(key)

    def is_near(self, key: str, sha256: str) -> bool:
        return True

    def open(self, key: str) -> tuple[BinaryIO, Stat]:
        file = self.path(key).open("rb")
        return file, _stat(os.fstat(file.fileno()))

    def stat(self, key: str) -> Stat:
        try:
            return _stat(self.path(key).stat())
        except NotADirectoryError as error:
            raise FileNotFoundError(errno.ENOENT, "not there", key) from error

    def url(self, key: str, shown: Shown) -> str | None:
        return None

    # Publishing

    def publish(self, file: Path, key: str, sha256: str = "") -> None:
        target = self.path(key)
        sync(file)
        make_folder(target.parent)
        _move(file, target)
        sync(target.parent)

    def share(self, file: Path, key: str, sha256: str = "") -> None:
        target = self.path(key)
        sync(file)
        make_folder(target.parent)
        target.unlink(missing_ok=True)  # left by a try that died
        try:
            os.link(file, target)
        except OSError as error:
            if error.errno not in (*NO_LINKS, errno.EXDEV):
                raise
            _move(file, target)
        sync(target.parent)

    def settle(self, file: Path, key: str, sha256: str) -> None:
        file.unlink(missing_ok=True)

    def take_back(self, file: Path, key: str) -> None:
        """Where a file can have one name only it was moved."""
        if not file.exists() and self.path(key).exists():
            _move(self.path(key), file)

    def put_new(self, content: bytes, key: str) -> None:
        target = self.path(key)
        part = target.with_name(f"{uuid.uuid4()}.stamp")
        make_folder(target.parent)
        part.write_bytes(content)
        sync(part)
        try:
            with contextlib.suppress(FileExistsError):
                os.link(part, target)
        except OSError:  # a filesystem that knows one name a file only
            part.replace(target)
        part.unlink(missing_ok=True)
        sync(target.parent)

    def link(self, key: str, second: str) -> bool:
        source, target = self.path(key), self.path(second)
        make_folder(target.parent)
        target.unlink(missing_ok=True)
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            return False
        sync(target.parent)
        return True

    def copy(self, key: str, second: str) -> bool:
        if self.link(key, second):
            return True
        _copy(self.path(key), self.path(second))
        sync(self.path(second).parent)
        return False

    @contextlib.contextmanager
    def drafting(self, key: str, ending: str) -> Iterator[Path]:
        folder = self.path(key).parent
        make_folder(folder)
        part = folder / f"{uuid.uuid4()}{ending}"
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # nothing came to lie in it
                folder.rmdir()

    # Deleting

    def delete(self, key: str) -> None:
        """Its folder goes as well when that is empty then."""
        if not key:
            return
        file = self.path(key)
        file.unlink(missing_ok=True)
        if file.parent != self.root.resolve():
            with contextlib.suppress(OSError):
                file.parent.rmdir()

    def delete_with_folders(self, key: str, room: str) -> None:
        path, root = self.root / key, self.root / room  # a link is deleted, not what it leads to
        path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder == root:
                return
            try:
                folder.rmdir()
            except OSError:
                return

    def delete_tree(self, key: str) -> None:
        failures: list[BaseException] = []
        shutil.rmtree(self.path(key), onerror=lambda _, path, failure: failures.append(failure[1]))
        for failure in failures:  # all that can go is gone by now
            if not isinstance(failure, FileNotFoundError | NotADirectoryError):
                raise failure

    # Looking

    def listed(self, key: str) -> Iterator[Found]:
        """A file is as old as its folder when its name is new there. Links are not followed."""
        folder = self.root / key
        try:
            made = folder.stat().st_mtime
            entries = list(os.scandir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in entries:
            below = f"{key}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                yield from self.listed(below)
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            yield Found(below, status.st_size, max(status.st_mtime, status.st_ctime, made))

    def folders(self, key: str) -> list[str]:
        try:
            with os.scandir(self.path(key)) as entries:
                return [entry.name for entry in entries]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def place(self, key: str) -> str:
        return str(self.path(key))

    def room_bytes(self) -> tuple[int, int]:
        self.root.mkdir(parents=True, exist_ok=True)
        usage = shutil.disk_usage(self.root)
        return usage.total, usage.free

    def make_room(self, size: int) -> None:
        """There are no copies that could go."""

    def try_out(self) -> None:
        with tempfile.TemporaryFile(dir=self.root) as file:
            file.write(b"1")
            file.flush()


def _stat(found: os.stat_result) -> Stat:
    return Stat(found.st_size, found.st_mtime_ns, f"{found.st_mtime_ns:x}-{found.st_size:x}")


def _move(file: Path, target: Path) -> None:
    """Rename, or copy and rename from another filesystem."""
    try:
        file.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(file, target)
        file.unlink()


def _copy(source: Path, target: Path) -> None:
    part = target.with_name(f"{target.name}.part")
    shutil.copyfile(source, part)
    sync(part)
    part.replace(target)
