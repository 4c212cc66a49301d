"""Fields that the silence cut's form alone has."""

import json
import math
import re
from decimal import Decimal
from typing import Any, Literal

from django import forms
from django.core.exceptions import ValidationError

from jobs.engine.pipelines.clean_audio import CleanOptions
from jobs.operations.forms import SwitchedField

LONGEST_RANGES = 1_000_000
"""Characters of ranges as text."""
MOST_RANGES = 50_000
"""Ranges are handled one by one: more would hold up the others on the site."""


class ThresholdField(forms.CharField):
    """“auto”, or a level in dBFS: 0 is the loudest that can be, -120 next to nothing."""

    def clean(self, value: Any) -> float | Literal["auto"]:
        text = str(value).strip().lower() if value not in (None, "") else "auto"
        if text == "auto":
            return "auto"
        try:
            level = float(text.replace("−", "-").removesuffix("dbfs").removesuffix("db"))
        except ValueError:
            raise ValidationError("Write auto, or a level in dBFS such as -30.") from None
        if not -120 <= level <= 0:
            raise ValidationError("The level must lie between -120 and 0 dBFS.")
        return level


class RangesField(forms.CharField):
    """Ranges in seconds: text as “0-12.5, 30-41”, or a list of pairs. Cleans to a tuple of pairs, in order."""

    EXAMPLE = "Write ranges in seconds, such as 0-12.5, 30-41."

    def to_python(self, value: Any) -> Any:
        return value

    def clean(self, value: Any) -> tuple[tuple[float, float], ...]:
        if isinstance(value, (str, list, tuple)) and len(value) > LONGEST_RANGES:
            raise ValidationError("These are too many ranges. Join some of them.")
        try:
            ranges = tuple((float(start), float(end)) for start, end in self._pairs(value))
        except (TypeError, ValueError, ArithmeticError, RecursionError):
            raise ValidationError(self.EXAMPLE) from None
        if len(ranges) > MOST_RANGES:
            raise ValidationError("These are too many ranges. Join some of them.")
        if not all(math.isfinite(time) for pair in ranges for time in pair):
            raise ValidationError(self.EXAMPLE)
        return ranges

    def _pairs(self, value: Any) -> list[tuple[Any, Any]]:
        if value in (None, "", [], ()):
            return []
        if isinstance(value, str) and not value.lstrip().startswith("["):
            return [tuple(map(Decimal, re.split(r"\s*-\s*", part.strip()))) for part in value.split(",")]  # type: ignore[misc]
        return [(start, end) for start, end in (json.loads(value) if isinstance(value, str) else value)]


class ExportsField(forms.MultipleChoiceField):
    """Names of `exports.FORMATS`. Cleans to a tuple, each once."""

    def clean(self, value: Any) -> tuple[str, ...]:
        # A form that ticks nothing may send the field all the same, without a value.
        ticked = [one for one in value if one != ""] if isinstance(value, list) else value
        return tuple(dict.fromkeys(super().clean(ticked)))


class CleanField(SwitchedField):
    """How much of the noise goes, as `clean-audio` has it; mains hum goes as well."""

    usual = CleanOptions.strength

    def __init__(self) -> None:
        super().__init__(
            label="Noise reduction",
            required=False,
            min_value=0,
            max_value=1,
            help_text="Empty leaves noise and hum. From 0 (hum alone) to 1; 0.5 lowers noise by up to 20 dB. Pauses "
            "are then looked for in what that leaves.",
            widget=forms.NumberInput(attrs={"step": "0.05"}),
        )
