"""`manage.py cut` as a command of Django, for `call_command` and `manage.py help`; manage.py itself goes without."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from jobs.management import cutting


class Command(BaseCommand):
    help = cutting.HELP
    requires_system_checks = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.parse_args = parser.parse_intermixed_args  # type: ignore[method-assign]
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        cutting.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        cutting.carry_out(options, self.stdout.write, self.stderr.write)
