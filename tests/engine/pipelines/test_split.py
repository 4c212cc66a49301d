"""Parts of recordings whose every frame and sample is known: together they hold each of them once."""

import dataclasses
import itertools
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from jobs.engine.captions import embedded_tracks
from jobs.engine.container import ffmpeg, muxers
from jobs.engine.pipelines import source_reading
from jobs.engine.pipelines import split as splitting
from jobs.engine.pipelines.split import SplitResult
from jobs.engine.pipelines.split_options import Pauses, SplitOptions
from jobs.engine.pipelines.split_points import (
    Part,
    Point,
    StoredSizes,
    every,
    of_pauses,
    parts,
    to_instants,
    to_samples,
)
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from jobs.errors import InputError
from tests import clips
from tests.clips import Picture, Sound
from tests.media import run_ffmpeg, url

NTSC = Fraction(30_000, 1001)
# As a phone takes them: 24 to 60 a second, never the same distance twice in a row.
VARYING = tuple(itertools.accumulate((Fraction(step, 1000) for step in [17, 41, 23, 33, 29] * 40), initial=Fraction(0)))
NOISE = Sound([(0, 8)], seconds=8)
TIMES = (Fraction("2.345"), Fraction("5.1"))
AT_TIMES = SplitOptions("times", TIMES)
SURVEYS = [(source_reading.frame_index, "index_frames"), (source_reading.packet_table, "survey")]
SURVEYS += [(source_reading.strategies, "survey_seekable"), (source_reading.embedded_tracks, "all_of")]


def split(
    source: Path, options: SplitOptions = AT_TIMES, container: muxers.Container = muxers.MP4, **work
) -> SplitResult:
    info = inspect(source)
    folder = source.parent / "parts"
    folder.mkdir()
    return splitting.split(
        Source(source, info),
        options,
        folder,
        muxers.without_video(container, info),
        Workspace(source.parent, **work),
    )


def samples(path: Path, track: int = 0) -> np.ndarray:
    """The first channel as ffmpeg plays it."""
    command = [
        ffmpeg.program(),
        "-v",
        "error",
        "-i",
        url(path),
        "-map",
        "0:a:0",
        "-af",
        "pan=mono|c0=c0",
        "-f",
        "f32le",
    ]
    return np.frombuffer(subprocess.run([*command, "-"], stdout=subprocess.PIPE, check=True).stdout, np.float32)


def together(result: SplitResult, track: int = 0) -> np.ndarray:
    return np.concatenate([samples(one.path, track) for one in result.parts])


def edges(result: SplitResult) -> list[Fraction]:
    assert all(one.part.end == two.part.start for one, two in itertools.pairwise(result.parts))
    return [one.part.start for one in result.parts]


def require_every_frame_once(source: Path, result: SplitResult) -> None:
    """At its time, too: that of the part and its own in it are that of the recording."""
    stored = [
        (one.number, frame_time + one_part.part.start)
        for one_part in result.parts
        for one in clips.seen(one_part.path)
        for frame_time in [one.time]
    ]
    original = clips.seen(source)
    assert [number for number, _ in stored] == [one.number for one in original]
    assert all(abs(time - one.time) < Fraction(1, 1000) for (_, time), one in zip(stored, original, strict=True))


# On exact frames -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("picture", "starts"),
    [
        (Picture(seconds=8), [0, Fraction(59, 25), Fraction(127, 25)]),
        (Picture(seconds=8, rate=NTSC), [0, 70 / NTSC, 153 / NTSC]),
        (Picture(times=VARYING), [0, Fraction("2.346"), Fraction("5.086")]),
    ],
    ids=["25", "29.97", "varying"],
)
def test_parts_hold_every_frame_and_every_sample_once(picture, starts, tmp_path):
    source = clips.make(tmp_path / "talk.mp4", picture, Sound([(0, 8)], seconds=8, rate=44_100))
    result = split(source)
    assert edges(result) == [pytest.approx(start, abs=1e-4) for start in starts]
    require_every_frame_once(source, result)
    original, joined = samples(source), together(result)
    assert len(original) <= len(joined) <= len(original) + 1024  # what the last packet holds behind the end
    np.testing.assert_array_equal(joined[: len(original)], original)
    assert all(one.made.audio.copies[0] and one.made.report.ok for one in result.parts)
    made = [one.made for one in result.parts]
    assert sum(one.frames_copied for one in made) > 0.7 * sum(one.frames for one in made)


