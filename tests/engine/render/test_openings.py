"""Recordings that do not begin with a keyframe, or with what leads one: every picture that can be decoded is there."""

import dataclasses
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from jobs.engine.edit.cut_plan import CutParams
from jobs.engine.pipelines import silence_cut as cutting
from jobs.engine.pipelines.timeline_render import RenderOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.smartcut.packet_reader import Unsound
from jobs.engine.video import frame_index, frame_picker
from jobs.engine.video.source import Source
from tests.clips import Picture, Sound, make, number_of, seen

OPEN = "open-gop=1:scenecut=0:keyint=25:min-keyint=6:b-adapt=0:bframes=3"
X265 = "keyint=25:min-keyint=25:bframes=3:scenecut=0:b-adapt=0:log-level=none"
H264 = {"codec": "libx264", "options": {"preset": "medium", "x264-params": OPEN}}
OPENINGS = {
    # name: (file, picture, groups left out at the start, whether the first group
    # has its mark taken away, the first picture that can be decoded)
    "no IDR picture, and no mark": ("a.mp4", H264, 1, True, 25),
    "no mark in Matroska": ("b.mkv", H264, 1, True, 25),
    "no IDR picture": ("a.mkv", H264, 1, False, 25),
    "transport stream that begins in a group": ("a.ts", H264, 0.5, False, 25),
    "leading pictures that can be decoded": (
        "a.mkv",
        {"codec": "libx265", "options": {"x265-params": f"{X265}:open-gop=0:radl=2"}},
        1,
        False,
        23,
    ),
    "leading pictures that cannot": (
        "a.mkv",
        {"codec": "libx265", "options": {"x265-params": f"{X265}:open-gop=1"}},
        1,
        False,
        25,
    ),
    "MPEG-2 in open groups": ("a.ts", {"codec": "mpeg2video", "time_base": Fraction(1, 25)}, 1, False, 27),
    "MPEG-4 from the middle of a group": ("a.mkv", {"codec": "mpeg4", "time_base": Fraction(1, 25)}, 0.5, False, 25),
}


def opening(folder: Path, name: str) -> tuple[Path, int]:
    """A stretch of a recording to its end, and the number of the first picture that can be decoded."""
    filename, picture, left_out, unmark, shown = OPENINGS[name]
    options = picture.get("options", {"g": "25", "bf": "2", "sc_threshold": "1000000000"})
    whole = make(folder / f"whole-{filename}", Picture(seconds=8, **{**picture, "options": options}))
    source = folder / filename
    with av.open(str(whole)) as before, av.open(str(source), "w") as after:
        stream = after.add_stream_from_template(before.streams.video[0])
        packets = [packet for packet in before.demux(video=0) if packet.size]
        keys = [number for number, packet in enumerate(packets) if packet.is_keyframe]
        first = keys[int(left_out)] if left_out >= 1 else round(keys[1] * left_out)
        for number, packet in enumerate(packets[first:]):
            packet.stream = stream
            packet.is_keyframe = packet.is_keyframe and not (unmark and number == 0)
            after.mux(packet)
    return source, shown


@pytest.mark.parametrize("name", OPENINGS)
def test_every_picture_that_can_be_decoded_is_there(name, tmp_path):
    source, first = opening(tmp_path, name)
    info = inspect(source)
    for way in ("smart", "encode"):
        output = tmp_path / f"{way}.mp4"

        result = cutting.cut(
            Source(source, info), CutParams(keep=((0, 6.5),)), output, Workspace(tmp_path), RenderOptions(way=way)
        )

        numbers = [one.number for one in seen(output)]
        assert numbers == list(range(first, first + len(numbers)))
        assert len(numbers) >= 140
        assert result.report.ok
    index = frame_index.index_frames(source, info)
    assert set(np.diff(index.start_ticks)) == {index.clock_hz // 25}


@pytest.mark.parametrize("name", OPENINGS)
def test_stills_show_what_is_on_show(name, tmp_path):
    source, first = opening(tmp_path, name)
    info = inspect(source)
    begins = frame_index.index_frames(source, info).start_ticks[0] / frame_index.index_frames(source, info).clock_hz

    times = [Fraction(begins) + Fraction(2 * number + 1, 50) for number in (3, 10, 40, 60)]
    found = [number_of(one.frame) for one in frame_picker.frames_at(source, info, times)]

    assert found == [first + number for number in (3, 10, 40, 60)]


def test_a_result_whose_start_is_thrown_away_is_caught(tmp_path, monkeypatch):
    """The index may be wrong: what is made from it must not be proven by it alone."""
    source, _ = opening(tmp_path, "no IDR picture, and no mark")
    info = inspect(source)
    whole = frame_index.index_frames(source, info)
    for lacks in (slice(25, None), np.r_[0:60, 75:175]):
        short = dataclasses.replace(whole, pts=whole.pts[lacks], start_ticks=whole.start_ticks[lacks])
        monkeypatch.setattr(frame_index, "index_frames", lambda *_, short=short, **__: short)

        with pytest.raises(Unsound) as caught:
            cutting.cut(Source(source, info), CutParams(keep=((0, 6.5),)), tmp_path / "b.mp4", Workspace(tmp_path))

        assert "frames_missing" in caught.value.detail
        assert not (tmp_path / "b.mp4").exists()


def test_slides_and_sound_that_outlasts_the_picture_accuse_nobody(tmp_path):
    times = [Fraction(second) for second in (0, 1, 5, 6, 11)]
    source = make(tmp_path / "a.mp4", Picture(times=times), Sound([(0, 14)], seconds=14))
    result = cutting.cut(
        Source(source, inspect(source)), CutParams(keep=((0.5, 14),)), tmp_path / "b.mp4", Workspace(tmp_path)
    )
    assert result.report.ok
    assert result.frames == 5
