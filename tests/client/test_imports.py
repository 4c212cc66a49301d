"""Recordings that the site fetches from an address, and calls that it makes to one."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests import media
from tests.client.conftest import Client


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[str]:
    """An address with talk.mp4."""
    folder = tmp_path / "web"
    folder.mkdir()
    media.video(folder / "talk.mp4", seconds=2)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_recording_is_fetched_worked_on_and_its_results_saved(signed_in: Client, elsewhere: str):
    words = ("import", f"{elsewhere}/talk.mp4", "--run", "extract-audio", "format=mp3", "--download", ".", "--json")
    said = signed_in(*words)
    assert [event["event"] for event in said.events][:3] == ["importing", "imported", "started"]
    assert said.of("job")[-1]["job"]["status"] == "succeeded"
    assert [path.suffix for path in signed_in.folder.iterdir()] == [".mp3"]
    again = signed_in(*words)
    assert again.of("duplicate")[0]["video"]["id"] == said.of("imported")[0]["video"]["id"]


def test_an_address_with_nothing_is_told(signed_in: Client, elsewhere: str):
    said = signed_in("import", f"{elsewhere}/none.mp4", "--wait", status=1)
    assert "There is nothing at this address" in said.err
