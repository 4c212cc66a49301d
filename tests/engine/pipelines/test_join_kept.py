"""Joins that go on from the runs that an attempt before has encoded."""

from pathlib import Path

import pytest

from jobs.engine.pipelines.join import JoinOptions, Part, join
from jobs.engine.probe.inspection import inspect
from jobs.engine.render import joined_picture
from jobs.engine.runtime.kept_parts import FolderPlace, KeptParts
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from tests import clips
from tests.clips import Picture


def joined(folder: Path, paths: list[Path], kept: KeptParts | None, way: str) -> bytes:
    parts = [Part(Source(path, inspect(path)), path.name) for path in paths]
    assert join(parts, folder / "joined.mp4", Workspace(folder, kept=kept), JoinOptions(way)).report.ok
    return (folder / "joined.mp4").read_bytes()


@pytest.mark.parametrize("way", ["smart", "encode"])
def test_what_was_encoded_is_not_encoded_again(tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = clips.make(tmp_path / "a.mp4", Picture(seconds=2))
    second = clips.make(tmp_path / "b.mp4", Picture(seconds=2, size=(96, 160)))
    whole = joined(tmp_path, [first, second], None, way)
    place = FolderPlace(tmp_path / "parts")
    assert joined(tmp_path, [first, second], KeptParts(place), way) == whole
    made = list(place.folder.glob("*/*-*"))
    assert made
    made[-1].write_bytes(made[-1].read_bytes()[:-9])
    encoded, right = [], joined_picture._Frames.encoded
    monkeypatch.setattr(
        joined_picture._Frames, "encoded", lambda self, run, task: encoded.append(run) or right(self, run, task)
    )
    kept = KeptParts(place)
    assert joined(tmp_path, [first, second], kept, way) == whole
    assert [f"{run.first}-{run.end}" for run in encoded] == [made[-1].name], "only what was damaged"
    assert kept.found == len(made) - 1
