"""Streams whose clock starts again: one recording, picture and sound in step behind every joint."""

import random
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from jobs.engine.edit.cut_params import CutParams
from jobs.engine.pipelines import measuring
from jobs.engine.pipelines import silence_cut as cutting
from jobs.engine.pipelines.probe import probe
from jobs.engine.probe import discontinuities
from jobs.engine.probe.inspection import inspect
from jobs.engine.render import sidetracks
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from tests.clips import Picture, Sound, heard, lag, make, seen
from tests.media import run_ffmpeg, url

LOUD = [(0.5, 1.0), (2.0, 2.6), (3.1, 3.5)]
WRAP = (1 << 33) // 90_000
"""Where the clock of a stream starts again by itself, in whole seconds: its 33 bits are full."""


def part(folder: Path, number: int, start: int, suffix: str = "ts") -> Path:
    """Four seconds, on a clock that begins at `start`."""
    loud = [(begin + start, end + start) for begin, end in LOUD]
    sound = Sound(loud, seconds=4, start=Fraction(start), codec="mp2", seed=number)
    made = make(folder / f"{number}.ts", Picture(seconds=4, start=Fraction(start)), sound)
    if suffix == "ts":
        return made
    other = made.with_suffix(f".{suffix}")
    run_ffmpeg("-i", url(made), "-c:v", "mpeg2video", "-q:v", "3", "-bf", "2", "-c:a", "copy", url(other))
    return other


def joined(folder: Path, starts: tuple[int, ...], suffix: str = "ts") -> Path:
    parts = [part(folder, number, start, suffix) for number, start in enumerate(starts)]
    source = folder / f"joined.{suffix}"
    source.write_bytes(b"".join(one.read_bytes() for one in parts))
    return source


@pytest.mark.parametrize(
    ("starts", "suffix"),
    [((7, 7), "ts"), ((7, 2, 5), "ts"), ((60, 3), "ts"), ((WRAP - 2, 7200), "ts"), ((7, 2), "mpg")],
)
def test_parts_whose_clock_starts_again_are_one_recording(starts, suffix, tmp_path):
    source = joined(tmp_path, starts, suffix)

    with discontinuities.continuous(source, tmp_path) as (copy, info):
        assert float(info.duration) == pytest.approx(4 * len(starts), abs=0.2)
        assert info.clocks == len(starts)
        shown = seen(copy)
        keep = ((0, float(info.duration) - 0.2),)
        result = cutting.cut(Source(copy, info), CutParams(keep=keep), tmp_path / "b.mp4", Workspace(tmp_path))

    assert [one.number for one in shown] == [*range(100)] * len(starts)
    steps = [after.time - before.time for before, after in pairwise(shown)]
    assert min(steps) > Fraction(1, 50)
    assert max(steps) < Fraction(1, 5)
    assert result.report.ok
    assert not copy.exists()
    # Behind each joint picture and sound are as far apart as they were in the part.
    samples, rate = heard(tmp_path / "b.mp4")
    times = [one.time for one in seen(tmp_path / "b.mp4") if one.number == 50]
    assert len(times) == len(starts)
    for number, time in enumerate(times):
        plain = tmp_path / f"plain-{number}"
        plain.mkdir()
        alike = part(plain, number, 7, suffix)
        original, _ = heard(alike)
        expected, at = round(seen(alike)[50].time * rate), round(time * rate)
        assert abs(lag(samples, original, at + 4800, expected + 4800)) < rate // 100


@pytest.mark.parametrize("start", [7, WRAP - 2])
def test_a_clock_that_goes_on_costs_no_copy(start, tmp_path):
    source = part(tmp_path, 1, start)
    with discontinuities.continuous(source, tmp_path) as (same, info):
        assert (same, info) == (source, inspect(source))
        assert info.clocks == 1
        assert discontinuities.readable_file(source, info, tmp_path) == source
    result = cutting.cut(Source(source, info), CutParams(keep=((1, 3),)), tmp_path / "b.mp4", Workspace(tmp_path))
    assert result.report.ok
    numbers = [one.number for one in seen(tmp_path / "b.mp4")]
    # A recording begins with whatever begins first, which may be a picture before its first picture.
    assert numbers[0] in (24, 25)
    assert numbers == [*range(numbers[0], numbers[-1] + 1)]
    assert numbers[-1] in (74, 75)


