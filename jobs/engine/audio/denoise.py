"""Steady noise taken out of audio by ffmpeg's `afftdn`, which is shown what the noise alone sounds like.

afftdn (a spectral gain for each bin, with masking) knows by itself white noise only. It can take the colour of a noise
from a sample of it, but not its level: both are found here, in the recording's own pauses.
"""

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from jobs.engine.audio.filter_graph import FilterChain
from jobs.engine.audio.sample_clock import Samples

STEPS_PER_SECOND = 50
BLOCK_STEPS = 10
"""Noise is looked for in blocks of 0.2 s, which fit between two sentences."""
STEADY_DB = 2.5
"""By how much the level of noise varies from step to step; that of speech does by more."""
QUIET_SHARE = 0.25
"""Of the steady blocks, which one is taken for typical: the loudest ones are held vowels."""
SAMPLE_BLOCKS = 12
BELOW_SPEECH_DB = 4.0
"""What is not so far below the loud parts is not noise beside speech, but what was to be heard."""
FLOOR_DB, FLOOR_SHARE = 10.0, 0.05
"""Noise is everywhere: next to nothing is so far below it. Below a vowel there are the consonants."""
MINIMUM_NOISE_DB = -80.0
MAXIMUM_REDUCTION_DB = 40.0
"""What a strength of 1 stands for; so much that what speech leaves of noise sounds like water."""
# afftdn's own: the bands it knows noise by, and its scale.
BANDS_HZ = (80, 120, 180, 270, 410, 620, 930, 1400, 2100, 3150, 4750, 7100, 10700, 16000, 24000)
LOWEST_DB, HIGHEST_DB = -80.0, -20.0
BAND_FLOOR_DB = -82.0
SCALE_DB = -0.5
OVER_DB = 4.0
"""Its gain follows each bin, whose power swings about the mean: measured best on made noisy speech."""


@dataclasses.dataclass(frozen=True, eq=False)
class StepLevels:
    """Of each 20 ms: `level`, its power in dB; `bright`, that of its change from sample to sample, which makes up for
    most noises being low, and so steadier."""

    level: NDArray[np.float64]
    bright: NDArray[np.float64]

    def noise(self) -> NDArray[np.intp]:
        """Where typical noise alone is heard: first steps of blocks of `BLOCK_STEPS`; none when it never is."""
        if len(self.level) < BLOCK_STEPS:
            return np.zeros(0, np.intp)
        windows = np.lib.stride_tricks.sliding_window_view
        varies = windows(self.bright, BLOCK_STEPS).std(axis=1)
        level = 10 * np.log10(windows(10 ** (self.level / 10), BLOCK_STEPS).mean(axis=1))
        steady = np.flatnonzero(varies < STEADY_DB)
        if not len(steady):
            return steady
        typical = np.quantile(level[steady], QUIET_SHARE)
        if not MINIMUM_NOISE_DB < typical < np.quantile(self.level, 0.95) - BELOW_SPEECH_DB:
            return steady[:0]
        audible = self.level[self.level > MINIMUM_NOISE_DB]
        if np.mean(audible < typical - FLOOR_DB) > FLOOR_SHARE:
            return steady[:0]
        nearest = steady[np.argsort(np.abs(level[steady] - typical), kind="stable")]
        return np.sort(nearest[:SAMPLE_BLOCKS])

    def noise_db(self) -> float | None:
        """The level of the noise in dBFS (RMS), None where none is heard alone."""
        starts = self.noise()
        if not len(starts):
            return None
        return float(10 * np.log10(np.mean([10 ** (self.level[one : one + BLOCK_STEPS] / 10) for one in starts])))


def step_length(rate: int) -> int:
    return rate // STEPS_PER_SECOND


def measure(blocks: Iterable[Samples], rate: int) -> StepLevels:
    """Levels of all channels together."""
    length = step_length(rate)
    levels, brights, buffered = [], [], None
    for block in blocks:
        buffered = block if buffered is None else np.concatenate((buffered, block))
        count = len(buffered) // length
        steps = buffered[: count * length].reshape(count, length, buffered.shape[1])
        levels.append(np.mean(np.square(steps, dtype=np.float64), axis=(1, 2)))
        brights.append(np.mean(np.square(np.diff(steps, axis=1), dtype=np.float64), axis=(1, 2)))
        buffered = buffered[count * length :]
    both = (np.concatenate(powers) if powers else np.zeros(0) for powers in (levels, brights))
    return StepLevels(*(10 * np.log10(power + 1e-12) for power in both))


def sample(blocks: Iterable[Samples], starts: NDArray[np.intp], rate: int) -> Samples:
    """The noise at these steps, one block after the other."""
    length = step_length(rate)
    wanted = [(int(start) * length, (int(start) + BLOCK_STEPS) * length) for start in starts]
    samples: list[list[Samples]] = [[] for _ in wanted]
    position = 0
    for block in blocks:
        for number, (begin, end) in enumerate(wanted):
            if begin < position + len(block) and end > position:
                samples[number].append(block[max(0, begin - position) : end - position])
        position += len(block)
        if position >= wanted[-1][1]:
            break
    return np.concatenate([part for parts in samples for part in parts])


def floor_db(noise: Samples, rate: int) -> float:
    """What afftdn is to take for the level of noise: the mean over its bands, on its scale."""
    length = 1 << (rate // 12).bit_length() - 1
    window = np.hanning(length)[:, None]
    spans = np.lib.stride_tricks.sliding_window_view(noise, length, axis=0)[:: length // 2].swapaxes(1, 2)
    power = np.mean(np.abs(np.fft.rfft(spans * window, axis=1)) ** 2, axis=(0, 2)) / np.sum(window**2)
    hertz = np.fft.rfftfreq(length, 1 / rate)
    levels: list[float] = []
    for band in BANDS_HZ:
        inside = (hertz >= band / 1.2247) & (hertz < band * 1.2247)
        # Above what the rate can hold, afftdn takes the last band for all.
        level = 10 * np.log10(power[inside].mean() + 1e-14) if inside.any() else levels[-1] if levels else BAND_FLOOR_DB
        levels.append(max(float(level), BAND_FLOOR_DB))
    return float(np.clip(np.mean(levels) + SCALE_DB + OVER_DB, LOWEST_DB, HIGHEST_DB))


def denoised(blocks: Iterable[Samples], noise: Samples, strength: float, rate: int) -> Iterator[Samples]:
    """The blocks with noise like `noise` lowered by up to `strength` (0 to 1) of `MAXIMUM_REDUCTION_DB`; as many
    samples."""
    channels = noise.shape[1]
    options = f"nr={max(0.01, strength * MAXIMUM_REDUCTION_DB):.2f}:nf={floor_db(noise, rate):.1f}"
    chain = FilterChain([f"afftdn={options}"], rate, channels)
    chain.filter(0).process_command("sample_noise", "start")
    # The sample goes through like all else, and comes out before it.
    delay = len(noise) + 2 * (rate // 80)
    for block in _through(chain, blocks, noise, delay):
        left = block[delay:]
        delay -= len(block) - len(left)
        if len(left):
            yield left


def _through(chain: FilterChain, blocks: Iterable[Samples], noise: Samples, delay: int) -> Iterator[Samples]:
    yield from chain.push(noise)
    chain.filter(0).process_command("sample_noise", "stop")
    for block in blocks:
        yield from chain.push(block)
    # What it holds back only comes out when more goes in.
    yield from chain.push(np.zeros((delay - len(noise), noise.shape[1]), np.float32))
    yield from chain.flush()
