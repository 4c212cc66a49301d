"""Recordings with captions: as a track, and in the picture."""

import itertools
from fractions import Fraction

import av
import numpy as np
import pytest

from jobs.engine.captions import cues, embedded_tracks
from jobs.engine.captions.cues import Caption
from jobs.engine.captions.text_tiling import Topic
from jobs.engine.pipelines import caption_video
from jobs.engine.pipelines.caption_video import TextTrack
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from jobs.errors import InputError
from tests import clips
from tests.media import remuxed, run_ffmpeg, url

SHOWN = [
    Caption(Fraction(1, 2), Fraction(3, 2), "One &amp; row\nand another"),
    Caption(Fraction(2), Fraction("2.52"), "It's 100% {x}: 'so', [in]"),
]


def quiet(fraction, stage):
    pass


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("captioned") / "plain.mp4"
    sounds = [clips.Sound([(0, 3)], 3, seed=1), clips.Sound([(0, 3)], 3, seed=2, language="deu")]
    return clips.make(path, clips.Picture(seconds=3), *sounds)


def packets(path, kind):
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        return [[bytes(one) for one in container.demux(stream) if one.size] for stream in streams[:1]]


def times(path):
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


def read_back(path):
    info = inspect(path)
    return [
        [(caption.start, caption.end, caption_video.plain(caption.text)) for caption in found]
        for _, found in embedded_tracks.all_of(path, info)
    ]


def test_captions_become_a_track_and_nothing_is_encoded(recording, tmp_path):
    info, output = inspect(recording), tmp_path / "out.mp4"
    told = []
    count = caption_video.attach(
        Source(recording, info),
        TextTrack(SHOWN, "en"),
        output,
        Workspace(tmp_path, progress=lambda done, stage: told.append(done)),
    )
    assert packets(output, "video") == packets(recording, "video")
    assert packets(output, "audio") == packets(recording, "audio")
    assert count > 200
    assert times(output) == times(recording)
    after = inspect(output)
    assert after.subtitles == ("eng",)
    assert [track.language for track in after.audio] == [track.language for track in info.audio]
    (found,) = read_back(output)
    assert found == [(one.start, one.end, caption_video.plain(one.text)) for one in SHOWN]
    assert told == sorted(told)
    assert told[-1] == 1
    assert list(tmp_path.glob(".*")) == []


def test_captions_that_were_there_stay(recording, tmp_path):
    first, second = tmp_path / "first.mp4", tmp_path / "second.mp4"
    for source, output in ((recording, first), (first, second)):
        caption_video.attach(
            Source(source, inspect(source)), TextTrack(SHOWN, "de"), output, Workspace(tmp_path, progress=quiet)
        )
    one, other = read_back(second)
    assert one == other
    assert inspect(second).subtitles == ("deu", "deu")


def test_captions_count_from_the_start_of_a_recording_that_begins_late(recording, tmp_path):
    late = remuxed(recording, tmp_path / "late.ts", "-output_ts_offset", "5")
    info = inspect(late)
    assert info.start > 4
    output = tmp_path / f"out{caption_video.suffix_for(info)}"
    caption_video.attach(Source(late, info), TextTrack(SHOWN, "en"), output, Workspace(tmp_path, progress=quiet))
    (found,) = read_back(output)
    assert [start for start, _, _ in found] == pytest.approx([0.5, 2], abs=0.05)
    assert len(times(output)) == len(times(recording))


def test_what_mp4_cannot_hold_goes_to_matroska(tmp_path):
    source = tmp_path / "old.avi"
    picture = ("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=10:duration=2")
    run_ffmpeg(*picture, "-f", "lavfi", "-i", "sine=duration=2", "-c:v", "mjpeg", "-c:a", "pcm_s16le", url(source))
    info = inspect(source)
    assert caption_video.suffix_for(info) == ".mkv"
    caption_video.attach(
        Source(source, info), TextTrack(SHOWN, "xx"), tmp_path / "out.mkv", Workspace(tmp_path, progress=quiet)
    )
    assert packets(tmp_path / "out.mkv", "video") == packets(source, "video")
    assert len(read_back(tmp_path / "out.mkv")[0]) == 2


