"""The whole cut on made recordings: each picture identified and in place to the tick, the sound to the sample."""

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
from jobs.engine.video.source import Source
from jobs.errors import InputError
from tests import media
from tests.clips import Picture, Sound, make, number_of, painted, seen
from tests.engine.pipelines.cutting import LOUD, PARAMS, run
from tests.judge import expected_pictures, sound_lates
from tests.media import run_ffmpeg

NTSC = Fraction(30_000, 1001)
OPUS = Sound(LOUD, codec="libopus", bit_rate=128_000)
VP8 = Picture(codec="libvpx", options={"deadline": "realtime", "cpu-used": "8", "g": "25"})
VP9 = Picture(codec="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8", "g": "25"})
UNEVEN = [Fraction(number, 30) + Fraction(number * 7 % 11, 400) for number in range(120)]
SLIDES = [Fraction(0), Fraction(1, 10), Fraction(9, 5), Fraction(14, 5), Fraction(39, 10)]


def moved(loud, by):
    return [(start + by, end + by) for start, end in loud]


RECORDINGS = {
    "25 a second": ("a.mp4", Picture(), [Sound(LOUD)]),
    "29.97 a second": ("a.mp4", Picture(NTSC), [Sound(LOUD)]),
    "60 a second without B-frames": ("a.mp4", Picture(Fraction(60), options={"bf": "0", "g": "7"}), [Sound(LOUD)]),
    "one keyframe and pyramids": ("a.mp4", Picture(NTSC, options={"g": "250", "bf": "3"}), [Sound(LOUD)]),
    "open groups": ("a.mp4", Picture(options={"g": "12", "bf": "3", "x264-params": "open-gop=1"}), [Sound(LOUD)]),
    "intra refresh": ("a.mp4", Picture(options={"g": "20", "x264-params": "intra-refresh=1"}), [Sound(LOUD)]),
    "variable rate": ("a.mp4", Picture(times=UNEVEN), [Sound(LOUD)]),
    "slides": ("a.mp4", Picture(times=SLIDES), [Sound(LOUD)]),
    "coarse clock": ("a.mkv", Picture(NTSC), [Sound(LOUD)]),
    "start at five seconds": (
        "a.mkv",
        Picture(start=Fraction(5)),
        [Sound(moved(LOUD, 5), start=Fraction(5))],
    ),
    "transport stream": (
        "a.ts",
        Picture(start=Fraction(7)),
        [Sound(moved(LOUD, 7), start=Fraction(7), codec="mp2")],
    ),
    "sound starting late": ("a.mp4", Picture(), [Sound(LOUD, start=Fraction(3, 10), seconds=3.7)]),
    "sound ending early": ("a.mp4", Picture(), [Sound(LOUD[:2], seconds=2.2)]),
    "picture starting late": ("a.mp4", Picture(start=Fraction(7, 10), seconds=3.3), [Sound(LOUD)]),
    "picture ending early": ("a.mp4", Picture(seconds=3), [Sound(LOUD)]),
    "mono": ("a.mp4", Picture(), [Sound(LOUD, layout="mono")]),
    "surround": ("a.mp4", Picture(), [Sound(LOUD, layout="5.1", bit_rate=500_000)]),
    "22050 a second": ("a.mp4", Picture(), [Sound(LOUD, rate=22_050, bit_rate=96_000)]),
    "11025 a second": ("a.mov", Picture(), [Sound(LOUD, rate=11_025, codec="pcm_s16le", bit_rate=0)]),
    "a rate AAC has not": ("a.mkv", Picture(), [Sound(LOUD, rate=37_800, codec="pcm_s16le", bit_rate=0)]),
    "mp3 sound": ("a.mp4", Picture(), [Sound(LOUD, codec="libmp3lame")]),
    "two tracks": (
        "a.mp4",
        Picture(),
        [Sound(LOUD[:1], seed=1, language="eng", title="Talk"), Sound(LOUD, seed=2, language="deu", layout="mono")],
    ),
    "vp8": ("a.webm", VP8, [OPUS]),
    "vp9": ("a.webm", VP9, [OPUS]),
    "odd size": ("a.webm", dataclasses.replace(VP8, size=(161, 97)), [OPUS]),
    "10 bit": (
        "a.mp4",
        Picture(codec="libx265", pixel_format="yuv420p10le", options={"preset": "ultrafast"}),
        [Sound(LOUD)],
    ),
    "4:4:4": ("a.mp4", Picture(pixel_format="yuv444p"), [Sound(LOUD)]),
    "mpeg4 in avi": (
        "a.avi",
        Picture(codec="mpeg4", time_base=Fraction(1, 25), options={"g": "12", "bf": "0"}),
        [Sound(LOUD, codec="libmp3lame")],
    ),
}


