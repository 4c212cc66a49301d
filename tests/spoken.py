"""Speech whose every word is at a known place, spoken by espeak-ng, and noises to put under it."""

import dataclasses
import functools
import io
import shutil
import subprocess
import wave
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.engine.edit.cut_params import CutParams
from jobs.engine.edit.cut_plan import CutPlan, absorb, gaps, merge

RATE = 22_050
"""What espeak-ng speaks at."""
VOICES = ("en-us", "en-gb+f3", "en-gb-scotland+m4", "de+f2", "fr+m3", "es+f4")
# Many begin with a breath or a hiss and end in one, or in a nasal: what detectors clip first.
WORDS = (
    *("half", "thin", "fresh", "shallow", "seven", "hum", "people", "fiction", "human", "system", "whisper", "home"),
    *("morning", "remember", "almost", "yes", "think", "lesson", "happen", "famous", "silence", "zoom", "open", "if"),
)
STEP = RATE // 100
AUDIBLE_DB = 35.0
"""A word lasts from the first to the last 10 ms whose level is within this of its loudest 10 ms."""
SOFT_DB = 18.0
"""How much softer a word that fades in begins, and one that trails off ends."""

Samples = NDArray[np.float32]
"""One channel; 1.0 is full scale."""
Span = tuple[Fraction, Fraction]


def there() -> bool:
    """Whether espeak-ng is installed."""
    return shutil.which("espeak-ng") is not None


@dataclasses.dataclass(frozen=True, eq=False)
class Talk:
    """Spoken words in digital silence. `words` are their extents in seconds, in order, never overlapping."""

    samples: Samples
    words: tuple[Span, ...]

    @property
    def duration(self) -> Fraction:
        return Fraction(len(self.samples), RATE)

    @property
    def level_db(self) -> float:
        """RMS level of the words alone, in dBFS."""
        spoken = [self.samples[round(start * RATE) : round(end * RATE)] for start, end in self.words]
        return float(20 * np.log10(rms(np.concatenate(spoken))))

    def over(self, noise: Samples, snr_db: float) -> Samples:
        """The talk over noise of RMS 1, the words' level `snr_db` above the noise's."""
        return self.samples + noise * np.float32(10 ** ((self.level_db - snr_db) / 20))


def talk(
    seed: int, seconds: float, voices: Sequence[str] = VOICES, words: Sequence[str] = WORDS, level_db: float = -22
) -> Talk:
    """Phrases of one to six words with pauses of 0.4 to 4 s between, all from a seeded table.

    A phrase has one voice and is up to 5 dB louder or softer than `level_db`; of its words some fade in and some trail
    off.
    """
    random = np.random.default_rng(seed)
    samples = np.zeros(round(seconds * RATE), np.float32)
    places: list[Span] = []
    position = int(random.uniform(0.5, 1.5) * RATE)
    while True:
        voice, phrase_db = random.choice(voices), level_db + random.uniform(-5, 5)
        for _ in range(random.integers(1, 7)):
            word = faded(spoken(str(random.choice(words)), str(voice)), *random.random(2) < 0.25)
            word = word * np.float32(10 ** (phrase_db / 20))
            if position + len(word) + RATE // 2 > len(samples):
                return Talk(samples, tuple(places))
            samples[position : position + len(word)] = word
            first, last = audible(word)
            places.append((Fraction(position + first, RATE), Fraction(position + last, RATE)))
            position += len(word) + int(random.uniform(0.02, 0.12) * RATE)
        position += int(0.3 * RATE + min(3.7, random.exponential(1.0) + 0.1) * RATE)


