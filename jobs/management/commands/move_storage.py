import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand

from jobs import wording
from jobs.errors import JobError
from jobs.management.progress import MoveWatch
from jobs.services import moving

HELP = """Copy all files of the install to another place, a bucket of S3 or a folder, while the site runs. Each is held
against its SHA-256 there. Run again it goes on where it was, and copies what came meanwhile. Nothing is deleted."""


class Command(BaseCommand):
    help = HELP

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--to", required=True, help="s3://bucket/prefix?endpoint=…&region=…, or a folder's path")
        parser.add_argument("--from", dest="come_from", default="", help="if it is not where this install's files lie")
        parser.add_argument("--dry-run", action="store_true", help="only say how much there is to copy")

    def handle(self, *args: Any, to: str, come_from: str, dry_run: bool, **options: Any) -> None:
        try:
            source, target = moving.stores(to, come_from)
            with MoveWatch(self.stderr) as watch:
                move = moving.Move(source, target, watch)
                move.prepare(dry=dry_run)
                if dry_run:
                    return self.tell_missing(move)
                done = move.run()
        except (JobError, OSError) as error:
            self.stderr.write(getattr(error, "message", "") or f"The files could not be moved: {error}.")
            sys.exit(1)
        return self.tell(move, done)

    def tell_missing(self, move: moving.Move) -> None:
        found = move.missing()
        size = wording.size(sum(one.size for one in found))
        self.stdout.write(
            f"From {moving.place(move.source)} to {moving.place(move.target)}: {files(len(found))}, "
            f"{size} to copy. Nothing was written."
        )

    def tell(self, move: moving.Move, done: moving.Moved) -> None:
        self.stdout.write(
            f"Copied to {moving.place(move.target)} and held against their SHA-256: {files(done.copied)}, "
            f"{wording.size(done.copied_bytes)}. It has {files(done.files)}, {wording.size(done.bytes)}, now."
        )
        if done.damaged:
            self.stderr.write("The bytes of these are not those that came once; they were copied as they are:")
            self.stderr.write("\n".join(sorted(done.damaged)))
        if done.failed:
            self.stderr.write("These could not be copied. Run the command again:")
            self.stderr.write("\n".join(f"{key}: {why}" for key, why in sorted(done.failed)))
            sys.exit(1)
        self.stdout.write(moving.next_step(move.source, move.target))


def files(count: int) -> str:
    return f"{wording.count(count)} {'file' if count == 1 else 'files'}"
