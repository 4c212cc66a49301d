"""Pairs of recordings of one talk whose offset and drift are known, and pairs that have nothing in common."""

from pathlib import Path

import numpy as np
import pytest

from jobs.engine.analysis import alignment, coarse_offset, ransac
from jobs.engine.analysis.alignment import Alignment
from jobs.engine.analysis.band_envelope import STEPS_PER_SECOND
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.probe.inspection import inspect
from jobs.errors import InputError
from tests import spoken
from tests.media import run_ffmpeg, url
from tests.rooms import RATE, camera, recorder

pytestmark = pytest.mark.skipif(not spoken.there(), reason="espeak-ng is not installed")

WITHIN_SECONDS = 0.001
"""A fifth of what is asked for; measured are 0.05 ms."""


def sound(path: Path) -> AudioSource:
    info = inspect(path)
    return AudioSource(path, info, info.audio[0])


def saved(path: Path, samples, *options: str) -> AudioSource:
    wav = spoken.write(path.with_suffix(".pcm.wav"), samples)
    run_ffmpeg("-i", url(wav), *options, url(path))
    return sound(path)


def farthest_off(found: Alignment, start: float, ppm: float) -> float:
    """Seconds by which a place of the overlap is wrong at most, for a recorder begun `start` s after the camera."""
    times = np.linspace(found.begin, found.end, 50)
    return float(np.abs(found.line.at(times) - (times - start) * (1 + ppm * 1e-6)).max())


@pytest.fixture(scope="module")
def talk() -> spoken.Talk:
    return spoken.talk(3, 60)


@pytest.fixture(scope="module")
def filmed(talk, tmp_path_factory) -> AudioSource:
    folder = tmp_path_factory.mktemp("filmed")
    return saved(folder / "camera.m4a", camera(talk, noise_db=10), "-c:a", "aac", "-b:a", "64k")


@pytest.mark.parametrize(
    ("start", "seconds", "ppm", "noise_db", "name", "options"),
    [
        (8, 40, 0, 30, "o.flac", ()),
        (-20, 70, 145, 10, "o.mp3", ("-ar", "44100", "-b:a", "96k")),
        (25.3, 60, -145, 0, "o.ogg", ("-c:a", "libopus")),
        (40, 60, 50, 10, "o.wav", ("-af", "volume=-30dB")),
    ],
    ids=["inside", "begun before", "begun after", "of a part, and soft"],
)
def test_it_finds_a_recorder_to_a_millisecond(talk, filmed, tmp_path, start, seconds, ppm, noise_db, name, options):
    other = saved(tmp_path / name, recorder(talk, start, seconds, ppm, noise_db), *options)

    found = alignment.align(filmed, other)

    assert found.is_sure
    assert farthest_off(found, start, ppm) < WITHIN_SECONDS
    assert found.offset_ms == pytest.approx(start * 1000, abs=1)
    assert found.begin == pytest.approx(max(0, start), abs=0.05)
    assert found.end == pytest.approx(min(60, start + seconds), abs=0.05)


def test_more_than_an_hour_between_the_starts_does_not_matter():
    """75 min of a recorder, of which the camera has the last five; envelopes alone, which is where it counts."""
    random = np.random.default_rng(5)
    other = random.normal(0, 1, (75 * 60 * STEPS_PER_SECOND, 6)).astype(np.float32)
    camera = other[-300 * STEPS_PER_SECOND :] + 2 * random.normal(0, 1, (300 * STEPS_PER_SECOND, 6)).astype(np.float32)

    line = coarse_offset.rough_line(camera, other, maximum_drift=alignment.MAXIMUM_DRIFT)

    assert line.at(np.array([150.0])) == pytest.approx(75 * 60 - 150, abs=0.02)


def test_the_shorter_one_may_be_the_camera_or_the_recorder(talk, filmed, tmp_path):
    short = saved(tmp_path / "short.wav", recorder(talk, 30, 12, 0, 20))

    assert alignment.align(filmed, short).offset_ms == pytest.approx(30_000, abs=1)
    assert alignment.align(short, filmed).offset_ms == pytest.approx(-30_000, abs=1)


@pytest.mark.parametrize("noise", ["hum", "music", "hiss"])
def test_it_is_not_sure_about_sounds_that_only_resemble_each_other(tmp_path, noise):
    """Two hums from the mains have the same tones; two pieces of music the same notes."""
    make = spoken.NOISES[noise]
    one, two = (saved(tmp_path / f"{seed}.wav", make(RATE * 12, seed) * 0.05) for seed in (1, 2))

    assert not alignment.align(one, two).is_sure


def test_it_is_not_sure_about_another_talk(filmed, tmp_path):
    other = saved(tmp_path / "other.wav", spoken.talk(4, 40).samples)

    found = alignment.align(filmed, other)

    assert not found.is_sure
    assert found.confidence < alignment.MINIMUM_CONFIDENCE


def test_silence_and_scraps_are_refused(filmed, tmp_path):
    silent = saved(tmp_path / "silent.wav", np.zeros(RATE * 20, np.float32))
    scrap = saved(tmp_path / "scrap.wav", spoken.talk(3, 5).samples)

    with pytest.raises(InputError, match="other recording is silent"):
        alignment.align(filmed, silent)
    with pytest.raises(InputError, match="video has less than 8 s of sound"):
        alignment.align(scrap, filmed)


def test_progress_rises_to_the_end(talk, filmed, tmp_path):
    other = saved(tmp_path / "other.wav", recorder(talk, 5, 40, 0, 20))
    told: list[float] = []

    alignment.align(filmed, other, progress=told.append)

    assert told == sorted(told)
    assert told[0] < 0.5
    assert told[-1] > 0.9


def test_the_line_is_that_of_most_points():
    x = np.arange(10.0)
    y = 3 + 0.001 * x
    y[[2, 5, 6]] += [1, -7, 4]

    found = ransac.line(x, y, np.ones(10), tolerance=0.01, maximum_slope=0.01)

    assert list(np.flatnonzero(~found.agree)) == [2, 5, 6]
    assert (found.offset, found.slope) == pytest.approx((3, 0.001))


def test_a_line_is_never_steeper_than_said():
    x = np.array([0.0, 1.0])

    found = ransac.line(x, np.array([0.0, 1.0]), np.ones(2), tolerance=0.1, maximum_slope=0.01)

    assert found.agree.sum() == 1
    assert found.slope == 0
