"""One talk as two microphones hear it: a camera across the room, and a recorder whose clock is not quite right."""

import numpy as np

from tests import spoken
from tests.spoken import RATE, Samples, Talk


def camera(talk: Talk, *, noise_db: float, echo_seconds: float = 0.6) -> Samples:
    """From afar: as much echo as sound, a fan `noise_db` below the talk, and all of it soft."""
    random = np.random.default_rng(1)
    count = int(echo_seconds * RATE)
    echo = random.normal(0, 1, count) * 10 ** (-3 * np.arange(count) / count)
    echo[: RATE // 250] = 0
    echo *= 0.7 / np.sqrt(np.sum(echo**2))
    echo[0] = 0.5
    length = 1 << (len(talk.samples) + count).bit_length()
    heard = np.fft.irfft(np.fft.rfft(talk.samples, length) * np.fft.rfft(echo, length), length)
    noise = spoken.room(len(talk.samples), 5) * 10 ** ((talk.level_db - noise_db) / 20)
    return (0.3 * (heard[: len(talk.samples)] + noise)).astype(np.float32)


def recorder(talk: Talk, start: float, seconds: float, ppm: float, noise_db: float) -> Samples:
    """From near: what a recorder takes for `seconds` of its own clock, begun `start` s after the talk.

    Its clock is fast by `ppm` millionths, and hisses `noise_db` below the talk.
    """
    times = start + np.arange(round(seconds * RATE)) / (1 + ppm * 1e-6) / RATE
    heard = at(talk.samples, times * RATE)
    return heard + spoken.hiss(len(heard), 9) * np.float32(10 ** ((talk.level_db - noise_db) / 20))


def at(samples: Samples, places: np.ndarray) -> Samples:
    """The sound at places between the samples; silence outside. Right to -50 dB up to a quarter of the sample rate."""
    finer = 4
    count = len(samples)
    spectrum = np.fft.rfft(samples)
    fine = np.fft.irfft(spectrum, count * finer) * finer
    return np.interp(places * finer, np.arange(count * finer), fine, left=0, right=0).astype(np.float32)
