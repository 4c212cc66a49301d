"""Levels against single samples put at known places, and the automatic threshold against made speech in made noise."""

import functools
import math
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.engine.analysis import peak_levels
from jobs.engine.analysis.peak_levels import STEP, Levels, auto_threshold, measure, step_starts
from jobs.engine.audio import decoder
from jobs.engine.edit.cut_plan import CutParams, plan
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.probe.inspection import inspect
from jobs.errors import InputError
from tests.clips import Picture, Sound, make


def write(path, samples, rate, *, start=0, holes=(), codec="pcm_s16le", clock=None):
    """Samples of shape (channels, n) as a recording whose blocks of 0.1 s are left out where `holes` says."""
    with av.open(str(path), "w") as container:
        layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(samples)]
        stream = container.add_stream(codec, rate=rate, layout=layout)
        for number, place in enumerate(range(0, samples.shape[1], rate // 10)):
            if number in holes:
                continue
            block = np.ascontiguousarray(
                (samples[:, place : place + rate // 10] * 32767).astype("<i2").T.reshape(1, -1)
            )
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout=layout)
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = round(start * rate) + place
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def clicks(count, *places, channels=1, height=0.5):
    samples = np.zeros((channels, count))
    samples[:, list(places)] = height
    return samples


def loud_steps(found: Levels) -> list[int]:
    return np.flatnonzero(found.db > -20).tolist()


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 37_800, 44_100, 48_000])
def test_a_sample_counts_in_the_step_it_lies_in(rate, tmp_path):
    """The first and the last sample of steps; a step's border is the first sample at or after i / 50 s."""
    steps = [0, 7, 8, 49, 50, 77]
    places = [-(-step * rate // 50) for step in steps] + [-(-91 * rate // 50) - 1]
    source = write(tmp_path / "a.wav", clicks(2 * rate, *places), rate)
    track = inspect(source).audio[0]
    assert decoder.output_rate(track) == (rate if rate != 37_800 else 48_000)
    if rate == 37_800:
        return
    found = measure(source, inspect(source))
    assert loud_steps(found) == [*steps, 90]
    assert found.duration == 2
    assert len(found.db) == 100


def test_the_borders_of_steps_are_exact_at_any_rate():
    for rate in (8_000, 11_025, 12_345, 44_100):
        starts = step_starts(rate, 4).tolist()
        assert starts == [
            min(n for n in range(s - 2, s + 3) if Fraction(n, rate) >= i * STEP) for i, s in enumerate(starts)
        ]


def test_levels_are_dbfs_of_the_loudest_sample_of_any_channel(tmp_path):
    samples = clicks(48_000, 100, channels=2, height=0)
    samples[0, 100], samples[1, 100], samples[1, 24_000] = 0.01, -0.5, 0.25
    found = measure(write(tmp_path / "a.wav", samples, 48_000), inspect(tmp_path / "a.wav"))
    assert found.db[0] == pytest.approx(-6.02, abs=0.01)
    assert found.db[25] == pytest.approx(-12.04, abs=0.01)
    assert found.db[10] == -np.inf
    assert found.loudest == found.db[0]


def test_a_late_start_shifts_nothing(tmp_path):
    picture = Picture(seconds=3)
    sound = Sound([(1, 1.5)], seconds=2.3, start=Fraction(7, 10), codec="pcm_s16le", bit_rate=0)
    source = make(tmp_path / "a.mov", picture, sound)
    assert loud_steps(measure(source, inspect(source))) == list(range(50, 75))


@pytest.mark.parametrize("start", [0, 5, Fraction(1, 3)])
def test_a_start_of_the_recording_other_than_zero_is_taken_off(start, tmp_path):
    source = write(tmp_path / "a.mkv", clicks(48_000 * 2, 960 * 30, 960 * 60 - 1), 48_000, start=start)
    # Matroska counts in milliseconds: a third of a second is up to half of one off, in the file itself.
    expected = [[30, 59]] if start != Fraction(1, 3) else [[30, 59], [29, 59], [30, 60], [29, 60]]
    assert loud_steps(measure(source, inspect(source))) in expected


def test_a_hole_in_the_sound_shifts_nothing(tmp_path):
    source = write(tmp_path / "a.mkv", clicks(48_000 * 3, 960 * 10, 960 * 100, 960 * 149), 48_000, holes=range(8, 15))
    found = measure(source, inspect(source))
    assert loud_steps(found) == [10, 100, 149]
    assert not np.isfinite(found.db[40:75]).any()
    assert found.duration == 3


def test_the_padding_of_lossy_codecs_is_not_counted(tmp_path):
    for name, codec in (("a.mp3", "libmp3lame"), ("a.m4a", "aac"), ("a.ogg", "libopus")):
        source = make(tmp_path / name, None, Sound([(1, 1.5)], codec=codec, seconds=3, floor_db=-90))
        steps = np.flatnonzero(measure(source, inspect(source)).db > -30).tolist()
        # Lossy codecs smear an onset over a few milliseconds before and after it.
        assert set(range(50, 75)) <= set(steps) <= set(range(49, 76)), name


def test_all_tracks_count_unless_one_is_chosen(tmp_path):
    sounds = [Sound([(0.5, 1)], seconds=3), Sound([(2, 2.5)], seconds=3, layout="mono")]
    source = make(tmp_path / "a.mkv", Picture(seconds=3), *sounds)
    info = inspect(source)
    for track, spans in ((0, [(25, 50)]), (1, [(100, 125)]), ("all", [(25, 50), (100, 125)])):
        steps = np.flatnonzero(measure(source, info, track).db > -30).tolist()
        inside = {step for begin, end in spans for step in range(begin, end)}
        assert inside <= set(steps) <= {step + by for step in inside for by in (-1, 0, 1)}


@pytest.mark.parametrize("track", [2, -1, "1"])
def test_a_track_that_is_not_there_is_refused(track, tmp_path):
    source = make(tmp_path / "a.mkv", None, Sound(), Sound())
    with pytest.raises(InputError, match="2 audio tracks"):
        measure(source, inspect(source), track)


def test_a_recording_without_sound_is_refused():
    info = MediaInfo(format="mov", duration=Fraction(1), size_bytes=1)
    with pytest.raises(InputError) as error:
        info.require_audio("all")
    assert error.value.code == "no_audio"


def test_levels_are_kept_and_found_again(tmp_path, monkeypatch):
    source = make(tmp_path / "a.wav", None, Sound([(1, 2)], codec="pcm_s16le", bit_rate=0))
    info, cache = inspect(source), tmp_path / "cache"
    first = measure(source, info, cache_dir=cache)
    monkeypatch.setattr(decoder, "decoded", None)
    again = measure(source, info, cache_dir=cache)
    assert (again.db == first.db).all()
    assert again.duration == first.duration


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not an archive", "cut"])
def test_damaged_levels_are_measured_again(damage, tmp_path):
    source = make(tmp_path / "a.wav", None, Sound([(1, 2)], codec="pcm_s16le", bit_rate=0))
    info, cache = inspect(source), tmp_path / "cache"
    first = measure(source, info, cache_dir=cache)
    (stored,) = cache.iterdir()
    whole = stored.read_bytes()
    stored.write_bytes(whole[: len(whole) // 2] if damage == "cut" else damage)
    assert (measure(source, info, cache_dir=cache).db == first.db).all()
    assert stored.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_no_failure(tmp_path):
    source = make(tmp_path / "a.wav", None, Sound([(1, 2)], codec="pcm_s16le", bit_rate=0))
    (tmp_path / "cache").write_text("in the way")
    assert measure(source, inspect(source), cache_dir=tmp_path / "cache").duration == 4


def test_progress_reaches_the_end(tmp_path):
    source = make(tmp_path / "a.mkv", None, Sound(seconds=13), Sound(seconds=13))
    told = []
    measure(source, inspect(source), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1, abs=0.01)
    assert len(told) == 8


def speech(seed: int, seconds: int, pause_share: float) -> tuple[np.ndarray, np.ndarray]:
    """Levels like those of speech (dBFS a step, peaks at about -12), and which steps are speech at all."""
    random = np.random.default_rng(seed)
    db, voiced = [], []
    while len(db) < seconds * 50:
        word = int(random.integers(15, 60))
        swell = np.sin(np.linspace(0.15, np.pi - 0.15, word)) * 12
        db += list(-26 + swell + random.normal(0, 3, word))
        voiced += [True] * word
        pause = int(random.exponential(word * pause_share / (1 - pause_share))) + 1
        db += [-np.inf] * pause
        voiced += [False] * pause
    return np.array(db[: seconds * 50]), np.array(voiced[: seconds * 50])


@functools.cache
def noise_peaks(steps: int, seed: int) -> np.ndarray:
    """The loudest sample of each step of Gaussian noise, whose median is 1."""
    loudest = np.abs(np.random.default_rng(seed).normal(0, 1, (steps, 960))).max(axis=1)
    return loudest / np.median(loudest)


def in_noise(db: np.ndarray, noise_db: float, seed: int) -> Levels:
    """The loudest sample of each step of Gaussian noise, whose median is at `noise_db`, and of the speech in it."""
    amplitude = np.maximum(noise_peaks(len(db), seed) * 10 ** (noise_db / 20), 10 ** (db / 20))
    return Levels((20 * np.log10(amplitude)).astype(np.float32), len(db) * STEP)


@pytest.mark.parametrize("pause_share", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("noise_db", [-80, -60, -50, -40, -35])
def test_auto_lies_between_noise_and_speech(noise_db, pause_share):
    db, voiced = speech(1, 300, pause_share)
    found = in_noise(db, noise_db, 2)
    threshold = auto_threshold(found)
    assert (found.db[~voiced] < threshold).all()
    # The soft ends of words lie under it; margins are for those. Nearly all of the speech does not.
    assert (found.db[voiced] >= threshold).mean() > 0.9


@pytest.mark.parametrize("noise_db", [-60, -40])
def test_auto_clips_no_word_at_the_usual_margins(noise_db):
    db, voiced = speech(3, 300, 0.5)
    found = in_noise(db, noise_db, 4)
    kept = plan(found, found.duration, CutParams()).keep
    is_kept = np.zeros(len(voiced), bool)
    for start, end in kept:
        is_kept[math.ceil(start / STEP) : math.ceil(end / STEP)] = True
    assert is_kept[voiced].all()


def test_auto_works_with_digital_silence_between_words():
    db, voiced = speech(5, 300, 0.5)
    threshold = auto_threshold(Levels(db.astype(np.float32), len(db) * STEP))
    assert (db[voiced] >= threshold).mean() > 0.9
    assert threshold < -25


def test_auto_does_not_take_the_quiet_end_of_speech_without_pauses_for_noise():
    db, voiced = speech(6, 300, 0.02)
    found = in_noise(db, -60, 7)
    assert (found.db[voiced] >= auto_threshold(found)).mean() > 0.9


def test_auto_cuts_nothing_out_of_noise_alone():
    found = in_noise(np.full(15_000, -np.inf), -50, 8)
    with pytest.raises(InputError) as error:
        plan(found, found.duration, CutParams())
    assert error.value.code == "no_silence"


def test_auto_rather_keeps_noise_than_loses_words_when_noise_is_nearly_as_loud():
    db, voiced = speech(9, 300, 0.5)
    found = in_noise(db, -22, 10)
    assert (db[voiced] >= auto_threshold(found)).mean() > 0.5
    assert auto_threshold(found) <= np.percentile(db[voiced], 90) - 11.9


def test_auto_is_not_misled_by_a_stretch_of_digital_silence():
    db, voiced = speech(11, 300, 0.4)
    found = in_noise(db, -35, 12)
    found.db[:3000] = -np.inf
    threshold = auto_threshold(found)
    assert (found.db[3000:][~voiced[3000:]] < threshold).all()


def test_auto_finds_rare_speech():
    db, voiced = speech(13, 300, 0.5)
    voiced[600:] = False
    db[600:] = -np.inf
    found = in_noise(db, -50, 14)
    threshold = auto_threshold(found)
    assert (found.db[~voiced] < threshold).all()
    assert (found.db[voiced] >= threshold).mean() > 0.9


def test_auto_of_digital_silence_is_below_everything():
    assert auto_threshold(Levels(np.full(50, -np.inf, np.float32), Fraction(1))) == -np.inf
    assert auto_threshold(Levels(np.empty(0, np.float32), Fraction(0))) == -np.inf


@pytest.mark.parametrize("db", [0, -11.9, -12, -40, -90])
@pytest.mark.parametrize("shape", ["steady", "beating", "fading in", "with a gap", "with one peak"])
def test_auto_is_reached_by_something_in_any_tone(shape, db):
    """A steady sound is no noise floor to stay above: nothing else is there."""
    time = np.arange(3000) / 50
    gain = {
        "steady": np.zeros(3000),
        "beating": 3 * np.sin(time),
        "fading in": np.minimum(0, time - 30),
        "with a gap": np.where((time > 20) & (time < 30), -80, 0),
        "with one peak": np.where(time == 20, 12, 0),
    }[shape]
    found = Levels((db + gain).astype(np.float32), Fraction(60))
    sure, soft = peak_levels.auto_thresholds(found)
    assert soft <= sure < found.loudest
    # Most of it is sound, however little it changes.
    assert (found.db >= sure).mean() > 0.3


@given(
    st.lists(st.floats(-120, 6, width=32) | st.just(-np.inf), min_size=1, max_size=120), st.sampled_from([1, 10, 60])
)
@settings(max_examples=200, deadline=None)
def test_auto_never_lies_above_the_loudest_sound(db, times):
    found = Levels(np.repeat(np.array(db, np.float32), times), Fraction(len(db) * times, 50))
    sure, soft = peak_levels.auto_thresholds(found)
    assert soft <= sure
    assert sure < found.loudest or not np.isfinite(found.loudest)
