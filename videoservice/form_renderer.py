"""Drawing the fields of forms: those that look the same are drawn once.

A page with the forms of all operations has a hundred fields, which took a third of its time, and are the same on every
page but for what somebody has typed.
"""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from django.forms.renderers import DjangoTemplates
from django.http import HttpRequest
from django.utils.safestring import SafeString

KEPT = 2000
"""How many drawings are kept, those used last."""


class KeptFields(DjangoTemplates):
    """Keeps a drawing by all that went into it, where that is words, numbers and the like."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: OrderedDict[Hashable, str] = OrderedDict()
        self._guard = threading.Lock()

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        try:
            key = template_name, frozen(context)
        except TypeError:
            return super().render(template_name, context, request)
        with self._guard:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        drawn = super().render(template_name, context, request)
        with self._guard:
            self._kept[key] = drawn
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
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
