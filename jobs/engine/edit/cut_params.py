"""How to cut: the numbers a person chooses, and named sets of them to begin with."""

import dataclasses
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from jobs.engine.analysis.activity import Range
from jobs.errors import InputError

DETECTORS = ("loudness", "voice")
PAUSES = ("remove", "shorten", "speed", "mute")
MAXIMUM_MS = 3_600_000
SPEEDS = (1.5, 100)
TIMES = ("margin_before_ms", "margin_after_ms", "min_silence_ms", "min_clip_ms", "min_saving_ms", "pause_ms")


@dataclasses.dataclass(frozen=True)
class CutParams:
    """How to cut.

    `keep` are ranges in seconds (numbers, or strings like "12.5"); when there are any they win, and nothing is
    measured. Raises InputError on values that make no sense.
    """

    threshold_db: float | Literal["auto"] = "auto"
    """dBFS: 0 is full scale. Silence is where the loudest sample of 20 ms stays below; "auto" takes it from the
    recording, with soft edges. Only for the detector "loudness"."""
    margin_before_ms: int = 200
    """Kept before each sound."""
    margin_after_ms: int = 200
    """Kept after each sound."""
    min_silence_ms: int = 200
    """Shorter silences stay."""
    min_clip_ms: int = 100
    """Shorter sounds, alone between silences, go."""
    min_saving_ms: int = 120
    """Cuts that would make the result shorter by less than that are not made: a join is seen for nothing. What is found
    only; given ranges stay as they are."""
    keep: tuple[Range, ...] = ()
    detector: Literal["loudness", "voice"] = "loudness"
    """What counts as sound: all that is loud enough, or only somebody who speaks."""
    pauses: Literal["remove", "shorten", "speed", "mute"] = "remove"
    """What becomes of silence: it goes but for the margins; what is longer than `pause_ms` is made that short, though
    the margins stay whole; it runs `speed` times as fast between the margins; or it stays, without any sound."""
    pause_ms: int = 500
    """How long a shortened pause is, margins included."""
    speed: float = 4
    """How many times as fast pauses run, and whatever given ranges leave out; the pitch stays."""

    def __post_init__(self) -> None:
        if self.threshold_db != "auto" and not -120 <= float(self.threshold_db) <= 0:
            raise InputError('The threshold has to be "auto" or lie between -120 and 0 dBFS.', code="bad_params")
        for name in TIMES:
            if not 0 <= getattr(self, name) <= MAXIMUM_MS:
                raise InputError(
                    f"{name} has to lie between 0 and {MAXIMUM_MS} milliseconds. Choose another value.",
                    code="bad_params",
                )
        if not SPEEDS[0] <= self.speed <= SPEEDS[1]:
            raise InputError(
                f"speed has to lie between {SPEEDS[0]} and {SPEEDS[1]}. Choose another value.", code="bad_params"
            )
        for name, choices in (("detector", DETECTORS), ("pauses", PAUSES)):
            if getattr(self, name) not in choices:
                raise InputError(f"{name} has to be one of {', '.join(choices)}.", code="bad_params")
        object.__setattr__(self, "keep", tuple((seconds(start), seconds(end)) for start, end in self.keep))

    @property
    def hurry(self) -> Fraction | None:
        """How many times as fast what is not kept runs, to a thousandth; None when it goes."""
        return Fraction(Decimal(str(self.speed))).limit_denominator(1000) if self.pauses == "speed" else None

    @property
    def min_gap(self) -> Fraction:
        """Seconds between two kept ranges under which taking out, muting or hurrying what is there is not worth it."""
        saving, hurry = Fraction(self.min_saving_ms, 1000), self.hurry
        return saving * hurry / (hurry - 1) if hurry else saving

    @property
    def margins(self) -> tuple[Fraction, Fraction]:
        """Seconds kept before and after each sound.

        A shortened pause is shared by the sounds around it as the margins share theirs.
        """
        before, after = Fraction(self.margin_before_ms, 1000), Fraction(self.margin_after_ms, 1000)
        pause = Fraction(self.pause_ms, 1000)
        if self.pauses != "shorten" or before + after >= pause:
            return before, after
        share = before / (before + after) if before + after else Fraction(1, 2)
        return pause * share, pause * (1 - share)


PRESETS: Mapping[str, Mapping[str, Any]] = {
    # Speech keeps its breath: only long pauses get shorter.
    "Natural": {
        "margin_before_ms": 150,
        "margin_after_ms": 250,
        "min_silence_ms": 600,
        "min_clip_ms": 150,
        "pauses": "shorten",
        "pause_ms": 500,
    },
    # Quick, for short videos: every pause goes, down to the ends of words.
    "Tight": {
        "margin_before_ms": 80,
        "margin_after_ms": 120,
        "min_silence_ms": 250,
        "min_clip_ms": 100,
        "pauses": "remove",
        "pause_ms": 500,
    },
    # Time to think and to write: only what is clearly waiting gets shorter; paper and chalk are not speech.
    "Lecture": {
        "detector": "voice",
        "margin_before_ms": 300,
        "margin_after_ms": 500,
        "min_silence_ms": 1500,
        "min_clip_ms": 200,
        "pauses": "shorten",
        "pause_ms": 1200,
    },
}
"""Title to the values it fills in, by the names of parameters; what it does not name stays as it is."""


def seconds(value: Fraction | float | str) -> Fraction:
    """An exact time from a number as a person wrote it: 1.1 is eleven tenths. Raises InputError."""
    try:
        return value if isinstance(value, Fraction) else Fraction(Decimal(str(value)))
    except (ArithmeticError, ValueError) as error:
        raise InputError(f'"{value}" is not a time. Write seconds, like 12.5.', code="bad_ranges") from error
