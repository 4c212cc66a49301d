"""Nothing is published that was not checked, and what a quick render spoils is made again the safe way."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest

from jobs.engine.edit.cut_plan import CutParams
from jobs.engine.pipelines import silence_cut as cutting
from jobs.engine.pipelines.timeline_render import RenderOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.render import checked_render, render
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.verify import verify
from jobs.engine.video.source import Source
from jobs.errors import InputError, ToolError
from tests.clips import Picture, Sound, make, seen

LOUD = [(0.5, 1.5), (3.1, 4.5)]
PARAMS = CutParams(threshold_db=-30, margin_before_ms=100, margin_after_ms=100)


@pytest.fixture
def source(tmp_path) -> Path:
    return make(tmp_path / "a.mp4", Picture(seconds=6, options={"g": "10", "bf": "2"}), Sound(LOUD, seconds=6))


def cut(source: Path, **told) -> tuple[cutting.CutResult, Path]:
    output = source.parent / "cut.mp4"
    scratch = source.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    return cutting.cut(Source(source, inspect(source)), PARAMS, output, Workspace(scratch, **told)), output


def without_a_frame(part: Path) -> None:
    """Take one picture out of a rendered file."""
    whole = part.with_suffix(".whole")
    part.rename(whole)
    with av.open(str(whole)) as before, av.open(str(part), "w", format="mp4") as after:
        streams = {stream.index: after.add_stream_from_template(stream) for stream in before.streams}
        pictures = 0
        for packet in before.demux():
            pictures += packet.size > 0 and packet.stream.type == "video"
            if packet.size and not (packet.stream.type == "video" and pictures == 15):
                packet.stream = streams[packet.stream.index]
                after.mux(packet)
    whole.unlink()


def with_a_bit_flipped(part: Path) -> None:
    """Change one picture of a rendered file far from its only join."""
    with av.open(str(part)) as container:
        pictures = [packet for packet in container.demux(video=0) if packet.size]
        hit = pictures[len(pictures) // 4]
        last = hit.pos + hit.size - 1
    data = bytearray(part.read_bytes())
    data[last] ^= 1
    part.write_bytes(data)


def with_a_sound_spoilt(part: Path) -> None:
    """Change one byte of one packet of sound."""
    with av.open(str(part)) as container:
        hit = [packet for packet in container.demux(audio=0) if packet.size][30]
        last = hit.pos + hit.size // 2
    data = bytearray(part.read_bytes())
    data[last] ^= 1
    part.write_bytes(data)


def spoil(monkeypatch, which: str, how: Callable[[Path], None] = without_a_frame) -> list[str]:
    """Let renders of one kind, or "all", come out a frame short. Returns the kinds that were rendered."""
    rendered = []
    right = render.render

    def wrong(request, output, work, strategy):
        lost = right(request, output, work, strategy)
        rendered.append(strategy.render)
        if which in (strategy.render, "all"):
            how(output)
        return lost

    monkeypatch.setattr(render, "render", wrong)
    return rendered


def test_the_result_tells_what_was_checked_and_how_long_it_took(source):
    result, _ = cut(source)
    assert result.render == "smart"
    data = result.to_json()
    assert data["report"]["ok"] is True
    assert data["checked"] == data["report"]["summary"] == f"checked: {result.frames} frames, 1 join, drift 0 ms"
    assert data["seconds"].keys() == {"analysis", "render", "verify"}
    assert data["seconds"]["verify"] > 0


def test_nothing_has_the_results_name_before_the_check_has_passed(source, monkeypatch):
    names = []

    def looking(source, output, *args, **more):
        names.extend(path.name for path in source.path.parent.iterdir() if path.is_file())
        assert output.is_file()
        return verify.verify(source, output, *args, **more)

    monkeypatch.setattr(checked_render, "verify", looking)
    cut(source)
    assert "cut.mp4" not in names
    assert sorted(path.name for path in source.parent.iterdir() if path.is_file()) == ["a.mp4", "cut.mp4"]


def test_a_quick_result_that_fails_the_check_is_made_again_the_safe_way(source, monkeypatch):
    rendered = spoil(monkeypatch, "smart")
    log = CommandLog()
    stages: list[str] = []
    result, output = cut(source, log=log, progress=lambda fraction, stage: stages.append(stage))

    assert rendered == ["smart", "encode"]
    assert "Encoding around 2 cuts, 85 % untouched" in stages
    assert "Copying failed, encoding 2 parts" in stages[stages.index("Checking the result") :]
    assert result.render == "encode"
    assert result.frames_copied == 0
    assert result.reason == "The whole picture is encoded, because copying parts of it failed."
    assert result.report.ok
    assert len(seen(output)) == result.frames
    assert "frame_count" in log.text


def test_sound_that_changed_on_the_way_is_noticed(source, monkeypatch):
    rendered = spoil(monkeypatch, "smart", with_a_sound_spoilt)
    log = CommandLog()
    result, _ = cut(source, log=log)

    assert rendered == ["smart", "encode"]
    assert result.report.ok
    assert "sound_damaged" in log.text


def test_a_copied_picture_that_changed_on_the_way_is_noticed_far_from_any_join(source, monkeypatch):
    rendered = spoil(monkeypatch, "smart", with_a_bit_flipped)
    log = CommandLog()
    result, _ = cut(source, log=log)

    assert rendered == ["smart", "encode"]
    assert result.report.ok
    assert "copy_differs" in log.text


def test_a_result_that_fails_the_check_both_ways_is_thrown_away(source, monkeypatch):
    rendered = spoil(monkeypatch, "all")
    (source.parent / "cut.mp4").write_text("the one before")
    with pytest.raises(ToolError) as error:
        cut(source)
    assert rendered == ["smart", "encode"]
    assert error.value.code == "unsound_result"
    assert "frame_count" in error.value.detail
    assert (source.parent / "cut.mp4").read_text() == "the one before"
    assert sorted(path.name for path in source.parent.iterdir()) == ["a.mp4", "cut.mp4", "scratch"]


@pytest.mark.parametrize("way", ["smart", "encode"])
def test_a_recording_whose_data_is_gone_is_refused_with_a_sentence(source, way):
    info = inspect(source)
    data = bytearray(source.read_bytes())
    place = data.index(b"mdat") + 4
    length = int.from_bytes(data[place - 8 : place - 4]) - 8
    gone = length * 7 // 10
    data[place + length - gone : place + length] = bytes(gone)
    source.write_bytes(data)
    params = CutParams(keep=((Fraction(1, 2), Fraction(3, 2)), (Fraction(2), Fraction(6))))

    with pytest.raises(InputError) as error:
        cutting.cut(
            Source(source, info), params, source.parent / "cut.mp4", Workspace(source.parent), RenderOptions(way=way)
        )

    assert error.value.code == "damaged"
    assert error.value.message.startswith("The recording is damaged: ")
    assert error.value.message.endswith(".")
    assert [path.name for path in source.parent.iterdir()] == ["a.mp4"]


def test_a_little_damage_is_told_and_does_no_harm(source):
    info = inspect(source)
    data = bytearray(source.read_bytes())
    with av.open(str(source)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    begin = data.find(packets[18])
    data[begin + 4 : begin + len(packets[18])] = bytes(len(packets[18]) - 4)
    source.write_bytes(data)

    result = cutting.cut(
        Source(source, info), PARAMS, source.parent / "cut.mp4", Workspace(source.parent), RenderOptions(way="encode")
    )

    assert result.report.ok
    assert 1 <= result.report.frames_lost <= 10
    assert "of the recording damaged" in result.report.summary


def test_sound_alone_whose_data_is_gone_is_refused_too(tmp_path):
    source = make(tmp_path / "a.m4a", None, Sound(LOUD, seconds=6))
    info = inspect(source)
    data = bytearray(source.read_bytes())
    place = data.index(b"mdat") + 4
    length = int.from_bytes(data[place - 8 : place - 4]) - 8
    data[place + length // 5 : place + length] = bytes(length - length // 5)
    source.write_bytes(data)
    params = CutParams(keep=((Fraction(1, 2), Fraction(3, 2)), (Fraction(2), Fraction(6))))

    with pytest.raises(InputError) as error:
        cutting.cut(Source(source, info), params, tmp_path / "cut.m4a", Workspace(tmp_path))

    assert error.value.code == "damaged"
    assert "most of the sound that is to be kept cannot be decoded" in error.value.message
