"""What a large upload by chunks does to the web process: `python benchmarks/upload.py [--gigabytes 2] [--page /]`.

Starts a site of its own in a temporary folder, sends one recording in chunks of 8 MiB with a session like a browser's,
and asks for a page all the while. Prints memory (resident, of the web process without its children), the page's
waiting times, and how long sending and finishing took; then how fast the file comes back.
"""

import argparse
import contextlib
import http.client
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHUNK = 8 * 1024**2
MEBI = 1024**2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=2)
    parser.add_argument("--page", default="/", help="the page that is asked for meanwhile")
    parser.add_argument("--folder", type=Path, help="where to work; needs room for twice the file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        recording = make_recording(Path(folder) / "large.mkv", int(options.gigabytes * 1024**3))
        with site(Path(folder) / "data") as (port, pid, session):
            print_table(measure(port, pid, session, recording, options.page))


def make_recording(path: Path, size: int) -> Path:
    """Uncompressed pictures: large, and quick to make."""
    sys.path.insert(0, str(ROOT))
    from jobs.engine.container import ffmpeg

    frames = size // (1280 * 720 * 3 // 2)
    source = "smptebars=size=1280x720:rate=25,format=yuv420p"
    command = [
        ffmpeg.program(),
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        source,
        "-f",
        "lavfi",
        "-i",
        "sine",
        "-frames:v",
        str(frames),
    ]
    subprocess.run([*command, "-shortest", "-c:v", "rawvideo", "-c:a", "pcm_s16le", str(path)], check=True)
    return path


SIGN_IN = """
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from jobs.models import Account
account = Account.objects.create_user("bench@example.org", "not needed")
session = import_module(settings.SESSION_ENGINE).SessionStore()
session[SESSION_KEY] = str(account.pk)
session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
session[HASH_SESSION_KEY] = account.get_session_auth_hash()
session.create()
print(session.session_key)
"""


@contextlib.contextmanager
def site(data: Path) -> Iterator[tuple[int, int, dict[str, str]]]:
    """A web process of its own: its port, its process id, and the headers of somebody signed in."""
    data.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "DATA_DIR": str(data), "PORT": str(port), "LOG_LEVEL": "ERROR"}
    manage = [sys.executable, str(ROOT / "manage.py")]
    subprocess.run([*manage, "migrate", "-v0"], env=environment, check=True)
    subprocess.run([*manage, "collectstatic", "--noinput", "-v0"], env=environment, check=True)
    shell = subprocess.run(
        [*manage, "shell", "-v0", "-c", SIGN_IN], env=environment, check=True, stdout=subprocess.PIPE
    )
    redis = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", str(data / "redis.sock"), "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    server = subprocess.Popen([*manage, "serve"], env=environment)
    try:
        wait_for(port)
        csrf = "0" * 32
        cookie = f"sessionid={shell.stdout.decode().split()[-1]}; csrftoken={csrf}"
        yield port, server.pid, {"Cookie": cookie, "X-CSRFToken": csrf}
    finally:
        for process in (server, redis):
            process.send_signal(signal.SIGTERM)
            process.wait()


def wait_for(port: int) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.1)
    raise SystemExit("the site did not start")


class Watch(threading.Thread):
    """Asks for a page again and again, and reads the memory of the web process."""

    def __init__(self, port: int, pid: int, session: dict[str, str], page: str) -> None:
        super().__init__(daemon=True)
        self.port, self.pid, self.session, self.page = port, pid, session, page
        self.waits: list[float] = []
        self.memory: list[int] = []
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.05):
            self.waits.append(self.ask())
            self.memory.append(resident(self.pid))

    def ask(self) -> float:
        began = time.perf_counter()
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port)) as connection:
            connection.request("GET", self.page, headers=self.session)
            response = connection.getresponse()
            response.read()
        if response.status != 200:
            raise SystemExit(f"{self.page} answered {response.status}")
        return time.perf_counter() - began


def resident(pid: int) -> int:
    """Resident memory in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measure(port: int, pid: int, session: dict[str, str], recording: Path, page: str) -> list[tuple[str, str]]:
    size = recording.stat().st_size
    watch = Watch(port, pid, session, page)
    for _ in range(20):
        watch.ask()
    quiet = statistics.median(watch.ask() for _ in range(20))
    idle = resident(pid)
    watch.start()
    sending, finishing, video = upload(port, session, recording, size)
    watch.done.set()
    watch.join()
    down = download(port, session, video)
    waits = sorted(watch.waits)
    return [
        ("size", f"{size / MEBI:.0f} MiB"),
        ("memory, idle", f"{idle / MEBI:.0f} MiB"),
        ("memory, at most", f"{max(watch.memory) / MEBI:.0f} MiB (+{(max(watch.memory) - idle) / MEBI:.0f})"),
        ("memory after download", f"{resident(pid) / MEBI:.0f} MiB"),
        (f"{page} when idle, median", f"{quiet * 1000:.0f} ms"),
        (f"{page} meanwhile, median", f"{statistics.median(waits) * 1000:.0f} ms of {len(waits)}"),
        (f"{page} meanwhile, 99 %", f"{waits[int(len(waits) * 0.99)] * 1000:.0f} ms"),
        (f"{page} meanwhile, worst", f"{waits[-1] * 1000:.0f} ms"),
        ("sending", f"{sending:.1f} s, {size / MEBI / sending:.0f} MiB/s"),
        ("last chunk and finishing", f"{finishing:.1f} s"),
        ("download", f"{down:.1f} s, {size / MEBI / down:.0f} MiB/s"),
    ]


def upload(port: int, session: dict[str, str], recording: Path, size: int) -> tuple[float, float, str]:
    """Seconds of all chunks but the last, seconds of the last, and the video that came of it."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = session | {"Tus-Resumable": "1.0.0"}
    began = time.perf_counter()
    location = ask(connection, "POST", "/uploads", headers | {"Upload-Length": str(size)}).headers["Location"]
    headers["Content-Type"] = "application/offset+octet-stream"
    with recording.open("rb") as file:
        while chunk := file.read(CHUNK):
            offset = file.tell() - len(chunk)
            if file.tell() == size:
                last = time.perf_counter()
            answer = ask(connection, "PATCH", location, headers | {"Upload-Offset": str(offset)}, chunk)
    return last - began, time.perf_counter() - last, answer.headers["Video-Id"]


def ask(
    connection: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str], body: bytes = b""
) -> http.client.HTTPResponse:
    connection.request(method, path, body=body, headers=headers)
    response = connection.getresponse()
    text = response.read()
    if response.status >= 300:
        raise SystemExit(f"{method} {path} answered {response.status} {text.decode()}")
    return response


def download(port: int, session: dict[str, str], video: str) -> float:
    began = time.perf_counter()
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        connection.request("GET", f"/videos/{video}/file", headers=session)
        response = connection.getresponse()
        buffer = bytearray(MEBI)
        while response.readinto(buffer):
            pass
    return time.perf_counter() - began


def print_table(rows: list[tuple[str, str]]) -> None:
    for name, value in rows:
        print(f"{name:<32} {value}")


if __name__ == "__main__":
    main()
