"""nginx as deploy/nginx configures it, and web processes that only tell what reaches them."""

import contextlib
import functools
import getpass
import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests

from tests.processes import BASE_DIR, Process, run, wait_for

START = BASE_DIR / "deploy" / "nginx" / "start.sh"
PROGRAMS = f"{os.environ['PATH']}{os.pathsep}/usr/sbin"


def missing() -> str:
    """Why tests of nginx cannot run here; nothing when they can."""
    return "" if shutil.which("nginx", path=PROGRAMS) else "nginx is not installed"


def environment(folder: Path, webs: str, variables: Mapping[str, str]) -> dict[str, str]:
    own = {"NGINX_RUN": str(folder / "nginx"), "NGINX_PROCESSES": "1", "NGINX_WEBS": webs}
    return {"PATH": PROGRAMS, "NGINX_USER": getpass.getuser(), **own, **variables}


def refusal(folder: Path, webs: str, **variables: str) -> str:
    """Why it does not start with these variables; nothing when it would."""
    env = environment(folder, webs, variables)
    return subprocess.run(["sh", START, "render"], env=env, capture_output=True, text=True).stderr


def rendered(folder: Path, webs: str, **variables: str) -> str:
    """The configuration, which nginx itself has to find good."""
    env = environment(folder, webs, variables)
    text = run(["sh", START, "render"], env=env).stdout
    (folder / "nginx").mkdir(exist_ok=True)
    file = folder / "nginx" / "tried.conf"
    file.write_text(text)
    run(["nginx", "-t", "-e", "stderr", "-c", file], env=env)
    return text


def free_ports(count: int) -> list[int]:
    """So many that differ."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def nginx(folder: Path, webs: str, **variables: str) -> Iterator[str]:
    """One that runs; the address of its port without TLS."""
    for _ in range(5):
        port, status_port = free_ports(2)
        own = {"NGINX_PORT": str(port), "NGINX_STATUS_PORT": str(status_port)}
        env = environment(folder, webs, own | variables)
        process = Process("nginx", ["sh", START], folder / "nginx.log", env)
        try:
            if wait_for(functools.partial(is_up, process, status_port), "nginx to be up") == "up":
                yield f"http://127.0.0.1:{port}"
                return
        finally:
            process.end()
    raise AssertionError(process.said())


def is_up(process: Process, port: int) -> str:
    """`up`, `ended`, or nothing while it starts. It ends when somebody else was quicker to take a port."""
    if not process.alive:
        return "ended"
    with contextlib.suppress(requests.RequestException):
        return "up" if requests.get(f"http://127.0.0.1:{port}/up", timeout=5).status_code == 204 else ""
    return ""


class Web:
    """A web process that answers with the head of each request, or 404 for what is in `unknown`."""

    def __init__(self, name: str, *, port: int = 0, unknown: frozenset[str] = frozenset()) -> None:
        self._is_stopped = threading.Event()
        is_stopped = self._is_stopped

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if is_stopped.is_set():  # as a process does that is killed
                    self.close_connection = True
                    return
                headers = {key.lower(): value for key, value in self.headers.items()}
                body = json.dumps({"name": name, "headers": headers}).encode()
                self.send_response(404 if self.path in unknown else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.place = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._is_stopped.set()
        self._server.shutdown()
        self._server.server_close()
