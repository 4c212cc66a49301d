"""MPEG pictures whose container tells wrong times: every one is there, in order, evenly, with its sound in step."""

from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest

from jobs.engine.container import pes_timestamps
from jobs.engine.edit.cut_params import CutParams
from jobs.engine.edit.cut_plan import CutPlan
from jobs.engine.pipelines.convert.conversion import ConvertOptions
from jobs.engine.pipelines.convert.convert import convert
from jobs.engine.pipelines.convert.framing import Shape
from jobs.engine.pipelines.silence_cut import cut
from jobs.engine.probe import discontinuities
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.verify import missing_frames
from jobs.engine.video import frame_index, frame_reader, video_stream
from jobs.engine.video.source import Source
from jobs.errors import ToolError
from tests.clips import Picture, Sound, heard, lag, make, number_of, seen

STEP = 3600
KEEP = ((0.4, 2.0), (3.2, 5.6), (6.4, 7.2))


def raw(path):
    with av.open(str(path)) as container:
        return [(one.pts, one.dts) for one in container.demux(video=0) if one.size]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Pictures so small that a packet of the program stream holds sixteen of them, of some width one at its very edge.

    Then the container tells the times of some pictures twice.
    """
    path = tmp_path_factory.mktemp("restamp") / "a.mpg"
    options = {"g": "6", "bf": "2", "sc_threshold": "1000000000"}
    for width in range(192, 400, 16):
        picture = Picture(codec="mpeg2video", seconds=8, size=(width, 96), time_base=Fraction(1, 25), options=options)
        make(path, picture, Sound([(0, 8)], seconds=8, codec="mp2"))
        stamps = [pts for pts, _ in raw(path)]
        assert len(stamps) == 200
        if len(set(stamps)) < 200:
            return path
    raise AssertionError("no program stream tells times twice any more")


@pytest.fixture
def recording(made, tmp_path):
    """What is worked on, and its facts."""
    with discontinuities.continuous(made, tmp_path) as (source, info):
        assert (info.format, info.clocks, info.restamped) == ("mpeg", 1, True)
        yield source, info


def test_every_reader_sees_every_picture_in_its_place(recording):
    source, info = recording
    assert (info.video.frame_rate, info.video.variable_rate) == (25, False)
    index = frame_index.index_frames(source, info)
    assert len(index.pts) == 200
    assert set(np.diff(index.pts)) == {STEP}
    container, stream = video_stream.open_video(source, info)
    with container:
        frames = [(frame.pts, number_of(frame)) for frame in video_stream.readable_frames(container, stream)]
    assert frames == list(zip(index.pts.tolist(), range(200), strict=True))
    first = Fraction(int(index.start_ticks[0]), index.clock_hz)
    times = [first + Fraction(2 * number + 1, 50) for number in range(0, 200, 7)]
    with frame_reader.FrameReader.opened(source, info) as reader:
        found = [frame for _, frame in reader.frames_on_show([times[0]], opening=True)]
    assert [number_of(frame) for frame in found] == [0]


def test_the_copy_tells_the_times_that_were_told_rightly(made, recording):
    first = raw(made)[0]
    with av.open(str(recording[0])) as container:
        times = [(one.pts - first[0], one.dts - first[1]) for one in container.demux(video=0) if one.size]
    assert [dts for _, dts in times] == list(range(0, 200 * STEP, STEP))
    told = {(pts - first[0], dts - first[1]) for pts, dts in raw(made)}
    assert len(told & set(times)) > 150


@pytest.mark.parametrize("shape", [Shape(), Shape(frame_rate=Fraction(50))])
def test_a_conversion_by_ffmpeg_has_every_picture_at_its_time_and_its_sound_in_step(shape, made, recording, tmp_path):
    source, info = recording
    convert(Source(source, info), ConvertOptions("mp4", "small", shape=shape), tmp_path / "b.mp4", Workspace(tmp_path))
    pictures = seen(tmp_path / "b.mp4")
    repeats = 2 if shape.frame_rate else 1
    assert [one.number for one in pictures] == [number for number in range(200) for _ in range(repeats)]
    step = Fraction(1, 25 * repeats)
    assert {after.time - before.time for before, after in pairwise(pictures)} == {step}
    samples, rate = heard(tmp_path / "b.mp4")
    original, _ = heard(made)
    truth = {one.number: one.time for one in seen(source)}
    for one in pictures[10:-30:40]:
        assert abs(lag(samples, original, round(one.time * rate), round(truth[one.number] * rate))) < rate // 100


def test_a_cut_has_every_picture_and_its_sound_in_step(made, recording, tmp_path):
    source, info = recording
    index = frame_index.index_frames(source, info)
    result = cut(Source(source, info), CutParams(keep=KEEP), tmp_path / "b.mp4", Workspace(tmp_path))
    shown = [Fraction(int(tick), index.clock_hz) for tick in index.start_ticks]
    expected = [number for begin, end in result.plan.keep for number in range(200) if begin <= shown[number] < end]
    pictures = seen(tmp_path / "b.mp4")
    assert [one.number for one in pictures] == expected
    assert result.report.ok
    samples, rate = heard(tmp_path / "b.mp4")
    original, _ = heard(made)
    for one in pictures[5:-15:10]:
        assert (
            abs(lag(samples, original, round(one.time * rate), round((info.start + shown[one.number]) * rate)))
            < rate // 100
        )


def test_a_cut_that_lacks_pictures_is_not_published(made, tmp_path):
    """As when times are told wrongly in a way that is not known yet."""
    index = frame_index.index_frames(made, inspect(made))
    assert len(index.pts) < 200
    assert not missing_frames.holes(index, CutPlan(Fraction(8), ((Fraction(1), Fraction(7)),)).timeline)
    with pytest.raises(ToolError) as caught:
        cut(Source(made, inspect(made)), CutParams(keep=KEEP), tmp_path / "b.mp4", Workspace(tmp_path))
    assert "frames_missing" in caught.value.detail
    assert not (tmp_path / "b.mp4").exists()


@pytest.mark.parametrize("name", ["a.ts", "a.mkv", "a.mp4"])
@pytest.mark.parametrize("depth", ["0", "2"])
def test_times_that_rise_stay_as_they_are(tmp_path, name, depth):
    options = {"g": "15", "bf": depth, "sc_threshold": "1000000000"}
    path = make(
        tmp_path / name,
        Picture(codec="mpeg2video", time_base=Fraction(1, 25), options=options),
        Sound([(0, 4)], codec="mp2"),
    )
    with av.open(str(path)) as container:
        steadier = pes_timestamps.TimestampCorrector()
        steady = steadier.corrected(container.demux(video=0))
        assert [(one.pts, one.dts) for one in steady if one.size] == raw(path)
        assert not steadier.has_moved
    with discontinuities.continuous(path, tmp_path) as (same, info):
        assert (same, info.is_of_copy) == (path, False)
