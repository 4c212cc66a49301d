import numpy as np
import pytest

from jobs.engine.analysis.cross_correlation import GUARD_SECONDS, band_limited, match, parabolic_peak


def noise(seconds: float, rate: int = 48_000, channels: int = 2, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, (round(seconds * rate), channels)).astype(np.float32)


def delayed(samples: np.ndarray, by: float) -> np.ndarray:
    """The same sound a part of a sample later; it goes round at the ends."""
    spectrum = np.fft.rfft(samples, axis=0)
    phase = np.exp(-2j * np.pi * np.arange(len(spectrum)) * by / len(samples))
    return np.fft.irfft(spectrum * phase[:, None], len(samples), axis=0).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("late_ms", [-230, -40, -1.37, 0, 0.02, 10, 249])
def test_it_tells_how_much_later_a_sound_comes(rate, late_ms):
    around = noise(1.4, rate)
    late = late_ms / 1000 * rate
    reach = rate // 4 + round(GUARD_SECONDS * rate)
    piece = delayed(around, late)[reach : reach + rate // 2]

    found = match(piece, around, rate, reach)

    # A hundredth of a millisecond: a tenth of the step at which places are looked at.
    assert found.late_seconds * 1000 == pytest.approx(late_ms, abs=0.01)
    # Likeness is that of the nearest place looked at, half a step off at worst.
    assert found.likeness > 0.75
    assert found.rival < 0.5


def test_one_silent_channel_does_not_matter_nor_do_channels_that_cancel_out():
    around = noise(1, channels=1)
    for other in (np.zeros_like(around), -around):
        both = np.hstack([around, other])
        assert match(both[10_000:30_000], both, 48_000, 9_000).late_seconds == pytest.approx(-1 / 48, abs=1e-4)


def test_loudness_does_not_matter():
    around = noise(1)
    found = match(around[10_000:30_000] * 0.01, around, 48_000, 10_000)
    assert found.likeness > 0.99


def test_another_sound_is_unlike():
    found = match(noise(0.5, seed=2), noise(1), 48_000, 12_000)
    assert found.likeness < 0.2
    assert found.level > 0.03


def test_a_sound_that_repeats_has_a_rival():
    time = np.arange(48_000) / 48_000
    tone = np.sin(2 * np.pi * 440 * time)[:, None].astype(np.float32)
    found = match(tone[12_000:36_000], tone, 48_000, 12_000)
    assert found.likeness - found.rival < 0.01


def test_silence_is_like_nothing():
    silence = np.zeros((48_000, 2), np.float32)
    assert match(silence[:24_000], noise(1), 48_000, 12_000).likeness == 0
    found = match(noise(0.5), silence, 48_000, 12_000)
    assert found.likeness == found.level == 0


def test_hum_and_hiss_are_left_out():
    time = np.arange(48_000) / 48_000

    def kept(frequency: float) -> float:
        wave = np.sin(2 * np.pi * frequency * time)[:, None].astype(np.float32)
        # Where the tone begins and ends there are other frequencies too.
        return float(np.sqrt(2 * np.mean(band_limited(wave, 48_000, 4)[2000:-2000] ** 2)))

    assert kept(1000) == pytest.approx(1, abs=0.01)
    assert kept(50) < 0.01
    assert kept(8000) < 0.01


def wave(frequency: float, level: float, seconds: float = 1.4, rate: int = 48_000) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * frequency * time))[:, None].astype(np.float32)


@pytest.mark.parametrize("rate", [16_000, 48_000])
@pytest.mark.parametrize("seconds", [0.2, 0.45, 0.7])
@pytest.mark.parametrize("frequency", [20, 50, 60, 75, 100, 6000])
def test_the_ends_of_a_tone_outside_of_the_band_are_no_match(frequency, seconds, rate):
    around = wave(frequency, 0.9, rate=rate)
    begin = round(0.35 * rate)

    # The piece is also a little weaker, as a codec makes it.
    found = match(0.99 * around[begin + 7 :][: round(seconds * rate)], around, rate, begin + 7)

    assert found.piece_level == found.level == 0


@pytest.mark.parametrize("late_ms", [-240, -40, -5, 0, 5, 12, 200])
@pytest.mark.parametrize("frequency", [50, 100])
def test_a_sound_is_found_in_loud_hum(frequency, late_ms):
    # 20 dB below.
    rate = 48_000
    around = noise(1.4, rate, channels=1) * 0.3 + wave(frequency, 0.42)
    begin, late = round(0.35 * rate), round(late_ms / 1000 * rate)

    found = match(around[begin - late :][: rate // 2], around, rate, begin)

    assert found.late_seconds * 1000 == pytest.approx(late_ms, abs=0.1)
    assert found.likeness > 0.8
    assert found.rival < 0.5
    assert found.piece_level > 0


def test_the_summit_lies_between_samples():
    places = np.arange(5.0)
    assert parabolic_peak(-((places - 2.3) ** 2), 2) == pytest.approx(0.3)
    assert parabolic_peak(-((places - 0.3) ** 2), 0) == 0
