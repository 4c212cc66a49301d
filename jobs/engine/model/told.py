"""What a result says of itself to people: kept with it as JSON, and read by every page that shows it."""

import dataclasses
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Self


@dataclasses.dataclass(frozen=True)
class Told:
    """None is for what a kind of result never says.

    `summary` says what was done, in a sentence without its full stop ("Copied as it was"), and is shown beside the job.
    `facts`, pairs of words ("Drift", "+145 ppm"), say it at length on the job's page. `reason` is why it was rendered
    as it was, `checked` what the check has looked at. `notes` are sentences about what was left out. Where `compare` is
    true the job's page plays it against the source. `moments` of the result, seconds with words for each, are worth a
    look or an ear. `source_seconds` and `output_seconds` are how long the recording was and is. `everywhere_seconds` is
    how long it would take about to encode the whole picture so that every browser plays it, where not every one plays
    it now.
    """

    summary: str | None = None
    facts: tuple[tuple[str, str], ...] | None = None
    reason: str | None = None
    checked: str | None = None
    notes: tuple[str, ...] | None = None
    compare: bool | None = None
    moments: tuple[tuple[float, str], ...] | None = None
    source_seconds: float | None = None
    output_seconds: float | None = None
    everywhere_seconds: float | None = None

    def to_json(self) -> dict[str, Any]:
        values = {key: getattr(self, name) for name, key in KEYS.items()}
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in values.items()
            if value is not None
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """Of a result's metadata, which has more in it; what cannot be read is not said."""
        return cls(
            **{name: READERS.get(name, str)(told[key]) for name, key in KEYS.items() if told.get(key) is not None}
        )


def _seconds(told: Any) -> float | None:
    """A number, or an exact fraction as text."""
    try:
        return float(Fraction(str(told)))
    except (ValueError, ZeroDivisionError):
        return None


KEYS = {
    "summary": "summary",
    "facts": "facts",
    "reason": "render_reason",
    "checked": "checked",
    "notes": "notes",
    "compare": "compare",
    "moments": "moments",
    "source_seconds": "source_duration",
    "output_seconds": "output_duration",
    "everywhere_seconds": "everywhere_seconds",
}
"""The names in JSON, which scripts read too."""
READERS: dict[str, Callable[[Any], Any]] = {
    "facts": lambda pairs: tuple((str(name), str(value)) for name, value in pairs),
    "notes": lambda sentences: tuple(map(str, sentences)),
    "compare": bool,
    "moments": lambda pairs: tuple((float(seconds), str(words)) for seconds, words in pairs),
    "source_seconds": _seconds,
    "output_seconds": _seconds,
    "everywhere_seconds": _seconds,
}
