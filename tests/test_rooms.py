"""The parts of `jobs` use each other without circles, and what decides nothing about pages knows none."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import jobs

ROOT = Path(jobs.__file__).parent
FORBIDDEN = {
    "models": {"services", "live", "views", "api", "publish"},
    "operations": {"models", "services", "live", "views", "api"},
    "services": {"live", "views", "api"},
    "api": {"views", "live"},
    "live": {"views", "api"},
}
"""What a part must not use; services tell pages of changes through `publish` alone."""


def part(module: str) -> str:
    """The folder or file below `jobs` that a module belongs to."""
    return [*module.split("."), ""][1]


def arrows() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for file in ROOT.rglob("*.py"):
        own = file.relative_to(ROOT).with_suffix("").parts[0]
        if own == "migrations":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "jobs":
                found.setdefault(own, set()).update(part(f"{node.module}.{name.name}") for name in node.names)
    return {own: used - {own} for own, used in found.items()}


def test_there_are_no_circles():
    list(TopologicalSorter(arrows()).static_order())  # raises CycleError


def test_nobody_uses_what_is_above_it():
    used = arrows()
    assert {own: used[own] & others for own, others in FORBIDDEN.items()} == {own: set() for own in FORBIDDEN}


def test_nobody_but_the_storage_knows_where_kept_files_lie():
    """They may lie in a bucket. What looks at the folder itself is told here: checks of it, and the settings."""
    looking = {"jobs/checks.py", "jobs/storage", "videoservice/settings.py", "videoservice/supervise.py"}
    found = {
        file.relative_to(ROOT.parent).as_posix()
        for place in ("jobs", "videoservice")
        for file in (ROOT.parent / place).rglob("*.py")
        if re.search(r"MEDIA_ROOT|storage\.path\(", file.read_text())
    }
    assert {one for one in found if not one.startswith(tuple(looking))} == set()


def test_of_allauth_only_what_it_documents_is_used():
    """What it keeps to itself changes without notice."""
    files = [file for place in ("jobs", "videoservice", "tests") for file in (ROOT.parent / place).rglob("*.py")]
    own = [file for file in files if re.search(r"allauth[\w.]*\.internal", file.read_text())]
    assert own == []


def test_the_document_of_the_architecture_names_every_module():
    document = (ROOT.parent / "docs/architecture.md").read_text(encoding="utf-8")
    (services,) = re.findall(r"^## Services\n(.*?)^## ", document, re.MULTILINE | re.DOTALL)
    rows = {"services": services}
    for part in ("models", "live", "storage", "auth"):
        (rows[part],) = re.findall(rf"^\|[^|]*`jobs/{part}/` \|(.*)$", document, re.MULTILINE)
    unnamed = {
        f"{part}/{file.name}"
        for part, row in rows.items()
        for file in (ROOT / part).glob("[!_]*.py")
        if not re.search(rf"\b{file.stem}\b", row)
    }
    assert unnamed == set()
