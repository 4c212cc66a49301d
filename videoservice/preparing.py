"""What a new version needs before its processes serve, done once by `manage.py prepare`: tables and static files.

Known without Django, so that a start that has nothing to do costs nothing.
"""

import contextlib
import fcntl
import hashlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
STAMP = ".prepared"
"""The file in STATIC_ROOT that tells which version's files lie there; the manifest names those that pages use."""
SHARED = ("requirements.txt", "videoservice/settings.py")
STATIC = (*SHARED, "videoservice/staticfiles.py", "jobs/static", "static")
TABLES = (*SHARED, "jobs/migrations")


def static_digest() -> str:
    """Changes with the static files, and with what is made of them. By content: times get lost in images."""
    return _digest(STATIC)


def tables_digest(database_url: str) -> str:
    """Changes with the migrations and with the database that they are for."""
    return _digest(TABLES, f"{sys.version} {database_url}")


def _digest(names: Iterable[str], also: str = "") -> str:
    kept = hashlib.sha256(also.encode())
    for name in names:
        place = BASE_DIR / name
        files = [place, *place.rglob("*")] if place.is_dir() else [place]
        for file in sorted(file for file in files if file.is_file() and file.suffix != ".pyc"):
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            kept.update(f"{file.relative_to(BASE_DIR)}\0{content}\n".encode())
    return kept.hexdigest()


def has_static(folder: Path) -> bool:
    """Whether the static files of this very version lie in the folder, as they do in an image that was built so."""
    try:
        return (folder / STAMP).read_text() == static_digest()
    except OSError:
        return False


def has_manifest(folder: Path) -> bool:
    """Whether there are static files at all: of another version, or collected by hand."""
    return (folder / "staticfiles.json").exists()


@contextlib.contextmanager
def static_alone(folder: Path) -> Iterator[None]:
    """Hold the right to write the static files there; the kernel gives it back however we end. OSError: none may."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{STAMP}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def stamp_static(folder: Path) -> None:
    """They are all there."""
    (folder / STAMP).write_text(static_digest())
