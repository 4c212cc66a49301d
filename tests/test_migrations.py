"""Migrations since the last release: the code of that release goes on running beside their tables (CONTRIBUTING.md)."""

import ast
from importlib import import_module

import pytest
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tests.processes import BASE_DIR
from tests.releases import Release

RELEASE = Release.last()
NEW = sorted({path.stem for path in (BASE_DIR / "jobs" / "migrations").glob("0*.py")} - RELEASE.migrations())
ALLOWED = (migrations.CreateModel, migrations.AddIndex, migrations.AlterModelManagers, migrations.AlterModelOptions)
"""What old code does not notice."""
CODE = (migrations.RunPython, migrations.RunSQL)
"""What no machine can judge: it says in a comment why old code may run beside it."""


def troubles(operation: Operation, made_here: set[str]) -> list[str]:
    """Why old code could not go on beside it; `made_here` are models of migrations that old code does not know."""
    name = f"{type(operation).__name__} of {operation.describe()}"
    model = str(getattr(operation, "model_name", getattr(operation, "name", ""))).lower()
    if isinstance(operation, migrations.SeparateDatabaseAndState):
        return [told for one in operation.database_operations for told in troubles(one, made_here)]
    if isinstance(operation, migrations.CreateModel):
        made_here.add(model)
    if isinstance(operation, (*ALLOWED, *CODE)) or model in made_here:
        return []
    if isinstance(operation, migrations.AddField):
        return (
            [] if leaves_out(operation.field) else [f"{name}: old code inserts rows without it; give it a db_default"]
        )
    if isinstance(operation, migrations.AddConstraint):
        return [f"{name}: old code may write what it forbids; say in the migration why it does not"]
    if isinstance(operation, migrations.AlterField):
        return [f"{name}: the column may become narrower, or refuse what old code writes; add another one"]
    if isinstance(operation, migrations.RemoveIndex | migrations.RemoveConstraint | migrations.RenameIndex):
        return []
    return [f"{name}: old code still uses it; take it out of the code now, and out of the tables one release later"]


def leaves_out(field: models.Field) -> bool:
    """Whether a row may be inserted that does not name this column."""
    return isinstance(field, models.ManyToManyField | models.GeneratedField) or field.null or field.has_db_default()


def contracts(name: str) -> str:
    """What a migration says in CONTRACTS: why the code of the last release does without what it takes away."""
    tree = ast.parse((BASE_DIR / "jobs" / "migrations" / f"{name}.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["CONTRACTS"]:
            return str(ast.literal_eval(node.value))
    return ""


def of(name: str) -> list[Operation]:
    return import_module(f"jobs.migrations.{name}").Migration.operations


def test_there_are_migrations_to_look_at():
    """Else the next test looks at none, and says nothing."""
    assert RELEASE.migration in RELEASE.migrations()
    assert all(name > RELEASE.migration for name in NEW)


@pytest.mark.parametrize("name", NEW)
def test_the_code_of_the_last_release_goes_on_beside_a_new_migration(name: str):
    made_here = {
        operation.name.lower()
        for one in NEW
        if one < name
        for operation in of(one)
        if isinstance(operation, migrations.CreateModel)
    }
    found = [told for operation in of(name) for told in troubles(operation, made_here)]
    assert not found or contracts(name), "\n".join(
        [*found, "Or say CONTRACTS = “why the last release does without it”."]
    )


@pytest.mark.parametrize(
    ("operation", "is_fine"),
    [
        (migrations.AddField("job", "x", models.IntegerField(null=True)), True),
        (migrations.AddField("job", "x", models.IntegerField(default=0)), False),
        (migrations.AddField("job", "x", models.IntegerField(default=0, db_default=0)), True),
        (migrations.RemoveField("job", "stage"), False),
        (migrations.RenameField("job", "stage", "step"), False),
        (migrations.AlterField("job", "stage", models.CharField(max_length=20)), False),
        (migrations.DeleteModel("Flow"), False),
        (migrations.RenameModel("Flow", "Turns"), False),
        (migrations.AlterModelTable("Flow", "turns"), False),
        (migrations.CreateModel("Other", [("id", models.BigAutoField(primary_key=True))]), True),
        (migrations.AddIndex("job", models.Index(fields=["stage"], name="x")), True),
        (migrations.RemoveIndex("job", "job_rows"), True),
        (migrations.AddConstraint("job", models.UniqueConstraint(fields=["stage"], name="x")), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Operation) else "",
)
def test_what_old_code_cannot_live_with_is_found(operation: Operation, is_fine: bool):
    assert (not troubles(operation, set())) is is_fine
