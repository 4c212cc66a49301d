"""What the forms of all operations have in common.

The page, the API and the command line fill the same forms, and a parameter that is left out means its default.
"""

import copy
import re
from typing import Any

from django import forms

# Control characters, what a common file system takes for something else, and marks that turn the reading direction.
UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u200e\u200f\u202a-\u202e\u2066-\u2069]+')
LONGEST_STEM = 200
"""Bytes of a file's name before its ending; file systems stop at 255 for both."""


class OperationForm(forms.Form):
    """A form whose missing or empty fields take their `initial` value. A tick box left out is not ticked.

    Its fields are `required=False` with an `initial`. A field that only matters for one value of another says so with
    the widget attribute `data-when="field=value"`; the page hides it otherwise.
    """

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(data, *args, **kwargs)
        if self.is_bound:
            # A shallow copy, since what a request brought must not be written to.
            completed: Any = copy.copy(self.data)
            for name in self.fields:
                if self.given(name) in (None, "", [], ()) and self.default(name) is not None:
                    completed[self.add_prefix(name)] = self.default(name)
            self.data = completed

    def given(self, name: str) -> Any:
        """The raw value that came in for a field, None when there is none."""
        return self.fields[name].widget.value_from_datadict(self.data, self.files, self.add_prefix(name))

    def default(self, name: str) -> Any:
        """The value of a field that was left out."""
        return self.get_initial_for_field(self.fields[name], name)


def safe_name(stem: str, suffix: str) -> str:
    """A file name that every common system takes, from a title and an ending such as ".mp4"."""
    clean = " ".join(UNSAFE.sub(" ", stem).split())
    cut = clean.encode()[:LONGEST_STEM].decode(errors="ignore").strip(" .")
    return f"{cut or 'recording'}{suffix}"