def lit(path, at):
    """How much of the lower third is nearly white, and of the rest, in the picture shown at these times."""
    found = {}
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            grey = frame.to_ndarray(format="gray")
            rows = len(grey) * 3 // 5
            found[round(frame.time, 3)] = (grey[rows:] > 225).mean(), (grey[:rows] > 225).mean()
    return [found[time] for time in at]


def test_captions_are_drawn_into_the_picture_while_they_are_on_show(tmp_path):
    source = tmp_path / "grey.mp4"
    grey = ("-f", "lavfi", "-i", "color=gray:size=320x180:rate=25:duration=3")
    run_ffmpeg(*grey, "-f", "lavfi", "-i", "sine=duration=3", "-c:a", "aac", "-preset", "ultrafast", url(source))
    output = tmp_path / "out.mp4"
    done = caption_video.burn(Source(source, inspect(source)), SHOWN, output, Workspace(tmp_path, progress=quiet))
    assert done.report.frames == 75
    below, above = zip(*lit(output, [0.48, 0.52, 1.48, 1.52, 1.96, 2.0, 2.48, 2.56]), strict=True)
    assert [share > 0.002 for share in below] == [False, True, True, False, False, True, True, False]
    assert max(above) == 0
    assert packets(output, "audio") == packets(source, "audio")
    assert times(output) == times(source)


@pytest.mark.parametrize("rotation", [90, 180])
def test_a_turned_picture_has_its_captions_upright(tmp_path, rotation):
    source, output = tmp_path / "turned.mp4", tmp_path / "out.mp4"
    clips.make(source, clips.Picture(seconds=1, size=(320, 160), rotation=rotation), clips.Sound([(0, 1)], 1))
    info = inspect(source)
    shown = [Caption(Fraction(0), Fraction(1), "Upright")]
    caption_video.burn(Source(source, info), shown, output, Workspace(tmp_path, progress=quiet))
    with av.open(str(source)) as plain, av.open(str(output)) as drawn:
        before = next(plain.decode(video=0)).to_ndarray(format="gray").astype(int)
        after = next(drawn.decode(video=0)).to_ndarray(format="gray").astype(int)
    changed = np.argwhere(np.abs(after - before) > 60)
    # Stored lying: what is below for a viewer is a side of the stored picture.
    middle = changed.mean(axis=0) / before.shape
    assert middle[1] > 0.7 if rotation == 90 else middle[0] < 0.3


def test_letters_that_no_font_has_are_refused_before_any_work(recording, tmp_path):
    shown = [Caption(Fraction(0), Fraction(1), "\U00012000\U00013000")]
    with pytest.raises(InputError) as refused:
        caption_video.burn(
            Source(recording, inspect(recording)), shown, tmp_path / "out.mp4", Workspace(tmp_path, progress=quiet)
        )
    assert refused.value.code == "no_font"


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (160, 90)])
def test_a_full_row_has_room(size):
    image = caption_video.written("M" * 42 + "\n" + "iiii", size)
    assert image.width <= 0.92 * size[0] + 1
    assert image.height < size[1] / 3


def test_captions_written_as_files_come_back():
    for write in (cues.srt, cues.vtt):
        back = cues.parse(write(SHOWN))
        assert [caption_video.plain(one.text) for one in back] == [caption_video.plain(one.text) for one in SHOWN]
    assert all(a.end <= b.start for a, b in itertools.pairwise(SHOWN))


def test_topics_become_chapters_in_place_of_those_that_were_there(recording, tmp_path):
    output, again = tmp_path / "out.mp4", tmp_path / "again.mkv"
    topics = [Topic(Fraction(0), "Bread; and = water"), Topic(Fraction(3, 2), "Stars")]
    for source, made, told in ((recording, output, topics), (output, again, topics[1:])):
        text = TextTrack(SHOWN, "en", told)
        caption_video.attach(Source(source, inspect(source)), text, made, Workspace(tmp_path, progress=quiet))
    duration = inspect(recording).duration
    with av.open(str(output)) as container:
        found = [(one["start"] * one["time_base"], one["metadata"]["title"]) for one in container.chapters()]
        ends = [one["end"] * one["time_base"] for one in container.chapters()]
    assert found == [(topic.start, topic.title) for topic in topics]
    assert ends == pytest.approx([1.5, float(duration)], abs=0.05)
    with av.open(str(again)) as container:
        assert [one["metadata"].get("title", "") for one in container.chapters()] == ["", "Stars"]
