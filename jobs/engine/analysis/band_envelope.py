"""How the audio of a track rises and falls in a few bands: what two microphones in one room have in common.

Step i covers 40 ms around i / 50 s after the recording's start. Fifty steps a second of a few bands are little enough
to hold many hours in memory, and enough to find one recording in another to a few hundredths of a second.
"""

import numpy as np
from numpy.typing import NDArray

from jobs.engine.audio import decoder
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.model.progress import Advance

Envelope = NDArray[np.float32]
"""Shape (steps, bands): level against that of the seconds around, in units of the band's usual change."""

RATE = 8_000
STEPS_PER_SECOND = 50
STEP_SAMPLES = RATE // STEPS_PER_SECOND
EDGES_HZ = np.geomspace(150, 3800, 7)
BLOCK_STEPS = 1500
# What is so far below the loudest hundredth of a band is silence, however the recording was set.
RANGE_DB = 60.0
# Slower changes are those of a hand on the gain.
SLOW_SECONDS = 3


def measure(audio: AudioSource, *, progress: Advance | None = None) -> Envelope:
    """The envelope of a track; `progress` gets the seconds that were decoded. Raises ToolError."""
    powers: list[NDArray[np.float32]] = []
    window = np.hanning(2 * STEP_SAMPLES).astype(np.float32)
    edges = np.searchsorted(np.fft.rfftfreq(2 * STEP_SAMPLES, 1 / RATE), EDGES_HZ)
    before = np.zeros(STEP_SAMPLES, np.float32)
    with decoder.decoded(audio, rate=RATE, channels=1) as pcm:
        while len(block := pcm.read(BLOCK_STEPS * STEP_SAMPLES)):
            # Decoders can give not-a-number for damaged audio.
            samples = np.concatenate((before, np.nan_to_num(block[:, 0])))
            samples = np.pad(samples, (0, -len(samples) % STEP_SAMPLES))
            windows = np.lib.stride_tricks.sliding_window_view(samples, 2 * STEP_SAMPLES)[::STEP_SAMPLES]
            power = np.abs(np.fft.rfft(windows * window)) ** 2
            powers.append(np.add.reduceat(power, edges, axis=1)[:, :-1].astype(np.float32))
            before = samples[-STEP_SAMPLES:]
            if progress:
                progress(pcm.position / RATE)
    return _changes(np.concatenate(powers)) if powers else np.zeros((0, len(EDGES_HZ) - 1), np.float32)


def _changes(power: NDArray[np.float32]) -> Envelope:
    floor = np.percentile(power, 99, axis=0) * 10 ** (-RANGE_DB / 10) + 1e-12
    level = np.log(np.maximum(power, floor))
    change = level - _moving_mean(level, SLOW_SECONDS * STEPS_PER_SECOND)
    return (change / (change.std(axis=0) + 1e-6)).astype(np.float32)


def _moving_mean(values: NDArray[np.float32], radius: int) -> NDArray[np.float64]:
    """The mean over `reach` steps either side, of as many as there are."""
    total = np.concatenate((np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)))
    steps = np.arange(len(values))
    first, last = np.maximum(0, steps - radius), np.minimum(len(values), steps + radius + 1)
    return (total[last] - total[first]) / (last - first)[:, None]
