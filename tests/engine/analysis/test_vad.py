"""Voice against speech whose words are known, and against what is loud but nobody's voice."""

from fractions import Fraction

import numpy as np
import pytest

from jobs.engine.analysis import vad
from jobs.engine.analysis.activity import SURELY_VOICE
from jobs.engine.analysis.vad import WINDOW, Voice, measure
from jobs.engine.audio import decoder
from jobs.engine.edit.cut_params import CutParams
from jobs.engine.edit.cut_plan import plan
from jobs.engine.probe.inspection import inspect
from jobs.errors import InputError
from tests import spoken
from tests.clips import Sound, make
from tests.media import run_ffmpeg
from tests.spoken import NOISES, RATE, Talk, talk

PARAMS = CutParams(detector="voice")
# Few voices and words: each pair starts espeak-ng once.
FEW = {"voices": ("en-us", "en-gb+f3", "de+f2"), "words": ("half", "fiction", "morning", "yes", "remember", "famous")}


@pytest.fixture(scope="module")
def speech() -> Talk:
    return talk(21, 40, **FEW)


def heard(samples, tmp_path) -> Voice:
    source = spoken.write(tmp_path / "a.wav", samples)
    return measure(source, inspect(source))


def windows(found: Voice) -> np.ndarray:
    """The middle of each window, in seconds."""
    return (np.arange(len(found.probability)) + 0.5) * float(WINDOW)


@pytest.mark.parametrize("noise", [None, *NOISES])
def test_it_clips_no_word_10_db_above_any_noise_and_cuts_most_pauses(noise, speech, tmp_path):
    samples = speech.over(NOISES[noise](len(speech.samples), 5), 10) if noise else speech.samples
    made = plan(heard(samples, tmp_path), speech.duration, PARAMS)
    found = spoken.score(speech, made, PARAMS)
    assert found.clipped == 0
    assert found.recall > 0.7
    assert found.precision > 0.9


def test_it_hears_soft_speech(speech, tmp_path):
    """30 dB below the usual: peaks at about -40 dBFS."""
    made = plan(heard(speech.samples * 10 ** (-30 / 20), tmp_path), speech.duration, PARAMS)
    assert spoken.score(speech, made, PARAMS).clipped == 0


@pytest.mark.parametrize("noise", NOISES)
def test_loud_sound_that_is_nobodys_voice_is_silence(noise, tmp_path):
    found = heard(NOISES[noise](20 * RATE, 3) * 0.2, tmp_path)
    assert (found.probability < SURELY_VOICE).all()
    with pytest.raises(InputError, match="Nobody speaks") as error:
        plan(found, found.duration, PARAMS)
    assert error.value.code == "all_silent"


