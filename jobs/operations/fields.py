"""Fields that name another file of the same owner, by its id.

Forms see no database: whoever shows one offers the choices (see `RecordingField.offer`), and jobs.services.inputs finds
what the ids stand for.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Literal
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError

GivenKind = Literal["recording", "image"]
UPLOADED = "file"
"""What the name of a field ends in while it carries the bytes of an image instead of its id."""


class GivenField(forms.CharField):
    """The id of a file that the work needs besides its recording. Cleans to the id as text, or None for none."""

    kind: ClassVar[GivenKind]
    unclear: ClassVar[str]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, max_length=100, empty_value=None)

    def to_python(self, value: Any) -> str | None:
        text = super().to_python(value)
        try:
            return str(UUID(text)) if text else None
        except ValueError:
            raise ValidationError(self.unclear) from None


class RecordingField(GivenField):
    """Another recording of the same owner. On the page a list to choose from, as far as it was offered."""

    kind = "recording"
    unclear = "This is not the id of a recording. Choose one of yours."
    widget = forms.Select(choices=[("", "Choose a recording")])

    def offer(self, recordings: Iterable[tuple[str, str]]) -> None:
        """Show these on the page: pairs of id and words."""
        assert isinstance(self.widget, forms.Select)
        self.widget.choices = [("", "Choose a recording"), *recordings]


class RecordingsInput(forms.Widget):
    """Numbered lists to choose recordings from, one below the other (`templates/forms/recordings.html`).

    What is left empty in between is passed over. A browser without scripts shows `shown` of them, or one more than were
    filled in; the page's script adds others and moves what was chosen.
    """

    is_ordered = True
    use_fieldset = True

    def __init__(self, shown: int, maximum: int) -> None:
        super().__init__()
        self.choices: list[tuple[str, str]] = []
        self.shown = shown
        self.maximum = maximum

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """What came as JSON, as several values of one name, or numbered (`name_0`, `name_1` and so on)."""
        if name in data:
            return data.getlist(name) if hasattr(data, "getlist") else data[name]
        numbers = [int(key[len(name) + 1 :]) for key in data if NUMBERED.fullmatch(key.removeprefix(name))]
        return [data[f"{name}_{number}"] for number in sorted(numbers)] or None

    def subwidgets(self, name: str, value: Any, attrs: Any = None) -> Iterator[dict[str, Any]]:
        """What the template shows of each list."""
        chosen = [str(one) for one in value if one] if isinstance(value, (list, tuple)) else []
        count = min(max(self.shown, len(chosen) + 1), self.maximum)
        chosen = [*chosen, *[""] * count][:count]
        yield {"subwidgets": [self._list(name, number, one, attrs or {}) for number, one in enumerate(chosen)]}

    def _list(self, name: str, number: int, value: str, attrs: Mapping[str, Any]) -> dict[str, Any]:
        one = forms.Select(choices=self.choices)
        context = one.get_context(f"{name}_{number}", value, {"id": f"{attrs.get('id', name)}_{number}"})
        return {**context["widget"], "label": f"Recording {number + 2}"}


NUMBERED = re.compile(r"_[0-9]{1,4}", re.ASCII)


class RecordingsField(forms.Field):
    """Several recordings of the same owner, in order; the same one may come twice. Cleans to a tuple of ids as text."""

    kind: ClassVar[GivenKind] = "recording"

    def __init__(self, *, minimum: int, maximum: int, shown: int = 3, **options: Any) -> None:
        super().__init__(widget=RecordingsInput(shown, maximum), **options)
        self.minimum, self.maximum = minimum, maximum

    def offer(self, recordings: Iterable[tuple[str, str]]) -> None:
        """Show these on the page: pairs of id and words."""
        assert isinstance(self.widget, RecordingsInput)
        self.widget.choices = [("", "Choose a recording"), *recordings]

    def to_python(self, value: Any) -> tuple[str, ...]:
        given = [value] if isinstance(value, str) else value or []
        if not isinstance(given, (list, tuple)) or not all(isinstance(one, str) for one in given):
            raise ValidationError("Give a list of the ids of recordings.")
        try:
            return tuple(str(UUID(one.strip())) for one in given if one.strip())
        except ValueError:
            raise ValidationError("This is not the id of a recording. Choose some of yours.") from None

    def validate(self, value: Any) -> None:
        if len(value) < self.minimum:
            raise ValidationError("Choose at least one recording." if self.minimum == 1 else f"Choose {self.minimum}.")
        if len(value) > self.maximum:
            raise ValidationError(f"These are {len(value)} recordings. Choose {self.maximum} at most.")


class ImageInput(forms.TextInput):
    """A file chooser, beside the id of the image that is already there.

    The file comes under the field's name and `-file` (`templates/forms/image.html`); the page's script sends it ahead
    and puts its id into the field.
    """

    needs_multipart_form = True
    takes_image = True

    def id_for_label(self, id_: str) -> str:
        return f"{id_}-{UPLOADED}" if id_ else id_


class ImageField(GivenField):
    """An uploaded image of the same owner. On the page a file chooser."""

    kind = "image"
    unclear = "This is not the id of an image. Upload one first, then use its id."
    widget = ImageInput
