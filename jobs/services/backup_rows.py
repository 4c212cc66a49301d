"""The rows of an install as files and back, by Django's own serializer: a file of JSON lines for each model, the same
for every database, so that what was backed up on SQLite can be restored on MariaDB.
"""

import contextlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core import serializers
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction
from django.db.migrations.recorder import MigrationRecorder

APPS = ("account", "mfa", "socialaccount", "jobs")
LEFT_OUT = (
    "account.emailconfirmation",
    "jobs.account_groups",
    "jobs.account_user_permissions",
    "jobs.hold",
    "jobs.indexedtranscript",
    "jobs.keeping",
    "jobs.keptanswer",
    "jobs.saidline",
    "jobs.upload",
    "jobs.uploadpart",
)
"""What is under way for a moment only, what is made again from the rest, and what nobody uses here."""
PART = 1000
"""Rows that are in memory at once."""
Model = type[models.Model]


class Exact(DjangoJSONEncoder):
    """With the microseconds of times, which Django's own leaves out."""

    def default(self, value: Any) -> Any:
        return value.isoformat() if isinstance(value, datetime) else super().default(value)


def kept() -> list[Model]:
    """The models whose rows are backed up, with the tables between two of them."""
    found = (model for name in APPS if apps.is_installed(_path(name)) for model in _models(name))
    return [model for model in found if model._meta.label_lower not in LEFT_OUT]


def _path(label: str) -> str:
    return label if label == "jobs" else f"allauth.{label}"


def _models(label: str) -> Iterable[Model]:
    return apps.get_app_config(label).get_models(include_auto_created=True)


def migrations() -> dict[str, list[str]]:
    """The migrations that this database has, by app: rows fit only where the same ones are."""
    found: dict[str, list[str]] = {}
    for app, name in sorted(MigrationRecorder(connection).applied_migrations()):
        found.setdefault(app, []).append(name)
    return {app: names for app, names in found.items() if app in APPS}


@contextlib.contextmanager
def snapshot() -> Iterator[None]:
    """Everything that is read inside is of one moment, and nobody is kept from writing meanwhile."""
    connection.close()  # files were copied before, and the server ends who is silent for hours
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("BEGIN DEFERRED")
        else:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def write(folder: Path) -> dict[str, int]:
    """A file for each model. Returns how many rows each has."""
    return {model._meta.label_lower: _write(model, folder / f"{model._meta.label_lower}.jsonl") for model in kept()}


def _write(model: Model, file: Path) -> int:
    own: list[Any] = list(model._meta.local_fields)  # `serialize` is in no stub
    fields = [field.name for field in own if field.serialize and not field.generated]
    count = 0
    with file.open("w", encoding="utf-8") as out:
        for rows in _parts(model):
            serializers.serialize("jsonl", rows, fields=fields, stream=out, cls=Exact)
            count += len(rows)
    return count


def _parts(model: Model) -> Iterator[list[Any]]:
    """All rows, by their keys: MariaDB's client would fetch a whole table at once."""
    rows = model._base_manager.order_by("pk")
    part = list(rows[:PART])
    while part:
        yield part
        part = list(rows.filter(pk__gt=part[-1].pk)[:PART])


@contextlib.contextmanager
def replacing() -> Iterator[None]:
    """What is found inside stays so until the end, and what is written inside is there all or none."""
    connection.close()  # as in a snapshot
    if connection.vendor == "mysql":
        with connection.cursor() as cursor:  # of the next transaction: nobody adds to what was read
            cursor.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    with connection.constraint_checks_disabled(), transaction.atomic():
        yield


def read(folder: Path, counts: dict[str, int]) -> None:
    """Put rows in place of what a new install has, while `replacing`. Raises ValueError for files that do not have as
    many as they should."""
    for model in reversed(kept()):
        model._base_manager.all().delete()
    for model in kept():
        label = model._meta.label_lower
        if label not in counts:  # a way to sign in that the other install did not have
            continue
        with (folder / f"{label}.jsonl").open(encoding="utf-8") as lines:
            found = 0
            for row in serializers.deserialize("jsonl", lines):
                row.save(force_insert=True)
                found += 1
        if found != counts[label]:
            raise ValueError(f"{label} has {found} of {counts[label]} rows")
    connection.check_constraints()