@pytest.mark.parametrize("container", [muxers.MKV, muxers.MOV], ids=lambda container: container.suffix[1:])
def test_other_containers_do_too(container, tmp_path):
    """Matroska cannot leave out a part of a packet, so each packet is in one of the parts."""
    source = clips.make(tmp_path / "talk.mp4", Picture(seconds=8), NOISE)
    result = split(source, container=container)
    require_every_frame_once(source, result)
    np.testing.assert_array_equal(together(result), samples(source))


@pytest.mark.parametrize(("coding", "name"), [("aac", "a.m4a"), ("libmp3lame", "a.mp3"), ("libmp3lame", "a.mka")])
def test_sound_alone_is_split_to_the_sample_without_encoding(coding, name, tmp_path):
    source = clips.make(tmp_path / name, None, dataclasses.replace(NOISE, codec=coding))
    result = split(source, container=muxers.for_name(source))
    assert all(one.made.audio.copies[0] for one in result.parts)
    if source.suffix != ".mka":
        assert edges(result) == [0, *TIMES]
        np.testing.assert_array_equal(together(result), samples(source))
        return
    # Matroska holds whole packets, and times to the millisecond.
    joined, original = together(result), samples(source)
    assert abs(len(joined) - len(original)) < 1152
    late = clips.lag(joined, original, 48_000, 48_000)
    assert all(clips.lag(joined, original, at, at) == late for at in range(48_000, 370_000, 32_000))


def test_sound_that_has_to_be_encoded_goes_on_to_the_sample_without_a_fade(tmp_path):
    source = clips.make(tmp_path / "talk.wav", None, Sound([(0, 8)], seconds=8, codec="pcm_s16le"))
    result = split(source, container=muxers.for_name(source))
    assert edges(result) == [0, *TIMES]
    np.testing.assert_array_equal(together(result), samples(source))


def test_a_picture_that_has_to_be_encoded_is_split_too(tmp_path):
    source = clips.make(
        tmp_path / "talk.mkv",
        Picture(seconds=4, codec="mpeg4", time_base=Fraction(1, 1000), options={}),
        Sound(seconds=4),
    )
    result = split(source, SplitOptions("times", (Fraction(1),)))
    require_every_frame_once(source, result)
    assert result.told.reason.startswith("The whole picture is encoded, because")


def test_at_keyframes_a_picture_that_has_to_be_encoded_is_refused(tmp_path):
    picture = Picture(seconds=1, codec="mpeg4", time_base=Fraction(1, 1000), options={})
    source = clips.make(tmp_path / "talk.mkv", picture)
    with pytest.raises(
        InputError, match=r"has to be encoded, because .*\. Let parts begin on the exact frame"
    ) as refused:
        split(source, SplitOptions("times", (Fraction(1, 2),), at="keyframe"))
    assert refused.value.code == "cannot_copy"


def test_what_stays_on_show_for_long_is_split_where_it_is_asked_and_shows_on_both_sides(tmp_path):
    slides = Picture(times=tuple(map(Fraction, (0, 2, 4, 6))), options={"preset": "ultrafast"})
    source = clips.make(tmp_path / "slides.mp4", slides, NOISE)
    result = split(source, SplitOptions("times", (Fraction(3),)))
    assert edges(result) == [0, 3]
    assert [[one.number for one in clips.seen(part.path)] for part in result.parts] == [[0, 1], [1, 2, 3]]
    assert sum(inspect(one.path).duration for one in result.parts) == pytest.approx(inspect(source).duration, abs=0.03)


# On keyframes --------------------------------------------------------------------------------------------------------


def test_on_keyframes_nothing_is_encoded(tmp_path):
    source = clips.make(tmp_path / "talk.mp4", Picture(seconds=8), NOISE)
    result = split(source, dataclasses.replace(AT_TIMES, at="keyframe"))
    assert edges(result) == [0, 2, 5]
    assert [one.made.frames_copied for one in result.parts] == [50, 75, 75]
    assert result.told.reason == "100 % of the picture is untouched."
    require_every_frame_once(source, result)
    np.testing.assert_array_equal(together(result), samples(source))


def test_where_every_group_of_pictures_is_open_only_what_is_shown_before_its_keyframe_is_encoded(tmp_path):
    options = {"preset": "veryfast", "x264-params": "open-gop=1:keyint=12:min-keyint=12:bframes=3:b-adapt=0:scenecut=0"}
    source = clips.make(tmp_path / "talk.mp4", Picture(seconds=6, options=options), Sound([(0, 6)], seconds=6))
    result = split(source, SplitOptions("times", TIMES, at="keyframe"))
    require_every_frame_once(source, result)
    assert 130 <= sum(one.made.frames_copied for one in result.parts) < 150


