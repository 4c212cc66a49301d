"""Phrases that the recogniser of this install understands, spoken by espeak-ng at known times."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from tests import spoken

VOICE = "en-us+f2"
STATES, PEOPLE, THANKS = "the united states", "a hundred people", "thank you very much"
COUNT = "one two three four five six seven eight nine ten"

Spoken = tuple[str, Fraction, Fraction]
"""A word, and from when to when it can be heard, in seconds."""


def worded(sentences: Sequence[str], voice: str = VOICE) -> tuple[spoken.Samples, list[Spoken]]:
    """Sentences spoken word by word, with a breath between words and a pause between sentences, after a second."""
    random = np.random.default_rng(1)
    samples = np.zeros(sum(spoken.RATE * (2 + len(text.split())) for text in sentences), np.float32)
    places, position = [], spoken.RATE
    for sentence in sentences:
        for text in sentence.split():
            said = spoken.spoken(text, voice) * np.float32(0.08)
            samples[position : position + len(said)] += said
            first, last = spoken.audible(said)
            places.append((text, Fraction(position + first, spoken.RATE), Fraction(position + last, spoken.RATE)))
            position += len(said) + int(random.uniform(0.02, 0.1) * spoken.RATE)
        position += int(random.uniform(0.5, 1.6) * spoken.RATE)
    return samples[:position], places


def bare(text: str) -> str:
    """A word without capitals and punctuation."""
    return "".join(char for char in text.lower() if char.isalnum())


def dictated(path: Path, phrases: Sequence[tuple[float, str]], seconds: float) -> dict[str, tuple[Fraction, Fraction]]:
    """Write a WAV file with each phrase at its time in silence. Returns from when to when each can be heard."""
    samples = np.zeros(round(seconds * spoken.RATE), np.float32)
    places = {}
    for begin, text in phrases:
        said = spoken.spoken(text, VOICE) * np.float32(0.08)
        first = round(begin * spoken.RATE)
        samples[first : first + len(said)] += said
        heard = spoken.audible(said)
        places[text] = Fraction(first + heard[0], spoken.RATE), Fraction(first + heard[1], spoken.RATE)
    spoken.write(path, samples)
    return places
