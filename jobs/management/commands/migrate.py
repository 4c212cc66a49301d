"""`manage.py migrate`, safe to run by several processes and machines at once."""

from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from videoservice.migrating import alone


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        with alone(connections[options["database"]]):
            super().handle(*args, **options)
