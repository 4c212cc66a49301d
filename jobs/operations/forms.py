"""What the forms of all operations have in common.

The page, the API and the command line fill the same forms, and a parameter that is left out means its default.
"""

import copy
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Literal

from django import forms
from django.core.exceptions import ValidationError

from jobs.engine.audio import loudness

# Control characters, what a common file system takes for something else, and marks that turn the reading direction.
UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u200e\u200f\u202a-\u202e\u2066-\u2069]+')
LONGEST_STEM = 200
"""Bytes of a file's name before its ending; file systems stop at 255 for both."""
LONGEST_TIMES = 10_000
"""Characters of all times of a list together."""
LATEST = 10**9
"""Seconds; no recording is that long."""
UNITS = {
    "pixels": "px",
    "seconds": "s",
    **{unit: unit for unit in ("Hz", "LUFS", "MB", "dB", "kbit/s", "ms", "s")},
}
"""What labels have at their end, as it is written at a field."""
CLOCK = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)", re.ASCII)
"""Hours, minutes and seconds, of which only the seconds have to be there."""


class OperationForm(forms.Form):
    """A form whose missing or empty fields take their `initial` value. A tick box left out is not ticked.

    Its fields are `required=False` with an `initial`. A field that only matters for one value of another says so with
    the widget attribute `data-when="field=value"`, with a space between conditions that all have to hold; the page
    hides it otherwise.
    """

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(data, *args, **kwargs)
        if self.is_bound:
            # A shallow copy, since what a request brought must not be written to.
            completed: Any = copy.copy(self.data)
            for name in self.fields:
                if self.given(name) in (None, "", [], (), {}) and self.default(name) is not None:
                    completed[self.add_prefix(name)] = self.default(name)
            self.data = completed

    def given(self, name: str) -> Any:
        """The raw value that came in for a field, None when there is none."""
        return self.fields[name].widget.value_from_datadict(self.data, self.files, self.add_prefix(name))

    def default(self, name: str) -> Any:
        """The value of a field that was left out."""
        return self.get_initial_for_field(self.fields[name], name)


class NumberField(forms.FloatField):
    """A number, refused with a sentence also when it is too large for the machine."""

    def to_python(self, value: Any) -> float | None:  # type: ignore[override] # a float field is no integer field
        try:
            return super().to_python(value)
        except OverflowError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class CornerInput(forms.RadioSelect):
    """The corners of a picture and its middle as arrows beside each other (`templates/forms/corner.html`)."""

    is_corner = True
    ARROWS: ClassVar[Mapping[str, str]] = {
        "top-left": "↖",
        "top-right": "↗",
        "bottom-left": "↙",
        "bottom-right": "↘",
        "center": "·",
    }

    @property
    def arrows(self) -> list[tuple[str, str, str]]:
        """Value, arrow and words of each."""
        return [(str(value), self.ARROWS[str(value)], str(words)) for value, words in self.choices]


class ShareInput(forms.NumberInput):
    """A slider, beside which a page says the share in per cent."""

    input_type = "range"


class ShareField(NumberField):
    """A part of one whole, 0 to 1; people read it as per cent."""

    def __init__(self, *, step: float = 0.05, attrs: Mapping[str, str] | None = None, **options: Any) -> None:
        widget = ShareInput(attrs={"step": f"{step:g}", "data-share": "", **(attrs or {})})
        super().__init__(max_value=1, required=False, widget=widget, **options)


class SwitchedField(NumberField):
    """A number; “on” (or true) is the `usual` one. Cleans to None when nothing is given, or “off”."""

    usual: float
    unit = ""

    def to_python(self, value: Any) -> float | None:  # type: ignore[override] # a float field is no integer field
        text = str(value).strip().lower() if value is not None else ""
        if value is False or text in ("", "off"):
            return None
        if text in ("on", "true"):
            return self.usual
        return super().to_python(text.replace("−", "-").removesuffix(self.unit).strip())


class LoudnessField(SwitchedField):
    """Integrated loudness in LUFS."""

    usual, unit = loudness.USUAL_LUFS, "lufs"

    def __init__(self, *, attrs: Mapping[str, str] | None = None) -> None:
        super().__init__(
            label="Loudness (LUFS)",
            required=False,
            min_value=loudness.MINIMUM_LUFS,
            max_value=loudness.MAXIMUM_LUFS,
            help_text="Empty leaves it as it is. -16 is usual for speech and podcasts, -14 for streaming, "
            f"-23 for broadcast. Peaks stay below {loudness.TRUE_PEAK_DB:g} dBTP.",
            widget=forms.NumberInput(attrs={"step": "any", **(attrs or {})}),
        )


class ContainerField(forms.ChoiceField):
    """What kind of file the result is: a name of `muxers.ContainerChoice`."""

    def __init__(self) -> None:
        super().__init__(
            label="Kind of file",
            choices=[
                ("mp4", "MP4"),
                ("source", "As the recording"),
                ("mov", "QuickTime (.mov)"),
                ("mkv", "Matroska (.mkv)"),
                ("webm", "WebM (VP9 or AV1, and Opus)"),
            ],
            initial="mp4",
            required=False,
        )


