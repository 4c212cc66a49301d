"""Fields that name another file of the same owner, by its id.

Forms see no database: whoever shows one offers the choices (see `RecordingField.offer`), and jobs.services.inputs finds
what the ids stand for.
"""

from collections.abc import Iterable
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