def test_times_at_the_same_keyframe_make_one_part_and_it_is_said(tmp_path):
    source = clips.make(tmp_path / "talk.mp4", Picture(seconds=8), NOISE)
    times = tuple(map(Fraction, ("2.1", "2.2", "5")))
    result = split(source, SplitOptions("times", times, at="keyframe"))
    assert edges(result) == [0, 2, 5]
    assert result.told.notes[0].startswith("1 place to split at came next to another")


def test_the_bytes_of_copied_parts_are_the_recordings_own(tmp_path):
    source = clips.make(tmp_path / "talk.mp4", Picture(seconds=8), NOISE)
    result = split(source, SplitOptions(seconds=Fraction(2), at="keyframe"))
    assert len(result.parts) == 4
    pictures = [packet for one in result.parts for packet in stored(one.path)]
    assert len(pictures) == 200
    # The decoder's parameters are told anew at the start of each part.
    assert sum(one == two for one, two in zip(pictures, stored(source), strict=True)) >= 196


def stored(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


# By size -------------------------------------------------------------------------------------------------------------


def test_no_part_is_larger_than_asked_and_none_could_take_one_more_keyframe(tmp_path):
    source = clips.make(tmp_path / "talk.mp4", Picture(seconds=16, size=(320, 180)), Sound([(0, 16)], seconds=16))
    maximum = 200_000
    result = split(source, SplitOptions("megabytes", maximum_bytes=maximum))
    assert len(result.parts) > 2
    assert all(one.size_bytes <= maximum for one in result.parts)
    require_every_frame_once(source, result)
    np.testing.assert_array_equal(together(result)[: 16 * 48_000], samples(source))
    assert all(one.made.frames_copied == one.made.frames for one in result.parts)
    second = source.stat().st_size / 16
    assert all(one.size_bytes + 1.3 * second + 16_000 > maximum for one in result.parts[:-1])


def test_sound_without_loss_stays_so_and_counts_with_what_it_takes(tmp_path):
    source = clips.make(tmp_path / "camera.mov", Picture(seconds=8), dataclasses.replace(NOISE, codec="pcm_s16le"))
    maximum = source.stat().st_size * 2 // 5
    result = split(source, SplitOptions("megabytes", maximum_bytes=maximum))
    assert len(result.parts) == 3
    assert all(one.size_bytes <= maximum for one in result.parts)
    np.testing.assert_array_equal(together(result), samples(source))


def test_a_gop_that_is_larger_alone_is_a_part_and_it_is_said(tmp_path):
    source = clips.make(tmp_path / "talk.mp4", Picture(seconds=4), Sound([(0, 4)]))
    result = split(source, SplitOptions("megabytes", maximum_bytes=25_000))
    assert edges(result) == [0, 1, 2, 3]
    assert result.told.notes[0] == "Parts 1, 2, 3, 4 could not be smaller: there is no keyframe within to split at."
    assert all(one.part.is_too_large for one in result.parts)


def test_a_part_that_comes_out_too_large_is_made_again_smaller(tmp_path, monkeypatch):
    source = clips.make(tmp_path / "talk.mp4", Picture(seconds=16, size=(320, 180)), Sound([(0, 16)], seconds=16))
    # As if containers wrote nothing around packets.
    monkeypatch.setattr(splitting.split_points, "BYTES_AROUND_FILE", -30_000)
    result = split(source, SplitOptions("megabytes", maximum_bytes=200_000))
    assert all(one.size_bytes <= 200_000 for one in result.parts)
    require_every_frame_once(source, result)


def test_a_part_that_is_a_few_bytes_too_large_is_made_once_again(tmp_path, monkeypatch):
    """However many of these bytes would have to go before there is one keyframe less."""
    source = clips.make(tmp_path / "talk.mp4", Picture(seconds=16, size=(320, 180)), Sound([(0, 16)], seconds=16))
    monkeypatch.setattr(splitting.split_points, "BYTES_AROUND_FILE", -10_000)
    largest = split(source, SplitOptions("megabytes", maximum_bytes=200_000)).parts[0]
    maximum = largest.size_bytes - 1
    shutil.rmtree(tmp_path / "parts")
    made, counted = [], splitting._made

    def one_more(*arguments):
        made.append(arguments)
        assert len(made) < 20
        return counted(*arguments)

    monkeypatch.setattr(splitting, "_made", one_more)
    result = split(source, SplitOptions("megabytes", maximum_bytes=maximum))
    assert result.parts[0].part.end < largest.part.end
    assert len(made) == len(result.parts) + 1


def test_audio_alone_is_split_by_size_on_its_packets(tmp_path):
    source = clips.make(tmp_path / "talk.m4a", None, NOISE)
    result = split(source, SplitOptions("megabytes", maximum_bytes=100_000))
    assert len(result.parts) >= 2
    assert all(one.size_bytes <= 100_000 for one in result.parts)
    np.testing.assert_array_equal(together(result), samples(source))


def test_a_size_is_refused_where_nobody_can_know_it(tmp_path):
    source = clips.make(tmp_path / "talk.mkv", Picture(codec="mpeg4", time_base=Fraction(1, 1000), options={}), Sound())
    with pytest.raises(InputError, match=r"has to be encoded, because .* Split it by minutes"):
        split(source, SplitOptions("megabytes", maximum_bytes=10_000))


def test_sizes_make_as_few_parts_as_possible():
    sizes = StoredSizes(list(map(Fraction, range(6))), np.array([0, 40, 50, 60, 100, 300]), around=10)
    assert [(one.start, one.end, one.is_too_large) for one in sizes.parts(70)] == [
        (0, 3, False),
        (3, 4, False),
        (4, 5, True),
    ]


# At pauses and chapters ----------------------------------------------------------------------------------------------


def test_parts_begin_in_the_middle_of_long_pauses(tmp_path):
    loud = [(0, 3), (4.2, 6), (6.3, 9), (10.4, 12)]
    source = clips.make(tmp_path / "talk.mp4", Picture(seconds=12), Sound(loud, seconds=12))
    pauses = Pauses(minimum_ms=1000, minimum_part_seconds=Fraction(1))
    result = split(source, SplitOptions("silences", pauses=pauses))
    assert [float(edge) for edge in edges(result)] == [0, pytest.approx(3.6, abs=0.05), pytest.approx(9.7, abs=0.05)]
    require_every_frame_once(source, result)


def test_without_a_long_pause_there_is_one_part_that_is_a_copy(tmp_path):
    source = clips.make(tmp_path / "talk.mp4", Picture(), Sound([(0, 4)]))
    result = split(source, SplitOptions("silences"))
    assert edges(result) == [0]
    assert result.told.summary == "One part, there was nowhere to split it"
    assert result.parts[0].made.frames_copied == 100


def test_of_pauses_too_near_each_other_the_longest_counts():
    pauses = [(Fraction(10), Fraction(12)), (Fraction(14), Fraction(20)), (Fraction(40), Fraction(43))]
    assert of_pauses(pauses, Fraction(15), Fraction(60)) == [Point(Fraction(17)), Point(Fraction("41.5"))]
    assert of_pauses(pauses, Fraction(25), Fraction(60)) == []


def test_chapters_become_parts_with_their_titles(tmp_path):
    plain = clips.make(tmp_path / "plain.mp4", Picture(seconds=8), NOISE)
    notes = tmp_path / "notes.txt"
    spans = [(0, 2345, "Opening"), (2345, 5100, "Words & deeds"), (6000, 8000, "Questions")]
    notes.write_text(
        ";FFMETADATA1\n"
        + "".join(
            f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={end}\ntitle={title}\n" for start, end, title in spans
        )
    )
    source = tmp_path / "talk.mkv"
    inputs = ("-i", url(plain), "-f", "ffmetadata", "-i", url(notes))
    run_ffmpeg(*inputs, "-map", "0", "-map_chapters", 1, "-c", "copy", url(source))
    result = split(source, SplitOptions("chapters"))
    assert [one.part.title for one in result.parts] == ["Opening", "Words & deeds", "Questions"]
    assert [round(float(edge), 3) for edge in edges(result)] == [0, 2.36, 6]
    require_every_frame_once(source, result)


# Wishes that make no sense -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (SplitOptions("times", ()), "ends after 4 s"),
        (SplitOptions("times", (Fraction(1), Fraction(4))), "ends after 4 s. Choose times before that."),
        (SplitOptions("chapters"), "no chapters"),
        (SplitOptions(seconds=Fraction(1, 100)), r"400 parts, and at most 200 are made\. Choose longer parts"),
        (SplitOptions("megabytes", maximum_bytes=10), r"at most 200 are made\. Choose larger parts"),
        (SplitOptions("silences", pauses=Pauses(track=3)), "1 audio tracks"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(options, words, tmp_path):
    source = clips.make(tmp_path / "talk.mp4", Picture(), Sound([(0, 4)]))
    with pytest.raises(InputError, match=words):
        split(source, options)


def test_a_rest_of_next_to_nothing_is_no_part():
    points = every(Fraction(2), Fraction("8.05"))
    assert [one.start for one in parts(points, to_samples(1000), Fraction(0), Fraction("8.05"))] == [0, 2, 4, 6]
    assert every(Fraction(2), Fraction(8)) == [Point(Fraction(number)) for number in (2, 4, 6)]


def test_a_part_begins_at_the_nearest_instant():
    nearest = to_instants([Fraction(2), Fraction(4)])
    assert [nearest(Fraction(time)) for time in (0, "2.9", "3.1", 9)] == [2, 2, 4, 4]
    made = parts([Point(Fraction(3), "Three")], to_samples(1), Fraction(0), Fraction(5))
    assert made == [Part(Fraction(0), Fraction(3)), Part(Fraction(3), Fraction(5), "Three")]


# What else a recording holds ------------------------------------------------------------------------------------------


def test_pictures_that_stand_for_themselves_are_copied_whatever_the_frame_and_split_by_size(tmp_path):
    picture = Picture(seconds=4, codec="mjpeg", pixel_format="yuvj420p", options={})
    source = clips.make(tmp_path / "camera.mov", picture, Sound([(0, 4)]))
    result = split(source, SplitOptions("times", tuple(map(Fraction, ("1.13", "2.99")))), muxers.MOV)
    assert edges(result) == [0, Fraction(28, 25), Fraction(75, 25)]
    assert result.told.reason == "100 % of the picture is untouched."
    require_every_frame_once(source, result)
    shutil.rmtree(tmp_path / "parts")
    result = split(source, SplitOptions("megabytes", maximum_bytes=source.stat().st_size // 3), muxers.MOV)
    assert len(result.parts) > 2
    assert all(one.size_bytes <= source.stat().st_size // 3 for one in result.parts)
    require_every_frame_once(source, result)


def test_captions_chapters_and_names_come_along_moved(tmp_path):
    plain = clips.make(tmp_path / "plain.mp4", Picture(seconds=8), NOISE)
    texts, notes = tmp_path / "texts.srt", tmp_path / "notes.txt"
    texts.write_text("1\n00:00:01,000 --> 00:00:02,000\nFirst\n\n2\n00:00:06,000 --> 00:00:07,000\nSecond\n")
    notes.write_text(
        ";FFMETADATA1\ntitle=A talk\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=5\ntitle=One\n"
        "[CHAPTER]\nTIMEBASE=1/1\nSTART=5\nEND=8\ntitle=Two\n"
    )
    source = tmp_path / "talk.mp4"
    inputs = [part for path in (plain, texts) for part in ("-i", url(path))]
    maps = ("-map", 0, "-map", 1, "-map_metadata", 2, "-map_chapters", 2)
    run_ffmpeg(*inputs, "-f", "ffmetadata", "-i", url(notes), *maps, "-c", "copy", "-c:s", "mov_text", url(source))
    result = split(source, SplitOptions("times", (Fraction(4),)))
    for one, said, at, chapters in zip(
        result.parts, ("First", "Second"), (1, 2), (["One"], ["One", "Two"]), strict=True
    ):
        ((_, (caption,)),) = embedded_tracks.all_of(one.path, inspect(one.path))
        assert (caption.text, caption.start) == (said, at)
        with av.open(str(one.path)) as container:
            assert [chapter["metadata"]["title"] for chapter in container.chapters()] == chapters
            assert container.metadata["title"] == "A talk"


def test_each_audio_track_is_whole(tmp_path):
    other = Sound([(1, 7)], seconds=8, seed=2, language="deu", codec="ac3")
    source = clips.make(tmp_path / "talk.mkv", Picture(seconds=8), NOISE, other)
    result = split(source, container=muxers.MKV)
    assert all(one.made.audio.copies[0] and one.made.audio.copies[1] for one in result.parts)
    for track in (0, 1):
        np.testing.assert_array_equal(together(result, track), samples(source, track))


# Course --------------------------------------------------------------------------------------------------------------


def test_the_recording_is_read_once_for_all_parts_and_progress_is_that_of_all(tmp_path, monkeypatch):
    source = clips.make(tmp_path / "talk.mp4", Picture(seconds=8), NOISE)
    read, told = [], []
    for module, name in SURVEYS:
        original = getattr(module, name)

        def counted(*arguments, original=original, name=name, **options):
            read.append(name)
            return original(*arguments, **options)

        monkeypatch.setattr(module, name, counted)
    split(source, SplitOptions(seconds=Fraction(1)), progress=lambda done, stage: told.append((done, stage)))
    assert sorted(read) == sorted(name for _, name in SURVEYS)
    fractions = [done for done, _ in told]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    assert [f"Part {number} of 8" in {stage for _, stage in told} for number in range(1, 9)] == [True] * 8