class RenderField(forms.ChoiceField):
    """How much of the picture is encoded: `kept` says where the original one stays, `others` are further choices."""

    def __init__(self, kept: str, *others: tuple[str, str]) -> None:
        super().__init__(
            label="Result",
            choices=[("smart", kept), ("encode", "Re-encode the whole picture"), *others],
            initial="smart",
            required=False,
            help_text="Keeping it is faster and loses no quality. Where that is not possible, the picture is "
            "re-encoded.",
        )


class TrackField(forms.CharField):
    """“all”, or the place of one audio track among them, counted from 0."""

    def clean(self, value: Any) -> int | Literal["all"]:
        text = str(value).strip().lower() if value not in (None, "") else "all"
        if text == "all":
            return "all"
        # Not isdigit: that is also true of ², which is no number.
        if not re.fullmatch("[0-9]{1,4}", text):
            raise ValidationError("Write all, or the number of a track, counted from 0.")
        return int(text)


class TimeField(forms.CharField):
    """One moment of a recording, as seconds or as 1:05.5. Cleans to seconds, None when nothing is given."""

    def clean(self, value: Any) -> float | None:
        if value in (None, ""):
            return None
        try:
            return clock_seconds(value.strip() if isinstance(value, str) else value)
        except ValueError:
            raise ValidationError("Write a time as seconds or as 1:05.5.") from None


class StartField(TimeField):
    """From when on."""

    def __init__(self) -> None:
        super().__init__(label="From", required=False, help_text="Seconds or 1:05.5. Empty for the beginning.")


class EndField(TimeField):
    """Until when."""

    def __init__(self) -> None:
        super().__init__(label="To", required=False, help_text="Seconds or 1:05.5. Empty for the end.")


class TimesField(forms.CharField):
    """Times as text ("0:10, 1:05.5, 12") or as a list of numbers. Cleans to ascending seconds, each once.

    `limit` says in words that there may be `maximum`: "at most 100 pictures can be made at once".
    """

    def __init__(self, *, maximum: int, limit: str, **options: Any) -> None:
        super().__init__(**options)
        self.maximum, self.limit = maximum, limit

    def clean(self, value: Any) -> tuple[float, ...]:
        if isinstance(value, (str, list, tuple)) and len(value) > LONGEST_TIMES:
            raise ValidationError(f"These are too many times; {self.limit}.")
        parts = re.split(r"[,;\s]+", value.strip(" ,;\n\r\t")) if isinstance(value, str) else value
        if parts in (None, [""]):
            return ()
        if not isinstance(parts, Iterable):
            parts = [parts]
        times = tuple(sorted({self._seconds(part) for part in parts}))
        if len(times) > self.maximum:
            raise ValidationError(f"These are {len(times)} times; {self.limit}.")
        return times

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value

    def _seconds(self, part: Any) -> float:
        try:
            return clock_seconds(part)
        except ValueError:
            raise ValidationError("Write times as seconds or as 1:05.5, with commas between them.") from None


def clock_seconds(given: Any) -> float:
    """Seconds of "1:05.5", "65.5" or 65.5. Raises ValueError for anything else, and beyond what can be recorded."""
    if isinstance(given, (int, float)) and not isinstance(given, bool) and 0 <= given <= LATEST:
        return float(given)
    # What is longer would take long to take apart, and is no time.
    if isinstance(given, str) and len(given) < 100 and (match := CLOCK.fullmatch(given)):
        hours, minutes, rest = (Decimal(group or 0) for group in match.groups())
        if (time := hours * 3600 + minutes * 60 + rest) <= LATEST:
            return float(time)
    raise ValueError(f"{given!r:.100} is no time")


def in_units(label: str) -> tuple[str, str]:
    """A label without the unit at its end, and that: “Width (pixels)” is “Width” in px. "" where it names none."""
    words, _, last = label.rpartition(" (")
    unit = UNITS.get(last.removesuffix(")")) if words and last.endswith(")") else None
    return (words, unit) if unit else (label, "")


def safe_name(stem: str, suffix: str, mark: str = "") -> str:
    """A file name that every common system takes, from a title and an ending such as ".mp4".

    A `mark` between them, such as "01 of 07", is whole however long the title is.
    """
    mark = f" {mark}" if (mark := _safe(mark, LONGEST_STEM // 2)) else ""
    cut = _safe(stem, LONGEST_STEM - len(mark.encode()))
    return f"{cut or 'recording'}{mark}{suffix}"


def _safe(text: str, maximum_bytes: int) -> str:
    clean = " ".join(UNSAFE.sub(" ", text).split())
    return clean.encode()[:maximum_bytes].decode(errors="ignore").strip(" .")
