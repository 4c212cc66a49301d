"""Parts of a result that are kept: found by what decides them, whole or not at all, within their bounds."""

import shutil
from pathlib import Path

import pytest

from jobs.engine.runtime.kept_parts import FolderPlace, KeptParts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "parts" / "one"


def test_the_next_attempt_finds_what_was_made_in_the_same_way_and_nothing_else(folder):
    KeptParts(FolderPlace(folder)).of("encode", (1, 2), b"\0").save("0-10", b"packets")
    again = KeptParts(FolderPlace(folder))
    assert again.of("encode", (1, 2), b"\0").load("0-10") == b"packets"
    assert again.of("encode", (1, 2), b"\0").load("10-20") is None
    for others in (("encode", (1, 3), b"\0"), ("encode", (1, 2)), ("encode(1, 2)", b"\0")):
        assert again.of(*others).load("0-10") is None


@pytest.mark.parametrize("spoil", [lambda data: data[:-1], lambda data: data[:40] + b"?" + data[41:], lambda data: b""])
def test_what_is_not_whole_is_not_found(folder, spoil):
    parts = KeptParts(FolderPlace(folder)).of("encode")
    parts.save("0-10", b"packets")
    (file,) = folder.glob("*/0-10")
    file.write_bytes(spoil(file.read_bytes()))
    assert parts.load("0-10") is None


def test_no_more_is_kept_than_there_is_room_for(folder):
    kept = KeptParts(FolderPlace(folder), limit_bytes=10)
    kept.of("a").save("1", b"123456")
    kept.of("b").save("2", b"123456")
    assert [file.name for file in folder.glob("*/*")] == ["1"]
    free = shutil.disk_usage(folder).free
    KeptParts(FolderPlace(folder, 2 * free)).of("c").save("3", b"")
    assert [file.name for file in folder.glob("*/*")] == ["1"]
    forgotten = KeptParts(FolderPlace(folder))
    forgotten.forget()
    assert not folder.exists()


def test_a_disk_that_is_full_only_means_that_nothing_is_kept(folder, monkeypatch):
    parts = KeptParts(FolderPlace(folder)).of("encode")
    parts.save("1", b"123456")

    def full(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    parts.save("2", b"123456")
    assert not folder.exists(), "what is kept makes room for the work"
