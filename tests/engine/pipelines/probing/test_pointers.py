"""Files that point elsewhere are refused and not followed."""

import socket
import struct
import subprocess
import threading
from pathlib import Path

import pytest

from jobs.engine.container import ffmpeg
from tests.engine.pipelines.probing.refusals import refusal


@pytest.fixture
def listener():
    """A server on this machine, and a list that grows with every connection to it."""
    connections: list[object] = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.1)
    done = threading.Event()

    def accept() -> None:
        while not done.is_set():
            try:
                connection, peer = server.accept()
            except TimeoutError:
                continue
            connections.append(peer)
            connection.close()

    thread = threading.Thread(target=accept)
    thread.start()
    yield server.getsockname()[1], connections
    done.set()
    thread.join()
    server.close()


def pointers(port: int, target: Path) -> dict[str, str]:
    web = f"http://127.0.0.1:{port}/a.ts"
    return {
        "m3u8 to a file": f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nfile://{target}\n#EXT-X-ENDLIST\n",
        "m3u8 to passwd": "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        "m3u8 to the web": f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{web}\n#EXT-X-ENDLIST\n",
        "ffconcat": f"ffconcat version 1.0\nfile 'file:{target}'\n",
        "ffconcat to the web": f"ffconcat version 1.0\nfile '{web}'\n",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
        "dash": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{web}</BaseURL></MPD>',
    }


@pytest.mark.parametrize("kind", pointers(0, Path("x")))
@pytest.mark.parametrize("name", ["list.mp4", "list.m3u8", "list.ffconcat", "list"])
def test_files_that_point_elsewhere_are_refused_and_not_followed(kind, name, listener, mp4, tmp_path):
    port, connections = listener
    path = tmp_path / name
    path.write_text(pointers(port, mp4)[kind])
    error = refusal(path)
    assert error.code == "not_media"
    assert "points" in error.message
    assert connections == []


def test_the_listener_of_these_tests_would_notice(listener):
    port, connections = listener
    command = [ffmpeg.program(), "-v", "quiet", "-i", f"http://127.0.0.1:{port}/a.ts", "-f", "null", "-"]
    subprocess.run(command, check=False, stdin=subprocess.DEVNULL)
    assert connections


def referring(mp4: Path, path: Path, target: str) -> Path:
    """The recording with every track's data said to lie in another file: `url ` entries, not self-contained."""
    data = mp4.read_bytes()
    inside = struct.pack(">I4sI", 12, b"url ", 1)
    assert data.count(inside) == 2
    place = target.encode() + b"\0"
    outside = struct.pack(">I4sI", 12 + len(place), b"url ", 0) + place
    grown = data
    while (at := grown.find(inside)) >= 0:
        # Every box around the entry grows with it.
        for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
            box = grown.rfind(kind, 0, at) - 4
            (size,) = struct.unpack_from(">I", grown, box)
            grown = grown[:box] + struct.pack(">I", size + len(place)) + grown[box + 4 :]
        at = grown.find(inside)
        grown = grown[:at] + outside + grown[at + len(inside) :]
    path.write_bytes(grown)
    return path


def test_a_movie_whose_data_lies_in_another_file_is_refused(mp4, shelf):
    error = refusal(referring(mp4, shelf / "reference.mov", "file:///etc/passwd"))
    assert error.code == "not_media"
    assert "self-contained" in error.message