def test_voice_is_found_where_it_is_and_lasts_as_long_as_the_sound(speech, tmp_path):
    found = heard(speech.samples, tmp_path)
    assert found.duration == pytest.approx(float(speech.duration), abs=1e-3)
    assert len(found.probability) == -(-found.duration // WINDOW)
    middle = windows(found)
    for start, end in speech.words:
        assert found.probability[(middle > start) & (middle < end)].max() > SURELY_VOICE


def test_what_is_heard_does_not_depend_on_how_the_sound_comes_in_blocks(speech, tmp_path, monkeypatch):
    whole = heard(speech.samples, tmp_path).probability
    monkeypatch.setattr(vad, "BLOCK_WINDOWS", 7)
    np.testing.assert_allclose(heard(speech.samples, tmp_path).probability, whole, atol=1e-4)


def test_samples_that_are_no_numbers_are_forgotten(speech):
    listener, other = vad.VoiceDetector(), vad.VoiceDetector()
    sick = np.full(16_000, np.nan, np.float32)
    assert np.isfinite(listener.probabilities(sick)).all()
    other.probabilities(np.zeros(16_000, np.float32))
    samples = speech.samples[: 512 * 100]
    assert (listener.probabilities(samples) == other.probabilities(samples)).all()


def test_it_listens_to_every_track_unless_one_is_chosen(speech, tmp_path):
    """Speech in the second track alone, which ends first."""
    source = tmp_path / "a.mkv"
    make(tmp_path / "first.mka", None, Sound(seconds=50, floor_db=-60))
    spoken.write(tmp_path / "second.wav", speech.samples)
    mux = ("-i", tmp_path / "first.mka", "-i", tmp_path / "second.wav", "-map", "0", "-map", "1", "-c", "copy")
    run_ffmpeg(*mux, source)
    info = inspect(source)
    quiet, second, both = (measure(source, info, track) for track in (0, 1, "all"))
    assert quiet.probability.max() < 0.5 < second.probability.max()
    assert (both.probability[: len(second.probability)] >= second.probability).all()
    assert both.duration == quiet.duration > second.duration


def test_voices_are_kept_and_found_again(speech, tmp_path, monkeypatch):
    source = spoken.write(tmp_path / "a.wav", speech.samples)
    info, cache = inspect(source), tmp_path / "cache"
    first = measure(source, info, cache_dir=cache)
    monkeypatch.setattr(decoder, "decoded", None)
    again = measure(source, info, cache_dir=cache)
    assert (again.probability == first.probability).all()
    assert again.duration == first.duration


def test_damaged_probabilities_are_measured_again(speech, tmp_path):
    source = spoken.write(tmp_path / "a.wav", speech.samples[: RATE * 5])
    info, cache = inspect(source), tmp_path / "cache"
    first = measure(source, info, cache_dir=cache)
    (stored,) = cache.iterdir()
    stored.write_bytes(stored.read_bytes()[:100])
    assert (measure(source, info, cache_dir=cache).probability == first.probability).all()


def test_progress_reaches_the_end(speech, tmp_path):
    source = spoken.write(tmp_path / "a.wav", speech.samples)
    told: list[float] = []
    measure(source, inspect(source), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1, abs=0.01)


def test_a_voice_that_never_stops_leaves_nothing_to_cut():
    always = Voice(np.full(300, 0.9, np.float32), 300 * WINDOW)
    with pytest.raises(InputError, match="nobody stops speaking") as error:
        plan(always, 300 * WINDOW, PARAMS)
    assert error.value.code == "no_silence"


def test_the_hiss_inside_a_word_does_not_end_it_nor_make_its_beginning_a_click():
    probability = np.zeros(300, np.float32)
    probability[100:102] = probability[110:140] = 0.9
    made = plan(Voice(probability, 300 * WINDOW), 300 * WINDOW, CutParams(detector="voice", margin_before_ms=0))
    assert [float(kept[0]) for kept in made.keep] == [float(100 * WINDOW)]


def test_a_word_that_the_model_believes_in_late_begins_where_it_first_suspected_it():
    probability = np.zeros(300, np.float32)
    probability[100:108], probability[108:140], probability[140:150] = 0.03, 0.9, 0.03
    made = plan(
        Voice(probability, 300 * WINDOW),
        300 * WINDOW,
        CutParams(detector="voice", margin_before_ms=0, margin_after_ms=0),
    )
    assert made.keep == ((100 * WINDOW, 140 * WINDOW),)


def test_a_soft_word_is_kept_when_a_sure_one_follows_soon():
    probability = np.zeros(300, np.float32)
    probability[60:63] = probability[100:103] = 0.2
    probability[112:140] = 0.9
    made = plan(Voice(probability, 300 * WINDOW), 300 * WINDOW, CutParams(detector="voice", margin_before_ms=0))
    assert [start for start, _ in made.keep] == [100 * WINDOW]


@pytest.mark.parametrize("noise", ["room", "hum", "music"])
def test_no_word_is_clipped_10_db_above_the_noise(noise, tmp_path):
    """One of these words begins softly, after a pause."""
    said = talk(3, 70)
    made = plan(heard(said.over(NOISES[noise](len(said.samples), 102), 10), tmp_path), said.duration, PARAMS)
    found = spoken.score(said, made, PARAMS)
    assert found.clipped == 0
    assert found.recall > 0.8


def test_the_plan_says_that_a_voice_was_looked_for():
    probability = np.array([0] * 50 + [1] * 50, np.float32)
    made = plan(Voice(probability, Fraction(16, 5)), Fraction(16, 5), PARAMS)
    assert (made.detector, made.threshold_db) == ("voice", None)
