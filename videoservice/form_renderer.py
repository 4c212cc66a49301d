"""Drawing the fields of forms: those that look the same are drawn once.

A page with the forms of all operations has a hundred fields, which took a third of its time, and are the same on every
page but for what somebody has typed.
"""

from collections.abc import Hashable
from typing import Any

from django.forms.renderers import DjangoTemplates
from django.http import HttpRequest
from django.utils.safestring import SafeString

from videoservice.kept import Kept

KEPT = 2000
"""How many drawings are kept, those used last."""
KEPT_LETTERS = 4 * 1024**2
"""How much of them and of what went into them: also what people typed."""


class KeptFields(DjangoTemplates):
    """Keeps a drawing by all that went into it, where that is words, numbers and the like."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = Kept(KEPT, KEPT_LETTERS)

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        try:
            key = template_name, frozen(context)
        except TypeError:
            return super().render(template_name, context, request)
        drawn = self.kept.find(key)
        if drawn is None:
            drawn = super().render(template_name, context, request)
            self.kept.keep(key, drawn, len(repr(key)))
        return drawn


def frozen(value: Any) -> Hashable:
    """The same for equal values alone. Raises TypeError for what might look another way the next time."""
    kind = type(value)
    if kind in (str, int, float, bool, SafeString) or value is None:
        return kind, value
    if kind in (list, tuple):
        return kind, tuple(map(frozen, value))
    if kind is dict:
        return kind, tuple((name, frozen(part)) for name, part in value.items())
    raise TypeError(f"a {kind.__name__} may change")
