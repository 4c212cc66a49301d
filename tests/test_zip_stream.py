"""ZIP files that are made while they are sent."""

import io
import shutil
import subprocess
import zipfile
from datetime import datetime

import pytest

from jobs import zip_stream
from jobs.zip_stream import BLOCK, Entry


def entry(name, content, size=None):
    return Entry(
        name, len(content) if size is None else size, lambda: io.BytesIO(content), datetime(2026, 11, 30, 12, 5)
    )


THINGS = {
    "everything.json": b"{}",
    "recordings/Über uns, 東京 1234abcd/talk.mp4": bytes(range(256)) * 9000,  # several blocks
    "recordings/empty": b"",
    **{f"images/{number}.png": bytes([number % 256]) * number for number in range(300)},
}


@pytest.fixture(params=[None, 1000], ids=["small", "as of 2 GB"])
def limit(request, monkeypatch):
    """Where fields of 32 bits end: also so low that everything is over it."""
    if request.param:
        monkeypatch.setattr(zipfile, "ZIP64_LIMIT", request.param)
        monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 100)


@pytest.mark.parametrize("count", [0, 1, 2, 60, len(THINGS)])
def test_it_is_as_long_as_was_said_and_holds_what_was_given(limit, count):
    things = dict(list(THINGS.items())[:count])
    entries = [entry(name, content) for name, content in things.items()]
    whole = b"".join(zip_stream.stream(entries))
    assert len(whole) == zip_stream.length(entries)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.testzip() is None
        assert {info.filename: archive.read(info) for info in archive.infolist()} == things
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())


def test_a_block_at_a_time_is_held():
    size = 20 * BLOCK
    blocks = list(zip_stream.stream([Entry("large", size, lambda: io.BytesIO(bytes(size)))]))
    assert max(map(len, blocks)) <= 2 * BLOCK
    assert len(blocks) >= 19


def test_small_files_go_out_together():
    entries = [entry(name, content) for name, content in THINGS.items() if len(content) < 1000]
    assert len(list(zip_stream.stream(entries))) <= 2


def test_a_file_that_is_shorter_than_was_said_ends_it_early():
    blocks = zip_stream.stream([entry("one", b"12345"), entry("short", b"12", size=BLOCK)])
    with pytest.raises(OSError, match="short ends"):
        list(blocks)


def test_a_file_that_grew_is_sent_as_it_was_said():
    entries = [entry("grown", b"1234567", size=3)]
    with zipfile.ZipFile(io.BytesIO(b"".join(zip_stream.stream(entries)))) as archive:
        assert archive.read("grown") == b"123"


def test_who_goes_away_leaves_no_file_open():
    file = io.BytesIO(bytes(5 * BLOCK))
    blocks = zip_stream.stream([Entry("large", 5 * BLOCK, lambda: file)])
    next(blocks)
    blocks.close()
    assert file.closed


@pytest.mark.skipif(shutil.which("unzip") is None, reason="Info-ZIP is not installed")
def test_another_program_reads_it(tmp_path):
    whole = tmp_path / "whole.zip"
    whole.write_bytes(b"".join(zip_stream.stream([entry(name, content) for name, content in THINGS.items()])))
    done = subprocess.run(["unzip", "-tq", str(whole)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