def assert_sound_in_place(source: Path, output: Path, plan, track: int, tolerance_seconds: float, every: int = 1):
    """Where the original is loud in a kept range (every so many), so is the result, as far from the range's start."""
    lates = list(sound_lates(source, output, plan, track, every=every))
    assert max(map(abs, lates)) <= tolerance_seconds
    assert len(lates) >= 3


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_picture_and_sound_lands_where_it_belongs(name, tmp_path):
    filename, pictures, sounds = RECORDINGS[name]
    source = make(tmp_path / filename, pictures, *sounds)
    result, output = run(source, tmp_path)
    plan = result.plan

    expected = expected_pictures(source, plan)
    found = seen(output)
    assert [one.number for one in found] == [one.number for one in expected]
    assert [one.time for one in found] == [one.time for one in expected]
    assert result.frames == len(expected)
    assert result.report.ok
    assert {one.track for one in result.report.heard} == set(range(len(sounds)))
    assert len(plan.keep) >= 2

    with av.open(str(output)) as container:
        context = container.streams.video[0].codec_context
        kept = {"10 bit": ("hevc", "yuv420p10le"), "vp9": ("vp9", "yuv420p")}
        coded = kept.get(name, ("h264", "yuv420p"))
        assert (context.name, context.pix_fmt) == coded
        assert len(container.streams.audio) == len(sounds)
    for track in range(len(sounds)):
        # Matroska rounds time stamps to milliseconds, so that "where it belongs" is known no better.
        assert_sound_in_place(source, output, plan, track, 0.0002 if source.suffix not in (".mkv", ".webm") else 0.001)


HEVC_OPEN = {"preset": "ultrafast", "x265-params": "keyint=40:min-keyint=40:bframes=3:open-gop=1:log-level=none"}
TRIMMED = {
    "H.264": Picture(Fraction(30), seconds=9, options={"preset": "ultrafast", "g": "60", "bf": "2"}),
    "one keyframe": Picture(Fraction(30), seconds=9, options={"preset": "ultrafast", "g": "250", "bf": "3"}),
    "HEVC": Picture(Fraction(30), seconds=9, codec="libx265", options=HEVC_OPEN),
}


@pytest.mark.parametrize("way", ["smart", "encode"])
@pytest.mark.parametrize("how", [["-ss", "0.9"], ["-itsoffset", "-0.7", "-avoid_negative_ts", "disabled"]])
@pytest.mark.parametrize("name", TRIMMED)
def test_a_recording_that_was_trimmed_by_copying_loses_no_picture(name, how, way, tmp_path):
    """It begins with pictures that others need and an edit list hides, the keyframe among them."""
    loud = [(0, 1.5), (2, 3.3), (4, 5.2), (6, 8)]
    whole = make(tmp_path / "whole.mp4", TRIMMED[name], Sound(loud, seconds=9))
    inputs = [[*how[:2], "-i", media.url(whole)], how[2:]]
    run_ffmpeg(*inputs[0], "-map", "0", "-c", "copy", *inputs[1], media.url(tmp_path / "a.mp4"))
    source = tmp_path / "a.mp4"
    keep = ((Fraction(0), Fraction(1, 2)), (Fraction(1), Fraction(3)), (Fraction(4), Fraction(7)))
    output = tmp_path / "cut.mp4"
    result = cutting.cut(
        Source(source, inspect(source)), CutParams(keep=keep), output, Workspace(tmp_path), RenderOptions(way=way)
    )

    expected = expected_pictures(source, result.plan)
    assert expected[0].time == 0
    assert [(one.number, one.time) for one in seen(output)] == [(one.number, one.time) for one in expected]
    assert_sound_in_place(source, output, result.plan, 0, 0.0002)
    if name != "one keyframe":
        assert result.render == way


