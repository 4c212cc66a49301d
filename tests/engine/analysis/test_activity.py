"""Where sound begins and ends, from levels written as text: # is loud, - is soft, one character for each 20 ms."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from jobs.engine.analysis.activity import (
    MAXIMUM_SOFT_EDGE_SECONDS,
    SURELY_VOICE,
    grown,
    loud_activity,
    runs_of,
    whole_words,
)
from jobs.engine.analysis.peak_levels import STEP, Levels, auto_threshold, auto_thresholds, measure
from jobs.engine.analysis.vad import WINDOW, Voice
from jobs.engine.edit.cut_params import CutParams
from jobs.engine.edit.cut_plan import plan
from jobs.engine.probe.inspection import inspect
from tests import spoken
from tests.spoken import NOISES, Talk, talk

MARKS = {"#": 2.0, "-": 1.0, ".": 0.0}
BARE = CutParams(margin_before_ms=0, margin_after_ms=0, min_silence_ms=0, min_clip_ms=0, min_saving_ms=0)


def values(text: str) -> np.ndarray:
    return np.array([MARKS[mark] for mark in text], np.float32)


def softened(text: str, reach: int = 99) -> str:
    marks = values(text)
    kept = np.zeros(len(text), bool)
    for start, end in grown(marks, runs_of(marks == 2), 1, 1, reach):
        kept[start:end] = True
    return "".join("#" if one else "." for one in kept)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("..--##--..", "..######.."),
        ("--..##..--", "....##...."),
        ("..-.##-.-#", "....###.##"),
        ("--#....#--", "###....###"),
        ("....--....", ".........."),
        ("##########", "##########"),
        ("#-", "##"),
        ("", ""),
    ],
)
def test_sound_reaches_as_far_as_what_is_soft_beside_it(text, expected):
    assert softened(text) == expected


def test_soft_edges_have_an_end():
    assert softened("------##------", reach=2) == "....######...."


def test_runs_are_where_a_mask_is_true():
    assert runs_of(np.array([1, 1, 0, 1, 0, 0, 1], bool)) == [(0, 2), (3, 4), (6, 7)]
    assert runs_of(np.zeros(4, bool)) == []


def test_a_voice_that_stops_for_less_than_a_hiss_lasts_has_not_stopped():
    probability = np.zeros(60, np.float32)
    probability[[5, 15, 26]] = 0.9, 0.5, 0.9
    assert runs_of(whole_words(probability) >= SURELY_VOICE) == [(5, 16), (26, 27)]
    assert probability[6] == 0


def test_a_soft_word_is_as_long_as_it_may_be_voice_and_a_click_is_not():
    probability = np.zeros(200, np.float32)
    word = [0.03, 0.2, 0.42, 0.44, *[0.2] * 6]
    probability[50:60], probability[120:122] = word, 0.9
    params = replace(BARE, detector="voice", min_clip_ms=100)
    found = plan(Voice(probability, 200 * WINDOW), 200 * WINDOW, params)
    assert found.keep == ((50 * WINDOW, 60 * WINDOW),)


def test_what_leads_up_to_speech_is_kept_from_where_it_was_suspected():
    probability = np.zeros(200, np.float32)
    probability[[80, 100]] = 0.2
    probability[120:140] = 0.9
    assert runs_of(whole_words(probability) >= SURELY_VOICE) == [(100, 140)]


def speech_and_edges() -> Levels:
    """Speech at -15 dBFS that begins and ends 15 dB under the threshold of `auto`, in a room at -70."""
    word = [-45, -40, *[-15] * 30, -38, -44]
    room = [-70 + (place % 3) for place in range(100)]
    return Levels(np.array([*room, *word] * 8 + room, np.float32), (8 * 134 + 100) * STEP)


def test_auto_keeps_the_soft_edges_of_words():
    levels = speech_and_edges()
    threshold, soft = auto_thresholds(levels)
    assert soft < -44 < -40 < threshold <= -35
    clips = plan(levels, levels.duration, BARE).keep
    assert clips[0] == (100 * STEP, 134 * STEP)
    assert auto_threshold(levels) == threshold


def test_a_given_threshold_is_the_border_itself():
    levels = speech_and_edges()
    threshold = auto_threshold(levels)
    found = loud_activity(levels, threshold)
    assert not found.begins
    assert not found.ends
    assert found.clips[0] == (102 * STEP, 132 * STEP)


def test_the_soft_level_stays_clear_of_the_noise():
    """Noise 25 dB under speech: soft edges end 5 dB over it, where it never reaches."""
    levels = speech_and_edges()
    levels.db[levels.db < -60] += 30
    threshold, soft = auto_thresholds(levels)
    assert -35 <= soft <= threshold
    assert plan(levels, levels.duration, BARE).keep[0] == (102 * STEP, 132 * STEP)


def test_a_click_with_a_soft_tail_is_still_a_click():
    levels = speech_and_edges()
    levels.db[50], levels.db[51:58] = -10, -44
    params = CutParams(margin_before_ms=0, margin_after_ms=0)
    assert plan(levels, levels.duration, params).keep[0][0] >= 100 * STEP


def test_silence_that_soft_edges_make_too_short_stays():
    levels = speech_and_edges()
    # Of the first pause between words 3 steps are silent, and 8 are soft.
    levels.db[134:230] = -15
    levels.db[184:188], levels.db[191:195] = -45, -45
    levels.db[188:191] = -70
    shortest = CutParams(margin_before_ms=0, margin_after_ms=0, min_silence_ms=80)
    assert not any(
        Fraction(188, 50) <= end <= Fraction(191, 50) for _, end in plan(levels, levels.duration, shortest).keep
    )


def test_soft_sound_that_goes_on_and_on_is_no_end_of_a_word():
    levels = speech_and_edges()
    levels.db[134:234] = -44
    first, second = plan(levels, levels.duration, BARE).keep[:2]
    assert (first[1], second[0]) == (132 * STEP + MAXIMUM_SOFT_EDGE_SECONDS, 236 * STEP - MAXIMUM_SOFT_EDGE_SECONDS)


@pytest.fixture(scope="module")
def speech() -> Talk:
    voices, words = ("en-us", "en-gb+f3", "de+f2"), ("half", "fiction", "morning", "yes", "remember", "famous")
    return talk(22, 60, voices, words)


@pytest.mark.parametrize("noise", [None, *NOISES])
def test_auto_clips_no_word_20_db_above_any_noise(noise, speech, tmp_path):
    samples = speech.over(NOISES[noise](len(speech.samples), 6), 20) if noise else speech.samples
    source = spoken.write(tmp_path / "a.wav", samples)
    found = spoken.score(speech, plan(measure(source, inspect(source)), speech.duration, CutParams()), CutParams())
    assert found.clipped == 0
    # Keystrokes are loud too: that is what `voice` is for.
    assert found.recall > (0.6 if noise == "keyboard" else 0.95)


def test_soft_words_without_margins_are_whole_only_with_soft_edges(speech, tmp_path):
    """Fading in and trailing off: the level that auto finds clips words when it is used as a border."""
    source = spoken.write(tmp_path / "a.wav", speech.samples)
    levels = measure(source, inspect(source))
    tight = CutParams(margin_before_ms=20, margin_after_ms=20)
    hard = CutParams(margin_before_ms=20, margin_after_ms=20, threshold_db=auto_threshold(levels))
    clipped = [spoken.score(speech, plan(levels, speech.duration, one), one).clipped for one in (tight, hard)]
    assert clipped[0] < clipped[1] / 2
