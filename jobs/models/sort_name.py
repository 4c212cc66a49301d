import re
import unicodedata
from typing import Any

from django.db import models

LONGEST = 200
UNSORTED = "~"
"""Of a title of which nothing is left."""
FIGURES = re.compile(r"[0-9]+")


def sort_name(title: str) -> str:
    """What lists by name are ordered by: without case and accents, and figures by what they count, so that “Lecture 10”
    comes behind “lecture 9” in every database."""
    folded = unicodedata.normalize("NFKD", title.casefold())
    plain = "".join(char for char in folded if not unicodedata.combining(char))
    return FIGURES.sub(lambda found: found[0].lstrip("0").rjust(8, "0"), plain).strip()[:LONGEST] or UNSORTED


class SortNameField(models.CharField):
    """Follows the title of its row. To migrations it is a field of characters, which older versions leave empty."""

    def __init__(self, *args: Any, **options: Any) -> None:
        facts = {"max_length": LONGEST, "default": "", "db_default": "", "blank": True, "editable": False}
        super().__init__(*args, **{**options, **facts})

    def deconstruct(self) -> Any:
        name, _, args, options = super().deconstruct()
        return name, "django.db.models.CharField", args, options

    def pre_save(self, instance: models.Model, add: bool) -> Any:
        setattr(instance, self.attname, sort_name(instance.title))  # type: ignore[attr-defined]
        return getattr(instance, self.attname)