@pytest.mark.parametrize(
    ("filename", "sound", "way", "tolerance_seconds"),
    [
        ("a.mp3", Sound(LOUD, codec="libmp3lame"), "encode", 0.0002),
        ("a.wav", Sound(LOUD, rate=44_100, codec="pcm_s16le", bit_rate=0), "smart", 0.0002),
        ("a.m4a", Sound(LOUD), "encode", 0.0002),
        # Copied: half a packet.
        ("a.m4a", Sound(LOUD), "smart", 0.0107),
        ("a.mp3", Sound(LOUD, codec="libmp3lame"), "smart", 0.0121),
        ("a.flac", Sound(LOUD, rate=22_050, codec="flac", bit_rate=0), "smart", 0.0002),
        ("a.ogg", OPUS, "encode", 0.0002),
        ("a.ogg", OPUS, "smart", 0.0102),
    ],
)
def test_audio_alone_becomes_an_mp4_of_audio(filename, sound, way, tolerance_seconds, tmp_path):
    source = make(tmp_path / filename, None, sound)
    result, output = run(source, tmp_path, way=way)
    assert result.frames == 0
    assert result.render == ("smart" if tolerance_seconds > 0.001 else "encode")
    with av.open(str(output)) as container:
        assert [stream.type for stream in container.streams] == ["audio"]
        duration = container.streams.audio[0].duration * container.streams.audio[0].time_base
    assert abs(duration - result.plan.output_duration) < Fraction(1, 1000)
    assert_sound_in_place(source, output, result.plan, 0, tolerance_seconds)


def test_a_phone_video_stays_upright_and_keeps_its_shape(tmp_path):
    source = make(tmp_path / "a.mov", Picture(NTSC, rotation=90, sample_aspect=Fraction(4, 3)), Sound(LOUD))
    _, output = run(source, tmp_path)
    before, after = inspect(source).video, inspect(output).video
    assert before.rotation == after.rotation == 90
    assert before.display_size == after.display_size == (96, 213)


def test_names_of_tracks_and_of_the_recording_survive(tmp_path):
    sounds = [Sound(LOUD, language="eng", title="Talk"), Sound(LOUD, seed=2, language="deu", title="Ton")]
    source = make(tmp_path / "a.mkv", Picture(), *sounds, metadata={"title": "Lecture 7", "artist": "Ada"})
    _, output = run(source, tmp_path)
    assert [track.language for track in inspect(output).audio] == ["eng", "deu"]
    with av.open(str(output)) as container:
        assert container.metadata["title"] == "Lecture 7"
        assert container.metadata["artist"] == "Ada"
        assert [stream.metadata["handler_name"] for stream in container.streams.audio] == ["Talk", "Ton"]


def test_full_range_and_colour_tags_survive(tmp_path):
    source = make(tmp_path / "a.mp4", Picture(pixel_format="yuvj420p"), Sound(LOUD))
    _, output = run(source, tmp_path)
    with av.open(str(source)) as before, av.open(str(output)) as after:
        left = next(before.decode(video=0))
        right = next(after.decode(video=0))
    assert left.color_range == right.color_range
    difference = left.to_ndarray()[:96].astype(int) - right.to_ndarray()[:96].astype(int)
    # Squares of one tone: only the edges between them change in encoding.
    assert np.median(np.abs(difference)) <= 1


def test_a_recording_of_an_hour_does_not_drift(tmp_path):
    pictures = Picture(
        Fraction(2 * 1000, 1001), seconds=3600, size=(64, 64), options={"preset": "ultrafast", "g": "20"}
    )
    loud = [(second, second + 3.3) for second in range(1, 3590, 11)]
    sound = Sound(loud, seconds=3600, rate=11_025, layout="mono", codec="pcm_s16le", bit_rate=0)
    source = make(tmp_path / "a.mov", pictures, sound)
    result, output = run(source, tmp_path)
    assert len(result.plan.keep) == len(loud)
    found, expected = seen(output), expected_pictures(source, result.plan)
    assert [one.number for one in found] == [one.number for one in expected]
    assert [one.time for one in found] == [one.time for one in expected]
    assert_sound_in_place(source, output, result.plan, 0, 0.0002, every=25)
    with av.open(str(output)) as container:
        ends = [stream.duration * stream.time_base for stream in container.streams]
    assert abs(ends[0] - ends[1]) <= Fraction(1, 1000)


