from typing import Any

from django.db import models

from jobs import clock


class MadeAtField(models.DateTimeField):
    """When the row was made, by the database's clock: rows of several machines stand in the order in which they came.

    To migrations it is a field with `auto_now_add`, as which it began.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "auto_now_add": True})

    def deconstruct(self) -> Any:
        name, _, args, options = super().deconstruct()
        return name, "django.db.models.DateTimeField", args, options

    def pre_save(self, instance: models.Model, add: bool) -> Any:
        if not add:
            return getattr(instance, self.attname)
        now = clock.now()
        setattr(instance, self.attname, now)
        return now
