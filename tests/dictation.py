"""Phrases that the recogniser of this install understands, spoken by espeak-ng at known times."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from tests import spoken

VOICE = "en-us+f2"
STATES, PEOPLE, THANKS = "the united states", "a hundred people", "thank you very much"
COUNT = "one two three four five six seven eight nine ten"


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