@functools.cache
def spoken(text: str, voice: str) -> Samples:
    """One word of RMS 1, without the silence around it."""
    argv = ["espeak-ng", "-v", voice, "-s", "165", "--stdout", text]
    said = subprocess.run(argv, capture_output=True, check=True).stdout
    with wave.open(io.BytesIO(said)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        samples = np.frombuffer(file.readframes(RATE * 60), "<i2").astype(np.float32)
    inside = np.flatnonzero(samples)
    samples = samples[inside[0] : inside[-1] + 1]
    return samples / np.float32(rms(samples))


def faded(word: Samples, fades_in: bool, trails_off: bool) -> Samples:
    gain = np.zeros(len(word))
    if fades_in:
        edge = min(len(word) // 2, RATE * 150 // 1000)
        gain[:edge] -= np.linspace(SOFT_DB, 0, edge)
    if trails_off:
        edge = min(len(word) // 2, RATE * 200 // 1000)
        gain[-edge:] -= np.linspace(0, SOFT_DB, edge)
    return (word * 10 ** (gain / 20)).astype(np.float32)


def audible(word: Samples) -> tuple[int, int]:
    """The samples from which and up to which a word can be heard."""
    steps = -(-len(word) // STEP)
    level = np.sqrt((np.pad(word, (0, steps * STEP - len(word))).reshape(steps, STEP) ** 2).mean(axis=1))
    heard = np.flatnonzero(level > level.max() * 10 ** (-AUDIBLE_DB / 20))
    return int(heard[0]) * STEP, min(len(word), (int(heard[-1]) + 1) * STEP)


def rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def room(count: int, seed: int) -> Samples:
    """A fan in a room: steady, most of it low."""
    return coloured(count, seed, lambda hertz: 1 / np.maximum(hertz, 60))


def hiss(count: int, seed: int) -> Samples:
    """White noise, as of a cheap microphone."""
    return coloured(count, seed, np.ones_like)


def coloured(count: int, seed: int, shape: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Samples:
    random = np.random.default_rng(seed)
    spectrum = np.fft.rfft(random.normal(0, 1, count)) * shape(np.fft.rfftfreq(count, 1 / RATE))
    return even(np.fft.irfft(spectrum, count))


def hum(count: int, seed: int) -> Samples:
    """The mains and its harmonics, over a little hiss."""
    random = np.random.default_rng(seed)
    time = np.arange(count) / RATE
    tones = sum(np.sin(2 * np.pi * 50 * k * time + random.uniform(0, 7)) / k for k in range(1, 12))
    return even(tones + 0.05 * hiss(count, seed + 1))


def music(count: int, seed: int) -> Samples:
    """Chords of struck strings over a bass, twice a second."""
    random = np.random.default_rng(seed)
    beat = RATE // 2
    samples = np.zeros(count + 2 * beat)
    for place in range(0, count, beat):
        root = random.choice([110, 123.5, 130.8, 146.8, 164.8, 196])
        for pitch in (root / 2, root, root * 5 / 4, root * 3 / 2, root * 2 * random.choice([1, 1.125, 1.5])):
            samples[place : place + 2 * beat] += struck(pitch)
    return even(samples[:count])


@functools.cache
def struck(pitch: float) -> NDArray[np.float64]:
    """A second of a string."""
    time = np.arange(RATE) / RATE
    partials = sum(np.sin(2 * np.pi * pitch * k * time) * np.exp(-k * time * 2) / k**1.5 for k in range(1, 8))
    return partials * np.minimum(1, time * 200)


def keyboard(count: int, seed: int) -> Samples:
    """Keys struck in bursts, over a little hiss. RMS 1 is that of the keystrokes themselves."""
    random = np.random.default_rng(seed)
    samples = np.zeros(count + RATE)
    position = 0
    while position < count:
        for _ in range(random.integers(3, 25)):
            length = int(random.uniform(0.008, 0.03) * RATE)
            stroke = random.normal(0, 1, length) * np.exp(-np.arange(length) / length * 3) * random.uniform(0.6, 1.4)
            samples[position : position + length] += stroke / rms(stroke)
            position += int(random.uniform(0.07, 0.3) * RATE)
            if position >= count:
                break
        position += int(random.uniform(0.5, 3) * RATE)
    return (samples[:count] + 0.02 * hiss(count, seed + 1)).astype(np.float32)


NOISES = {"room": room, "hiss": hiss, "hum": hum, "music": music, "keyboard": keyboard}


def even(samples: NDArray[np.float64]) -> Samples:
    return (samples / rms(samples)).astype(np.float32)


def write(path: Path, samples: Samples) -> Path:
    """16-bit WAV; what is beyond full scale is clipped, as a converter does."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


@dataclasses.dataclass(frozen=True)
class Score:
    """How a plan compares with the one that the words themselves would make.

    `precision` is the share of the removed time that it should have removed, `recall` the share of the time to be
    removed that it did. `clipped` words have lost more than 10 ms, `lost` ones all of it, `of` are all.
    """

    precision: float
    recall: float
    clipped: int
    lost: int
    of: int


def score(found: Talk, plan: CutPlan, params: CutParams) -> Score:
    before, after = params.margins
    clips = absorb(found.words, found.duration, Fraction(params.min_silence_ms, 1000))
    kept = merge((max(Fraction(0), start - before), min(found.duration, end + after)) for start, end in clips)
    wanted = gaps(kept, found.duration)
    right = overlap(plan.removed, wanted)
    gone = [overlap([word], plan.removed) for word in found.words]
    return Score(
        precision=float(right / total(plan.removed)) if plan.removed else 1.0,
        recall=float(right / total(wanted)),
        clipped=sum(lost > Fraction(1, 100) for lost in gone),
        lost=sum(lost == end - start for lost, (start, end) in zip(gone, found.words, strict=True)),
        of=len(found.words),
    )


def total(spans: Sequence[Span]) -> Fraction:
    return sum((end - start for start, end in spans), Fraction(0))


def overlap(some: Sequence[Span], others: Sequence[Span]) -> Fraction:
    """Seconds that lie in both."""
    return sum((max(Fraction(0), min(b, d) - max(a, c)) for a, b in some for c, d in others), Fraction(0))
