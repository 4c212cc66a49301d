"""Encodes that go on from what an attempt before has made: no frame is encoded twice, and nothing is trusted unseen."""

from pathlib import Path

import pytest

from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.kept_parts import FolderPlace, KeptParts
from jobs.engine.smartcut import splicer
from jobs.engine.video import chunked_encoder
from jobs.engine.video.chunked_encoder import ChunkEncoding, encode_frames
from jobs.engine.video.encoded_packets import EncodedRun
from jobs.engine.video.source import Source
from jobs.errors import Cancelled
from tests.clips import Picture, make, number_of
from tests.engine.video.test_chunked_encoder import decoded, planned
from tests.splices import assert_faithful, spliced


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch):
    monkeypatch.setattr(chunked_encoder, "CHUNK_SECONDS", 1)
    monkeypatch.setattr(chunked_encoder, "KEYFRAME_SECONDS", 0.5)


@pytest.fixture
def encodings(monkeypatch) -> list[tuple[int, int]]:
    """The chunks that go through an encoder."""
    found = []
    right = ChunkEncoding.run

    def noted(self, playhead, chunk):
        found.append(chunk)
        return right(self, playhead, chunk)

    monkeypatch.setattr(ChunkEncoding, "run", noted)
    return found


def recording(folder: Path) -> Path:
    return make(folder / "a.mp4", Picture(seconds=6, size=(160, 96)))


def encode(source: Path, output: Path, kept: KeptParts | None, stop_at: float = 2.0) -> None:
    index, wanted = planned(source, [("0", "6")])

    def progress(fraction: float) -> None:
        if fraction > stop_at:
            raise Cancelled("Stopped.")

    encode_frames(Source(source, inspect(source), index), wanted, output, progress=progress, kept=kept)


def pictures(path: Path) -> list[int]:
    return [number_of(frame) for frame in decoded(path).values()]


def test_an_encode_that_was_stopped_goes_on_after_what_it_has_made(tmp_path, encodings):
    source, folder = recording(tmp_path), tmp_path / "parts"
    encode(source, tmp_path / "whole.mp4", None)
    whole = list(encodings)
    encodings.clear()
    with pytest.raises(Cancelled):
        encode(source, tmp_path / "stopped.mp4", KeptParts(FolderPlace(folder)), stop_at=0.6)
    made = {tuple(map(int, file.name.split("-"))) for file in folder.glob("*/*-*")}
    assert 2 <= len(made) < len(whole)
    encodings.clear()
    kept = KeptParts(FolderPlace(folder))
    encode(source, tmp_path / "result.mp4", kept)
    assert kept.found == len(made)
    assert sorted(encodings) == sorted(set(whole) - made), "the others, each once"
    assert pictures(tmp_path / "result.mp4") == pictures(tmp_path / "whole.mp4")
    assert (tmp_path / "result.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_a_machine_with_other_processors_goes_on_with_the_same_chunks(tmp_path, encodings, monkeypatch):
    source, folder = recording(tmp_path), tmp_path / "parts"
    monkeypatch.setattr(chunked_encoder, "maximum_threads", lambda track: 2)
    with pytest.raises(Cancelled):
        encode(source, tmp_path / "stopped.mp4", KeptParts(FolderPlace(folder)), stop_at=0.6)
    made = [file.name for file in folder.glob("*/*-*")]
    monkeypatch.setattr(chunked_encoder, "maximum_threads", lambda track: 4)
    kept = KeptParts(FolderPlace(folder))
    encode(source, tmp_path / "result.mp4", kept)
    assert kept.found == len(made)
    assert pictures(tmp_path / "result.mp4") == list(range(150))


def test_a_part_that_is_damaged_or_holds_other_frames_is_made_again(tmp_path, encodings):
    source, folder = recording(tmp_path), tmp_path / "parts"
    encode(source, tmp_path / "first.mp4", KeptParts(FolderPlace(folder)))
    files = sorted(folder.glob("*/*-*"), key=lambda file: int(file.name.split("-")[0]))
    files[0].write_bytes(files[0].read_bytes()[:-7])
    files[1].write_bytes(files[2].read_bytes())  # whole, but of another second
    encodings.clear()
    encode(source, tmp_path / "second.mp4", KeptParts(FolderPlace(folder)))
    assert sorted(encodings) == [tuple(map(int, file.name.split("-"))) for file in files[:2]]
    assert pictures(tmp_path / "second.mp4") == list(range(150))


def test_another_picture_of_the_same_times_is_not_found(tmp_path, encodings):
    folder = tmp_path / "parts"
    encode(recording(tmp_path), tmp_path / "first.mp4", KeptParts(FolderPlace(folder)))
    other = make(tmp_path / "b.mp4", Picture(seconds=6, size=(192, 96)))
    kept = KeptParts(FolderPlace(folder))
    encode(other, tmp_path / "second.mp4", kept)
    assert kept.found == 0


def test_frames_painted_by_who_does_not_say_what_are_not_kept(tmp_path):
    source, folder = recording(tmp_path), tmp_path / "parts"
    index, wanted = planned(source, [("0", "6")])
    encode_frames(
        Source(source, inspect(source), index),
        wanted,
        tmp_path / "painted.mp4",
        progress=lambda done: None,
        paint=lambda frame, time: frame,
        kept=KeptParts(FolderPlace(folder)),
    )
    assert not folder.exists()


def test_the_seams_of_a_cut_are_encoded_once(tmp_path, monkeypatch):
    source, kept = make(tmp_path / "a.mp4", Picture()), KeptParts(FolderPlace(tmp_path / "parts"))
    made = spliced(source)
    patches = [run for run in made.splice.runs if run.copied_from is None]
    assert len(patches) == 2

    def again(folder: KeptParts) -> Path:
        output = tmp_path / "again.mp4"
        given = Source(source, inspect(source), made.index)
        splicer.splice_track(given, made.splice, output, progress=lambda done: None, kept=folder)
        return output

    again(kept)
    monkeypatch.setattr(splicer, "encoded_packets", lambda *given: pytest.fail("it is there"))
    kept = KeptParts(FolderPlace(tmp_path / "parts"))
    assert again(kept).read_bytes() == made.output.read_bytes()
    assert kept.found == len(patches)
    assert_faithful(made)


def test_a_run_is_read_only_when_it_holds_exactly_its_frames():
    run = EncodedRun([(0, b"key", True), (20, b"p", False), (10, b"b", False)], (5,), (7,))
    stored = run.dumps()
    assert EncodedRun.loads(stored, [0, 10, 20]) == run
    for times in ([0, 10], [0, 10, 20, 30], [0, 10, 21]):
        assert EncodedRun.loads(stored, times) is None
    assert EncodedRun.loads(stored[:-1], [0, 10, 20]) is None
    assert EncodedRun.loads(b"", []) is None
    assert EncodedRun.loads(EncodedRun([(0, b"p", False)]).dumps(), [0]) is None
