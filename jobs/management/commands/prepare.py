"""`manage.py prepare`: all that a new version needs before its processes serve."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from videoservice import preparing


class Command(BaseCommand):
    help = "Bring tables and static files to this version. May run on any number of machines, again and at once."
    requires_system_checks: list[str] = []  # migrating runs those of the database; the web process runs all

    def add_arguments(self, parser: ArgumentParser) -> None:
        parts = parser.add_mutually_exclusive_group()
        parts.add_argument("--tables", action="store_true", help="the database alone")
        parts.add_argument("--static", action="store_true", help="the static files alone, which needs no database")

    def handle(self, *args: Any, tables: bool, static: bool, verbosity: int, **options: Any) -> None:
        if not static:
            call_command("migrate", interactive=False, verbosity=verbosity, stdout=self.stdout)
        if not tables:
            folder = Path(settings.STATIC_ROOT)
            self._note(f"{collect(folder)} {folder}", verbosity)

    def _note(self, text: str, verbosity: int) -> None:
        if verbosity:
            self.stdout.write(text)


def collect(folder: Path) -> str:
    """Have this version's static files in the folder; what there was to do, in words. Raises CommandError."""
    if preparing.has_static(folder):
        return "The static files are there:"
    try:
        with preparing.static_alone(folder):
            if not preparing.has_static(folder):  # another process may have just done it
                call_command("collectstatic", interactive=False, verbosity=0)
                preparing.stamp_static(folder)
    except OSError as error:
        raise CommandError(
            f"The static files cannot be written to {folder} ({(error.strerror or str(error)).lower()}). Build the "
            "image anew, or name another folder in STATIC_ROOT."
        ) from None
    return "Static files written to"