def test_the_facts_of_an_upload_are_those_of_the_copy_that_is_worked_on(tmp_path):
    source = joined(tmp_path, (7, 7))
    before = set(tmp_path.iterdir())
    probed = probe(source, poster=tmp_path / "poster.jpg")
    info = probed.info
    assert set(tmp_path.iterdir()) - before == {probed.poster}
    assert float(info.duration) == pytest.approx(8, abs=0.2)
    assert (info.format, info.size_bytes) == ("mpegts", source.stat().st_size)

    cache = tmp_path / "cache"
    for _ in range(2):
        copy = discontinuities.readable_file(source, info, cache)
        assert discontinuities.readable_file(source, info, cache) == copy
        told = inspect(copy)
        assert (told.duration, told.start, told.video, told.audio) == (
            info.duration,
            info.start,
            info.video,
            info.audio,
        )
        copy.unlink()  # what is in a cache may vanish


def test_what_is_measured_for_pages_is_the_whole(tmp_path):
    source = joined(tmp_path, (7, 7))
    info, cache = probe(source).info, tmp_path / "cache"
    request = measuring.Request("plan", str(source), str(cache), info.to_json(), params={"keep": [[1, 2], [5, 7]]})
    plan = measuring.ask(request)
    assert plan["keep"] == [pytest.approx([1, 2], abs=0.041), pytest.approx([5, 7], abs=0.041)]
    assert plan["source_duration"] == pytest.approx(8, abs=0.2)


def with_sides(folder: Path, name: str, *coding: str) -> Path:
    """Four seconds with a tone as the second sound, joined to themselves, so that their clock starts again."""
    plain, whole, source = part(folder, 1, 7), folder / f"whole-{name}", folder / name
    run_ffmpeg("-i", url(plain), "-f", "lavfi", "-i", "sine=600:duration=4", *coding, url(whole))
    source.write_bytes(whole.read_bytes() * 2)
    return source


@pytest.mark.parametrize(
    ("name", "codec", "coding"),
    [
        ("a.vob", "pcm_dvd", ("-sample_fmt", "s16", "-ar", "48000")),
        ("a.vob", "pcm_dvd", ("-sample_fmt", "s32", "-ar", "96000")),
        ("a.m2ts", "pcm_bluray", ("-sample_fmt", "s16", "-ar", "48000", "-mpegts_m2ts_mode", "1")),
    ],
)
def test_sound_that_plain_transport_streams_do_not_hold_is_there_and_in_its_place(name, codec, coding, tmp_path):
    pictures = ("-c:v", "mpeg2video", "-q:v", "3", "-bf", "2")
    source = with_sides(tmp_path, name, "-map", "0:v", "-map", "0:a", *pictures, "-c:a", codec, "-ac", "2", *coding)
    with discontinuities.continuous(source, tmp_path) as (copy, info):
        assert [track.codec for track in info.audio] == ["pcm_bluray"]
        assert info.audio[0].sample_rate == int(coding[3])
        samples, rate = heard(copy)
        times = [one.time for one in seen(copy) if one.number == 50]
        assert len(times) == 2
    whole = tmp_path / f"whole-{name}"
    original, _ = heard(whole)
    expected = round((seen(whole)[50].time + Fraction(1, 10)) * rate)
    for time in times:
        assert abs(lag(samples, original, round((time + Fraction(1, 10)) * rate), expected)) < rate // 100


def test_what_is_not_worked_on_is_still_there_to_be_told(tmp_path):
    maps = ("-map", "0:v", "-map", "0:a", "-map", "0:v", "-map", "1:a")
    coding = ("-c:v", "mpeg2video", "-q:v", "3", "-c:a", "ac3", "-metadata:s:a:1", "language=deu")
    source = with_sides(tmp_path, "a.ts", *maps, *coding)
    with discontinuities.continuous(source, tmp_path) as (copy, info):
        assert [track.language for track in info.audio] == ["", "deu"]
        assert [track.kind for track in sidetracks.read(Source(copy, info))] == ["picture"]


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_stream_whose_clock_starts_again_keeps_most_of_its_pictures(seed, tmp_path):
    source = joined(tmp_path, (7, 7))
    data, dice = bytearray(source.read_bytes()), random.Random(seed)
    for _ in range(12):
        packet = dice.randrange(40, len(data) // 188) * 188
        # What else damage hits is the decoders' to bear with: here it is the headers that hold times.
        data[packet + 4 : packet + 24] = dice.randbytes(20)
    source.write_bytes(data)
    with discontinuities.continuous(source, tmp_path) as (copy, info):
        assert info.clocks > 1
        times = [one.time for one in seen(copy)]
    assert len(times) > 150
    assert all(before < after for before, after in pairwise(times))