def test_given_ranges_are_cut_without_listening(tmp_path):
    source = make(tmp_path / "a.mp4", Picture(), Sound(floor_db=-90))
    result, output = run(source, tmp_path, CutParams(keep=((0.4, 0.8), ("2", "2.4"))))
    assert result.plan.keep == ((Fraction(2, 5), Fraction(4, 5)), (Fraction(2), Fraction(12, 5)))
    assert [one.number for one in seen(output)] == [*range(10, 20), *range(50, 60)]


@pytest.mark.parametrize("way", ["smart", "encode"])
def test_the_last_slide_stays_as_long_as_it_should(way, tmp_path):
    """Stored before others that are shown earlier, it is not what MP4 takes the end of the track from."""
    options = {"preset": "ultrafast", "g": "3", "bf": "2", "b_strategy": "0"}
    source = make(tmp_path / "a.mp4", Picture(times=SLIDES, options=options), Sound(LOUD))
    result, output = run(source, tmp_path, CutParams(keep=(("0.05", "1.2"), ("2", "3.93"))), way=way)
    assert result.plan.output_duration == Fraction("3.14")
    with av.open(str(output)) as container:
        track = container.streams.video[0]
        assert (track.start_time + track.duration) * track.time_base == Fraction("3.14")


def test_a_late_picture_starts_on_the_tick(tmp_path):
    exact = {"movie_timescale": "90000"}
    source = make(tmp_path / "a.mp4", Picture(NTSC, start=Fraction(7, 13), seconds=3), Sound(LOUD), options=exact)
    _, output = run(source, tmp_path, CutParams(keep=((0, 1), (2, 3))), way="encode")
    first = seen(source)[0].time
    assert first.denominator > 1000
    assert seen(output)[0].time == first


@pytest.mark.parametrize("way", ["smart", "encode"])
@pytest.mark.parametrize("start", [Fraction(1, 100), Fraction(7, 10)])
def test_slides_that_start_late_come_and_go_as_planned(start, way, tmp_path):
    """Long slides last, short ones first: decoded as early as they are stored early, the first would be before zero."""
    options = {"preset": "ultrafast", "g": "9", "bf": "2", "b_strategy": "0"}
    times = [Fraction(number, 25) for number in range(40)] + [Fraction(2), Fraction(3), Fraction("3.8")]
    source = make(tmp_path / "a.mp4", Picture(times=times, start=start, options=options), Sound(LOUD, seconds=5))
    result, output = run(source, tmp_path, CutParams(keep=(("0", "1"), ("1.3", "4.2"))), way=way)
    assert result.report.ok
    assert seen(output) == expected_pictures(source, result.plan)


def test_given_ranges_cut_a_picture_without_sound(tmp_path):
    source = make(tmp_path / "a.mp4", Picture())
    _, output = run(source, tmp_path, CutParams(keep=((1, 2),)))
    assert [one.number for one in seen(output)] == list(range(25, 50))


def test_silence_can_be_found_in_one_track_alone(tmp_path):
    source = make(tmp_path / "a.mp4", Picture(), Sound(LOUD[:1]), Sound([(0, 4)], seed=2))
    assert len(cutting.plan_only(Source(source, inspect(source)), PARAMS, track=0).keep) == 1
    with pytest.raises(InputError, match="No silence") as error:
        cutting.plan_only(Source(source, inspect(source)), PARAMS, track="all")
    assert error.value.code == "no_silence"


def test_painted_pictures_carry_their_numbers():
    frame = av.VideoFrame.from_ndarray(painted(54_321, (161, 97)), format="gray")
    assert number_of(frame) == 54_321
