"""Pictures converted in pieces: as one command would, kept, and gone on with after an interruption."""

import dataclasses
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from jobs.engine.pipelines.convert import formats, pieces
from jobs.engine.pipelines.convert.conversion import ConvertOptions
from jobs.engine.pipelines.convert.framing import Shape
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.kept_parts import FolderPlace, KeptParts
from jobs.errors import Cancelled
from tests.clips import Picture, Sound, make, seen
from tests.engine.pipelines.converting import killed, run
from tests.media import run_ffmpeg, url

UNEVEN = [Fraction(number, 30) + Fraction(number * 7 % 11, 400) for number in range(120)]
PICTURE = Picture(seconds=4, options={"preset": "veryfast", "g": "20", "bf": "3"})
SOUND = Sound([(0.3, 0.8), (3.2, 3.7)], seconds=4)
RECORDINGS = {
    "pyramids": ("a.mp4", PICTURE),
    "open groups": ("a.mkv", Picture(seconds=4, options={"g": "12", "bf": "3", "x264-params": "open-gop=1"})),
    "variable rate": ("a.mp4", Picture(times=UNEVEN, options={"preset": "ultrafast", "g": "20"})),
    "a late start": ("a.mkv", dataclasses.replace(PICTURE, start=Fraction(5))),
    "turned": ("a.mp4", dataclasses.replace(PICTURE, rotation=90)),
}
SMALL = ConvertOptions(quality="small", shape=Shape(resolution=72))


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_SECONDS", 1)


@pytest.fixture
def made(monkeypatch) -> list[tuple[int, int]]:
    """The pieces that an encoder has made."""
    found, right = [], pieces._Making.piece
    monkeypatch.setattr(
        pieces._Making,
        "piece",
        lambda self, first, end, *rest: found.append((first, end)) or right(self, first, end, *rest),
    )
    return found


def shown(path: Path) -> list[tuple[int, int]]:
    """Of each picture its number and time in milliseconds."""
    return [(one.number, round(one.time * 1000)) for one in seen(path)]


@pytest.mark.parametrize("target", ["mp4", "hevc", "av1", "webm"])
def test_each_target_is_made_of_pieces_as_of_one(target, tmp_path, made):
    source = make(tmp_path / "a.mp4", PICTURE, SOUND)
    options = dataclasses.replace(SMALL, target=target)
    _, output = run(source, options)
    one, facts = shown(output), inspect(output)
    result, output = run(source, options, kept=KeptParts(FolderPlace(tmp_path / "parts")))
    assert len(made) >= 3
    assert shown(output) == one
    assert result.lost == 0
    after = inspect(output)
    assert dataclasses.replace(after.video, bit_rate=0) == dataclasses.replace(facts.video, bit_rate=0)
    assert [track.codec for track in after.audio] == [track.codec for track in facts.audio]
    assert after.duration == pytest.approx(facts.duration, abs=0.05)


@pytest.mark.parametrize("name", RECORDINGS)
def test_each_picture_stands_at_its_time_whatever_the_recording_is_like(name, tmp_path, made):
    filename, picture = RECORDINGS[name]
    source = make(tmp_path / filename, picture, SOUND)
    _, output = run(source, SMALL)
    one = shown(output)
    _, output = run(source, SMALL, kept=KeptParts(FolderPlace(tmp_path / "parts")))
    assert len(made) >= 3
    assert shown(output) == one


def test_a_conversion_that_was_stopped_goes_on_after_the_pieces_it_has(tmp_path, made):
    source, folder = make(tmp_path / "a.mp4", PICTURE, SOUND), tmp_path / "parts"

    def stop(fraction: float, stage: str) -> None:
        if fraction > 0.5:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        run(source, SMALL, kept=KeptParts(FolderPlace(folder)), progress=stop)
    assert made
    first = made[: len(list(folder.glob("*/*-*")))]
    made.clear()
    kept = KeptParts(FolderPlace(folder))
    _, output = run(source, SMALL, kept=kept)
    assert kept.found == len(first) >= 1
    every = [*first, *made]
    assert [begin for begin, _ in every] == [0, *(end for _, end in every[:-1])], "each piece once"
    assert every[-1][1] == 100
    assert [number for number, _ in shown(output)] == list(range(100))


def test_half_pictures_become_whole_ones_in_pieces_as_in_one(tmp_path, made, monkeypatch):
    """At the edges of pieces too, where a picture is made with those beside it, which are in another piece."""
    lossless = dataclasses.replace(formats.H264, options=lambda rate: ["-c:v:0", "libx264", "-qp:v:0", "0"])
    target = dataclasses.replace(formats.OUTPUT_FORMATS["mp4"], encoder=lossless)
    monkeypatch.setitem(formats.OUTPUT_FORMATS, "mp4", target)
    source = tmp_path / "a.mp4"
    run_ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=size=160x96:rate=50:duration=4", "-vf", "interlace,setparams=field_mode=tff"),
        *("-c:v", "libx264", "-flags", "+ildct+ilme", "-g", "25", url(source)),
    )
    _, output = run(source, ConvertOptions(quality="high"))
    one = frames(output)
    _, output = run(source, ConvertOptions(quality="high"), kept=KeptParts(FolderPlace(tmp_path / "parts")))
    assert len(made) >= 3
    other = frames(output)
    assert [time for time, _ in other] == [time for time, _ in one] and len(one) == 100
    assert [time for (time, left), (_, right) in zip(one, other, strict=True) if not np.array_equal(left, right)] == []


def test_whoever_was_killed_is_followed_by_one_that_makes_the_other_pieces(tmp_path, made):
    source, parts = make(tmp_path / "a.mp4", PICTURE, SOUND), tmp_path / "parts"
    killed(source, SMALL, parts, 0.6)
    there = {file.name for file in parts.glob("*/*-*")}
    assert there
    _, output = run(source, SMALL, kept=KeptParts(FolderPlace(parts)))
    assert made and not there & {f"{first}-{end}" for first, end in made}, "what was there is not made again"
    assert [number for number, _ in shown(output)] == list(range(100))


def frames(path: Path) -> list[tuple[float, np.ndarray]]:
    with av.open(str(path)) as container:
        return [(frame.time, frame.to_ndarray(format="gray")) for frame in container.decode(video=0)]


def test_what_does_not_make_one_track_is_left_to_one_command(tmp_path, monkeypatch, made):
    source = make(tmp_path / "a.mp4", PICTURE, SOUND)
    right = pieces.read
    monkeypatch.setattr(pieces, "read", lambda file, times, header: right(file, times[:-1], header))
    kept = KeptParts(FolderPlace(tmp_path / "parts"))
    _, output = run(source, SMALL, kept=kept)
    assert made
    assert [number for number, _ in shown(output)] == list(range(100))
    assert not (tmp_path / "parts").exists()
