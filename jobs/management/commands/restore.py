import sys
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error

from jobs import wording
from jobs.errors import JobError
from jobs.management.progress import Counter
from jobs.services import backups, restoring


class Command(BaseCommand):
    help = "Make a new install what was backed up, on whatever database it has. One that has accounts is refused."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="where backups lie")
        parser.add_argument("--name", default="", help="the one of this name instead of the newest")

    def handle(self, *args: Any, folder: Path, name: str, **options: Any) -> None:
        try:
            found = backups.find(folder, name)
            call_command("migrate", verbosity=0)
            with Counter(self.stderr) as counter:
                lost = restoring.restore(found, counter)
        except (JobError, OSError, ValueError, Error) as error:
            self.stderr.write(getattr(error, "message", "") or f"The backup could not be restored: {error}.")
            sys.exit(1)
        self.stdout.write(
            f"Restored {found.name}: {sum(found.facts['rows'].values())} rows, "
            f"{found.facts['files'] - len(lost)} files, {wording.size(found.facts['bytes'])}."
        )
        if restoring.brings_secret(found):
            self.stdout.write("The secret key came along: a site that runs here already has to be started again.")
        else:
            self.stdout.write(
                "Set SECRET_KEY to what it was: with another one authenticator apps and webhooks need new secrets, and "
                "browsers have to ask for notices again."
            )
        if lost:
            self.stderr.write("These files are damaged or missing in the backup:")
            self.stderr.write("\n".join(lost))
            sys.exit(1)
