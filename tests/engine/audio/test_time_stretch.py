"""Stretched audio: as long as asked to the sample, at its own pitch, in its place, and without a seam at either end."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.engine.audio.time_stretch import HOP_SECONDS, SEARCH_SECONDS, SLOWER_SEARCH_SECONDS, stretched

RATE = 16_000
SPEEDS = [0.25, 0.5, 0.8, 1.5, 2, 4, 10, 40]


class Tape:
    """Samples in memory that can only be read on, as from a decoder."""

    def __init__(self, samples: np.ndarray) -> None:
        self._samples = samples
        self._position = 0

    def read(self, start: int, count: int) -> np.ndarray:
        assert start >= self._position
        self._position = start + count
        found = self._samples[start : start + count]
        return np.pad(found, ((0, count - len(found)), (0, 0)))


def run(samples: np.ndarray, speed: float, rate: int = RATE) -> np.ndarray:
    samples = samples.astype(np.float32)
    shaped = samples if samples.ndim == 2 else samples[:, None]
    lasts = round(len(shaped) / speed)
    blocks = [np.zeros((0, shaped.shape[1])), *stretched(Tape(shaped), 0, len(shaped), lasts, rate)]
    return np.concatenate(blocks).reshape(lasts, *samples.shape[1:])


def tone(hertz: float, seconds: float) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)


def noise(seconds: float, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 0.1, (round(seconds * RATE), channels))


@given(st.integers(0, 3000), st.floats(0, 5), st.sampled_from([8_000, 11_025, 48_000]))
@settings(max_examples=200, deadline=None)
def test_it_is_as_long_as_asked_and_never_louder_than_its_source(count, share, rate):
    samples = np.random.default_rng(count).uniform(-1, 1, (count, 2)).astype(np.float32)
    lasts = int(share * count)
    found = np.concatenate([np.zeros((0, 2)), *stretched(Tape(samples), 0, count, lasts, rate)])
    assert found.shape == (lasts, 2)
    # Two of the loudest samples that meet where the fade has them equally loud.
    assert np.abs(found).max(initial=0) <= 2**0.5


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("hertz", [100, 440.3, 3000])
def test_a_tone_keeps_its_pitch_and_loudness_without_a_click(hertz, speed):
    source = tone(hertz, 12)
    found = run(source, speed)
    spectrum = np.abs(np.fft.rfft(found * np.hanning(len(found)), 1 << 19))
    hertz_found = spectrum.argmax() * RATE / (1 << 19)
    # Hundredths of a semitone cannot be heard.
    assert abs(hertz_found - hertz) < max(0.25, hertz / 1000)
    # A click is a step that the tone itself never takes; a beat is a dip in it.
    assert np.abs(np.diff(found)).max() < 1.1 * np.abs(np.diff(source)).max()
    periods = found[: len(found) // 320 * 320].reshape(-1, 320)
    assert np.abs(periods).max(axis=1).min() > 0.28
    assert np.abs(found).max() < 0.31


@pytest.mark.parametrize("speed", SPEEDS)
def test_it_begins_and_ends_with_the_sources_own_samples(speed):
    source = noise(2)
    found = run(source, speed)
    assert np.allclose(found[:3], source[:3], atol=0.002)
    assert np.allclose(found[-3:], source[-3:], atol=0.002)


@pytest.mark.parametrize("speed", [0.25, 0.5, 0.8, 1.5, 2, 4, 8])
def test_nothing_sounds_further_from_its_place_than_ten_milliseconds_of_the_source(speed):
    source = noise(30) / 100
    places = [round((second + 0.0137 * second) * RATE) for second in range(1, 29)]
    for place in places:
        source[place : place + RATE // 5] += noise(0.2)
    found = np.abs(run(source, speed)[:, 0])
    for place in places:
        there = round(place / speed)
        began = there - RATE // 20 + int(np.argmax(found[there - RATE // 20 : there + RATE // 20] > 0.05))
        assert abs(began - there) / RATE <= 0.010 / min(1, speed)
    search = SEARCH_SECONDS if speed > 1 else SLOWER_SEARCH_SECONDS
    assert HOP_SECONDS / 2 + search / speed <= 0.012 / min(1, speed)


@pytest.mark.parametrize("speed", SPEEDS)
def test_a_rooms_noise_stays_as_loud_all_along(speed):
    found = run(noise(60), speed)[:, 0]
    assert found.std() == pytest.approx(0.1, rel=0.02)
    for milliseconds in (2, 5):
        size = RATE * milliseconds // 1000
        each = found[: len(found) // size * size].reshape(-1, size).std(axis=1)
        # As uneven as such short pieces of this noise are by themselves, and hardly more.
        assert each.std() / each.mean() < 1.25 / (2 * size) ** 0.5


def test_digital_silence_stays_that():
    assert not run(np.zeros((RATE, 2)), 3).any()


def test_all_channels_move_together():
    source = noise(3)
    found = run(np.concatenate([source, -source / 2], axis=1), 4)
    assert np.allclose(found[:, 1], -found[:, 0] / 2, atol=1e-6)
