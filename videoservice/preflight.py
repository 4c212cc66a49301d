"""What has to be right before the processes start. Everything else is one line for the person at the terminal."""

import contextlib
import errno
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TypeVar

import imageio_ffmpeg
from django.core.exceptions import ImproperlyConfigured

from videoservice import env, preparing

BASE_DIR = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 5
"""How long the last moments of a former server are waited for."""

T = TypeVar("T")


class Refused(Exception):
    """The site cannot start. The message is one line for the person at the terminal, and ends with what to do."""


def port() -> int:
    number = env.integer("PORT", 8000, 1)
    if number > 65535:
        raise ImproperlyConfigured(f"PORT is {number}; use a number from 1 to 65535.")
    return number


def bind_address() -> str:
    return env.text("BIND", "127.0.0.1")


def data_folder() -> Path:
    """The data folder, made for us alone when it is new."""
    data = env.path("DATA_DIR", BASE_DIR / "var")
    # From here on it is absolute for every process, wherever that works.
    if env.text("DATA_DIR"):
        os.environ["DATA_DIR"] = str(data)
    writable(data, "DATA_DIR")
    writable(data / "log", "The folder of logs")
    return data


def writable(folder: Path, name: str) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"1")
    except OSError as error:
        reason = error.strerror or str(error)
        raise Refused(
            f"{name} {folder} cannot be written ({reason.lower()}). Mend that, or choose another folder with DATA_DIR."
        ) from None


def check_tools(redis: bool) -> None:
    for tool in ("setpriv", "redis-server") if redis else ("setpriv",):
        if not shutil.which(tool):
            raise Refused(f"The program {tool} is missing. Install it, then start again.")
    try:
        imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:
        raise Refused("ffmpeg is missing from .venv. Delete the folder .venv, then start again.") from None


@contextlib.contextmanager
def only_server(data: Path) -> Iterator[None]:
    """Hold the data folder's lock; the kernel gives it back however we end."""
    with (data / "server.lock").open("a+") as file:
        patiently(lambda: take_lock(file, data))
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def take_lock(file: IO[str], data: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        raise Refused(
            f"A server already runs on {data} (process {file.read()}). Stop it, or choose another folder with DATA_DIR."
        ) from None


def check_port(number: int) -> None:
    address = bind_address()
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, number))
        except OSError as error:
            if error.errno == errno.EACCES:
                raise Refused(f"Port {number} needs root. Choose one above 1023 with PORT.") from None
            if error.errno == errno.EADDRNOTAVAIL:
                raise Refused(f"This machine has no address {address}. Choose one that it has with BIND.") from None
            raise Refused(f"Port {number} is taken. Stop what uses it, or choose another one with PORT.") from None


def check_redis_gone(path: Path) -> None:
    """Two Redis servers must never write one file."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return
        credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        pid, _, _ = struct.unpack("3i", credentials)
    raise Refused(f"The Redis of a former server still runs (process {pid}). Stop it, then start again.")


def patiently(check: Callable[[], T]) -> T:
    """What a former server holds in its last moments is free a little later."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return check()
        except Refused:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def relative(path: Path, folder: Path) -> str:
    return path.name if path.parent == folder else str(path)


# Database and static files -------------------------------------------------------------------------------------------


def prepare(data: Path, static: Path) -> None:
    """Migrate the database and collect the static files, when they may have changed since the last start."""
    stamp, state = data / "prepared", preparing.tables_digest(env.text("DATABASE_URL"))
    commands = []
    if env.text("DATABASE_URL") or not (data / "db.sqlite3").exists() or not _says(stamp, state):
        commands.append("prepare --tables -v 0")  # others may have made a new database of one that is elsewhere
    if not preparing.has_static(static):
        commands.append("prepare --static -v 0")
    if not commands:
        return
    print("Preparing the database and the static files.", flush=True)
    started = [manage(command, data) for command in commands]
    try:
        for command, process in zip(commands, started, strict=True):
            said, _ = process.communicate()
            if process.returncode != 0:
                raise Refused(failure(command, said, data))
    finally:
        for process in started:
            if process.poll() is None:
                process.terminate()
                process.wait()
    stamp.write_text(state)


def _says(file: Path, text: str) -> bool:
    return file.exists() and file.read_text() == text


def manage(command: str, data: Path) -> subprocess.Popen[str]:
    argv = [sys.executable, "manage.py", *command.split()]
    return subprocess.Popen(
        argv, cwd=BASE_DIR, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def failure(command: str, said: str, data: Path) -> str:
    log = data / "log" / "prepare.log"
    log.write_text(said)
    lines = [line for line in said.splitlines() if line.strip()] or ["it said nothing"]
    return f"manage.py {command.split()[0]} failed: {lines[-1].strip()} (more in {log})"
