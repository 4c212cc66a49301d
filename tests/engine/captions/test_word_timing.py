"""The edges of words: what the levels say of them, and what becomes of words without length."""

import itertools

import numpy as np
import pytest

from jobs.engine.captions import word_timing
from jobs.engine.captions.word_timing import TimedWord

RATE = 16_000


def audio(*sounding: tuple[float, float], seconds: float = 6.0, noise: float = 3.0) -> np.ndarray:
    """Noise like that of speech at these times, over a little of it."""
    random = np.random.default_rng(4)
    samples = random.normal(0, noise, round(seconds * RATE))
    for start, end in sounding:
        first, last = round(start * RATE), round(end * RATE)
        samples[first:last] += random.normal(0, 3000, last - first)
    return np.clip(samples, -32768, 32767).astype("<i2")


def word(start, end, text="word", confidence=0.9):
    return TimedWord(start, end, f" {text}", confidence)


def edges(words):
    return [(round(one.start, 2), round(one.end, 2)) for one in words]


def test_words_that_meet_in_the_wrong_places_are_parted_at_the_pauses():
    spoken = [(1.0, 1.4), (1.6, 2.0), (2.2, 2.5)]
    rough = [word(0.8, 1.3), word(1.3, 1.9), word(1.9, 2.4)]
    found = word_timing.timed(rough, audio(*spoken), RATE)
    assert np.abs(np.array(edges(found)) - spoken).max() <= 0.02


def test_a_stop_inside_a_word_parts_nothing():
    spoken = [(1.0, 1.3), (1.35, 1.7), (2.1, 2.6)]
    rough = [word(0.9, 1.75, "better"), word(1.75, 2.5)]
    found = word_timing.timed(rough, audio(*spoken), RATE)
    assert np.abs(np.array(edges(found)) - [(1.0, 1.7), (2.1, 2.6)]).max() <= 0.02


def test_a_click_before_the_first_word_is_no_word():
    rough = [word(0.85, 1.3), word(1.3, 1.5), word(1.5, 1.9)]
    found = word_timing.timed(rough, audio((0.5, 0.54), (1.2, 1.9)), RATE)
    assert found[0].start == pytest.approx(1.2, abs=0.02)
    assert found[1].start > 1.25


def test_pauses_are_found_under_rumble():
    spoken = [(1.0, 1.4), (1.7, 2.2)]
    rumble = 6000 * np.sin(2 * np.pi * 40 * np.arange(6 * RATE) / RATE)
    samples = np.clip(audio(*spoken) + rumble, -32768, 32767).astype("<i2")
    found = word_timing.timed([word(0.9, 1.35), word(1.35, 2.1)], samples, RATE)
    assert np.abs(np.array(edges(found)) - spoken).max() <= 0.03


def test_words_stay_in_order_and_none_loses_all_its_time():
    rough = [word(1 + place * 0.02, 1 + place * 0.02 + 0.02) for place in range(30)]
    found = word_timing.timed(rough, audio((1.0, 1.1), (1.4, 1.5), (2.0, 3.0)), RATE)
    assert len(found) == 30
    assert all(one.start < one.end for one in found)
    assert all(before.end <= after.start for before, after in itertools.pairwise(found))


def test_a_sure_word_without_length_gets_a_sliver_from_the_pause_or_from_a_neighbour():
    (before, sliver, after) = word_timing.with_lengths([word(1.0, 1.5), word(2.0, 2.0, "it"), word(2.4, 2.8)])
    assert (before.start, before.end, after.start, after.end) == (1.0, 1.5, 2.4, 2.8)
    assert sliver.end - sliver.start == pytest.approx(word_timing.SLIVER_SECONDS)
    (before, sliver, after) = word_timing.with_lengths([word(1.0, 2.0), word(2.0, 2.0, "it"), word(2.0, 2.2)])
    assert before.end == sliver.start and sliver.end == after.start == 2.0
    assert sliver.end - sliver.start == pytest.approx(word_timing.SLIVER_SECONDS)


def test_words_without_length_that_are_stacked_or_unsure_go():
    stacked = [word(2.0, 2.0, text) for text in ("thanks", "for", "watching")]
    kept = word_timing.with_lengths([word(1.0, 1.5), *stacked, word(3.0, 3.0, "um", 0.2), word(3.5, 4.0)])
    assert edges(kept) == [(1.0, 1.5), (3.5, 4.0)]


def test_audio_of_no_length_and_words_alone_are_no_trouble():
    assert word_timing.timed([], audio(), RATE) == []
    alone = word(0.1, 0.2)
    assert word_timing.refined([alone], np.zeros(0)) == [alone]
    assert word_timing.levels(np.zeros(9, "<i2"), RATE).size == 0
    assert len(word_timing.timed([alone], np.zeros(RATE, "<i2"), RATE)) == 1
