from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand

from jobs.api.operation_schema import schema_of
from jobs.operations import registry
from jobs.operations.base import Operation

HEAD = ("| slug | what it does | parameters |", "|---|---|---|")


class Command(BaseCommand):
    help = "Print the operations of this install with their parameters, as the table in the README."

    def handle(self, *args: Any, **options: Any) -> None:
        for line in table():
            self.stdout.write(line)


def table() -> Iterator[str]:
    """In Markdown, line by line."""
    yield from HEAD
    for operation in registry.every():
        yield f"| `{operation.slug}` | {operation.description} | {parameters(operation)} |"


def parameters(operation: Operation[Any]) -> str:
    """Each with its default and its other choices: “`format` copy (mp3, wav)”; one without a default has its name."""
    return ", ".join(f"`{name}`{shown(told)}" for name, told in schema_of(operation)["properties"].items())


def shown(told: dict[str, Any]) -> str:
    default = told.get("default")
    first = word(default) if default not in (None, "", []) else ""
    choices = told.get("enum") or told.get("items", {}).get("enum") or ()
    others = ", ".join(word(choice) for choice in choices if choice != default)
    return (f" {first}" if first else "") + (f" ({others})" if others else "")


def word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
