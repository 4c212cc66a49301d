import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobs import wording
from jobs.models import Install
from jobs.services import custody, sweeping
from jobs.services.sweeping import Report


class Command(BaseCommand):
    help = "Hold the files in the storage against the database, and tell what does not fit; then it ends with 1."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--fix", action="store_true", help="delete files that no row knows, and mark rows whose file is gone"
        )
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, fix: bool, **options: Any) -> None:
        if not custody.is_ours(Install.get()):
            raise CommandError(
                "The storage belongs to another database. Check DATABASE_URL and DATA_DIR.", returncode=2
            )
        report = sweeping.run(fix=fix)
        if options["json"]:
            self.stdout.write(json.dumps(report.to_json(), indent=2))
        else:
            self.tell(report)
        if not report.is_clean and not fix:
            raise SystemExit(1)

    def tell(self, report: Report) -> None:
        looked = f"{wording.count(report.files)} files, {wording.count(report.rows)} rows, {report.seconds:g} s."
        self.stdout.write(looked)
        for kind in sweeping.KINDS:
            for line in (*report.sentences_of(kind), *(f"  {name}" for name in getattr(report, kind).examples)):
                self.stdout.write(line)
        if report.is_clean:
            self.stdout.write("Files and rows fit together.")
