"""What callers rely on, of a folder and of a bucket alike."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from jobs import storage

KEY = "videos/0b6e/source.mp4"


@pytest.fixture
def made(tmp_path: Path):
    """Makes a file of this machine with these bytes."""

    def make(content: bytes, name: str = "made") -> Path:
        file = tmp_path / "made" / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
        return file

    return make


def content_of(store: storage.Store, key: str) -> bytes:
    with store.open(key)[0] as file:
        return file.read()


@pytest.mark.parametrize("size", [0, 3, 20_000_000], ids=["empty", "small", "in parts"])
def test_what_was_published_is_there_whole_and_its_file_is_gone(store, made, size):
    content = os.urandom(size)
    store.publish(file := made(content), KEY, hashlib.sha256(content).hexdigest())
    assert not file.exists()
    assert content_of(store, KEY) == content
    assert store.stat(KEY).size == size
    with store.fetch(KEY) as copy:
        assert copy.read_bytes() == content and copy.suffix == ".mp4"


def test_what_is_shared_keeps_its_own_name_and_can_be_taken_back(store, made):
    store.share(file := made(b"bytes"), KEY)
    assert file.read_bytes() == content_of(store, KEY) == b"bytes"
    store.take_back(file, KEY)
    assert file.read_bytes() == b"bytes"


def test_what_is_not_there_is_file_not_found(store):
    for ask in (store.stat, store.open, lambda key: store.link(key, "b"), lambda key: store.copy(key, "b")):
        with pytest.raises(FileNotFoundError):
            ask(KEY)
    store.delete(KEY)
    store.delete_tree("videos")
    assert list(store.listed("videos")) == [] and store.folders("videos") == []


def test_a_key_leads_nowhere_else(store):
    for key in ("../out", "/etc/passwd", "videos/../../out"):
        with pytest.raises(ValueError, match="leads out"):
            store.stat(key)


def test_bytes_are_copied_under_a_second_key(store, made):
    store.publish(made(b"bytes"), KEY)
    store.copy(KEY, "videos/2/source.mp4")
    assert store.link(KEY, "videos/3/source.mp4")
    store.delete(KEY)
    assert content_of(store, "videos/2/source.mp4") == content_of(store, "videos/3/source.mp4") == b"bytes"


def test_of_several_who_put_something_new_the_first_wins(store):
    store.put_new(b"first", "install")
    store.put_new(b"second", "install")
    assert content_of(store, "install") == b"first"


def test_files_and_folders_are_listed_below_a_key(store, made):
    for key in ("artifacts/a/1/x.mp4", "artifacts/a/2/y.mp4", "artifacts/ab/1/z.mp4"):
        store.publish(made(b"123"), key)
    assert sorted((one.key, one.size) for one in store.listed("artifacts/a")) == [
        ("artifacts/a/1/x.mp4", 3),
        ("artifacts/a/2/y.mp4", 3),
    ]
    assert sorted(store.folders("artifacts")) == ["a", "ab"]
    store.delete_tree("artifacts/a")
    assert store.folders("artifacts") == ["ab"]


def test_a_folder_that_cannot_be_deleted_as_a_whole_says_so(tmp_path, monkeypatch):
    folder = storage.FolderStore(tmp_path)
    for name in "abc":
        folder.put_new(b"1", f"videos/1/{name}")

    def unlink(name, **options):
        if name == "b":
            raise PermissionError(errno.EPERM, "it may not go", name)
        real(name, **options)

    real = os.unlink
    with monkeypatch.context() as kept, pytest.raises(PermissionError):
        kept.setattr(os, "unlink", unlink)
        folder.delete_tree("videos/1")
    assert [found.key for found in folder.listed("videos")] == ["videos/1/b"]
    folder.delete_tree("videos/1")
    folder.delete_tree("videos/1")


def test_a_part_of_a_file_is_read_from_where_one_seeks_to(store, made):
    content = os.urandom(3_000_000)
    store.publish(made(content), KEY)
    with store.open(KEY)[0] as file:
        for start, size in ((2_999_990, 50), (0, 10), (131_070, 5), (1_000_000, 1_500_000), (1_000_000, 3)):
            file.seek(start)
            assert file.read(size) == content[start : start + size]
        assert file.seek(-5, os.SEEK_END) == 2_999_995 and file.read() == content[-5:]
        assert file.read(1) == b""


def test_a_draft_is_published_from_where_it_lies(store):
    with store.drafting("videos/1/poster.jpg", ".poster.jpg") as part:
        part.write_bytes(b"poster")
        store.publish(part, "videos/1/poster.jpg")
    assert not part.exists() and content_of(store, "videos/1/poster.jpg") == b"poster"


def test_a_file_from_another_filesystem_is_copied_into_the_folder(made, tmp_path, monkeypatch):
    def refuse(source, target):
        raise OSError(errno.EXDEV, "another filesystem")

    folder, file = storage.FolderStore(tmp_path / "kept"), made(b"bytes")
    with monkeypatch.context() as apart:
        real = Path.rename
        apart.setattr(Path, "rename", lambda self, target: refuse(self, target) if self == file else real(self, target))
        folder.publish(file, KEY)
    assert content_of(folder, KEY) == b"bytes" and not file.exists()
    assert [path.name for path in folder.path(KEY).parent.iterdir()] == ["source.mp4"]
