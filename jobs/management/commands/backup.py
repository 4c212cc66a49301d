import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import Error

from jobs import wording
from jobs.errors import JobError
from jobs.management.progress import Counter
from jobs.services import backups


class Command(BaseCommand):
    help = "Back up all rows and files of the install, while it runs. What is there already is not copied again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="where backups lie: best on another disk, or another machine's")
        parser.add_argument("--keep", type=int, default=0, help="delete all but so many of the newest backups")
        parser.add_argument("--check", action="store_true", help="read the newest backup again instead, and compare")
        parser.add_argument("--name", default="", help="with --check, the one of this name")

    def handle(self, *args: Any, folder: Path, keep: int, check: bool, name: str, **options: Any) -> None:
        try:
            if check:
                self.check_again(folder, name)
            else:
                self.make(folder, keep)
        except (JobError, OSError, Error) as error:
            self.stderr.write(getattr(error, "message", "") or f"The backup could not be made: {error}.")
            sys.exit(1)

    def make(self, folder: Path, keep: int) -> None:
        with Counter(self.stderr) as counter:
            made = backups.make(folder, counter)
        rows = sum(made.facts["rows"].values())
        self.stdout.write(
            f"{made.folder}: {rows} rows, {made.facts['files']} files, {wording.size(made.facts['bytes'])}, of which "
            f"{wording.size(counter.bytes)} were read."
        )
        if keep > 0 and (freed := backups.keep_newest(folder, keep)):
            self.stdout.write(f"Deleted older backups: {wording.size(freed)} less.")
        if made.known_missing:
            self.stdout.write(f"Files whose loss was known before, so that they are left out: {made.known_missing}.")
        if made.missing:
            self.stderr.write("These files are named by rows and not in the storage:")
            self.stderr.write("\n".join(made.missing))
            sys.exit(1)

    def check_again(self, folder: Path, name: str) -> None:
        found = backups.find(folder, name)
        with Counter(self.stderr) as counter:
            damaged = backups.check(found, counter)
        if damaged:
            self.stderr.write(f"{found.folder} is damaged:")
            self.stderr.write("\n".join(damaged))
            self.stderr.write(
                "Damaged contents are put away under names with .damaged. The next backup copies them again, as far as "
                "the storage still has these files."
            )
            sys.exit(1)
        self.stdout.write(f"{found.folder} is whole: {found.facts['files']} files, {wording.size(counter.bytes)} read.")
