"""`videoservice`, run as people run it: with a home of its own, against a real site.

`client` runs it to its end, in the process of the tests; `client.start` starts one of its own. `signed_in` is one that
has signed in to `site` as an account of its own.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from typer.testing import CliRunner

from tests.processes import BASE_DIR
from tests.site import Site
from videoservice.client.main import app


class Client:
    """Somebody's client. `home` is where it keeps what it remembers, `folder` where it is run."""

    def __init__(self, home: Path, **env: str) -> None:
        self.home, self.folder = home, home / "work"
        self.folder.mkdir(parents=True)
        self.env = {"HOME": str(home), "PYTHONPATH": str(BASE_DIR), "COLUMNS": "200"} | env

    def start(self, *words: object, **options: Any) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", "videoservice.client", *map(str, words)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        env = os.environ | self.env | options.pop("env", {})
        return subprocess.Popen(argv, cwd=self.folder, env=env, text=True, **pipes | options)

    def __call__(self, *words: object, status: int = 0, typed: str = "") -> "Said":
        """Run a command to its end, which has to have this exit status."""
        with contextlib.chdir(self.folder):
            done = CliRunner().invoke(app, [*map(str, words)], input=typed, env=self.env, catch_exceptions=False)
        assert done.exit_code == status, f"{words}: {done.exit_code}\n{done.stdout}\n{done.stderr}"
        return Said(done.stdout, done.stderr)

    def post(self, path: str, body: Any) -> Any:
        """Ask the site for something that no command does."""
        known = json.loads((self.kept / "sites.json").read_text())["sites"][0]
        headers = {"Authorization": f"Bearer {known['token']}"}
        response = requests.post(f"{known['url']}/api/v1/{path}", json=body, headers=headers, timeout=30)
        response.raise_for_status()
        return response.json()

    @property
    def kept(self) -> Path:
        return self.home / ".config" / "videoservice"


class Said:
    """What a command has said."""

    def __init__(self, out: str, err: str) -> None:
        self.out, self.err = out, err

    def __str__(self) -> str:
        return self.out + self.err

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == kind]


@pytest.fixture(autouse=True)
def _as_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may use a client as well."""
    for name in list(os.environ):
        if name.startswith(("VIDEOSERVICE_", "XDG_")):
            monkeypatch.delenv(name)


@pytest.fixture
def make_client(tmp_path: Path) -> Callable[..., Client]:
    def make(**env: str) -> Client:
        return Client(tmp_path / f"home-{uuid4().hex[:8]}", **env)

    return make


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    return make_client()


@pytest.fixture
def signed_in(make_client: Callable[..., Client], site: Site) -> Client:
    client = make_client()
    client("login", site.url, typed=site.token(f"{uuid4().hex[:8]}@example.org"))
    return client
