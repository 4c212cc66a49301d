"""The engine's packages use each other as the table in docs/architecture.md says: those above it, and no others."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import jobs

ROOT = Path(jobs.__file__).parents[1]
ENGINE = ROOT / "jobs" / "engine"
ROW = re.compile(r"^\| `(\w+)` \| [^|]+ \| ([^|]*) \|$", re.MULTILINE)


def table() -> dict[str, set[str]]:
    """What each package may use, in the order of the table."""
    document = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = document.split("\n## The engine\n")[1].split("\n## ")[0]
    return {room: set(re.findall(r"`(\w+)`", uses)) for room, uses in ROW.findall(section)}


def imported(file: Path) -> set[str]:
    """The modules of ours that a file names in its imports, also those inside functions."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return {name for name in found if name.split(".")[0] in ("jobs", "videoservice", "django")}


def uses(room: str) -> set[str]:
    """The packages that one imports, without itself; anything else of ours by its whole name."""
    names = set().union(*(imported(file) for file in (ENGINE / room).rglob("*.py")))
    found = {name.split(".")[2] if name.startswith("jobs.engine.") else name for name in names}
    return {name for name in found if name != room and not name.startswith("jobs.errors.")}


def test_every_module_is_in_a_package_of_the_table():
    assert {path.name for path in ENGINE.iterdir() if path.name != "__pycache__"} == {*table(), "__init__.py"}


@pytest.mark.parametrize("room", table())
def test_a_package_uses_what_the_table_says(room):
    assert uses(room) - {"jobs"} == table()[room]


def test_there_are_no_circles():
    rooms = table()
    list(TopologicalSorter(rooms).static_order())  # raises CycleError
    order = list(rooms)
    assert all(order.index(used) < order.index(room) for room in rooms for used in rooms[room])
