"""The package: what a machine without the server gets."""

import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib.metadata import distribution, requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.processes import BASE_DIR, run

PROJECT = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as script/bootstrap does: with what is installed, and without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", folder]
    run([*PIP, "wheel", *map(str, options), "."], cwd=BASE_DIR)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def fresh(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the client and the requirements that it states, and nothing else."""
    folder = tmp_path_factory.mktemp("fresh")
    run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    there, here = folder / "lib" / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix).relative_to("lib"), {}
    for name in closure(PROJECT["project"]["dependencies"]):
        for file in distribution(name).files or ():
            if file.parts[0] != "..":
                here[file.parts[0]] = Path(str(distribution(name).locate_file(file.parts[0])))
    for name, path in here.items():
        (there / name).symlink_to(path)
    python = folder / "bin" / "python"
    run([*PIP, "--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel)])
    return folder


def closure(stated: list[str]) -> set[str]:
    """The names of requirements, and of what these require in turn."""
    found: set[str] = set()
    for requirement in map(Requirement, stated):
        if (requirement.marker is None or requirement.marker.evaluate({"extra": ""})) and requirement.name not in found:
            found |= {requirement.name} | closure(requires(requirement.name) or [])
    return found


@pytest.fixture(autouse=True)
def _nothing_from_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)


def test_it_is_the_client_alone(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    strangers = [name for name in names if not re.match(r"videoservice/client/|videoservice-[\d.]+\.dist-info/", name)]
    assert strangers == []
    assert "videoservice/client/main.py" in names


def test_it_runs_without_django(fresh: Path):
    python = fresh / "bin" / "python"
    assert subprocess.run([python, "-c", "import django"], stderr=subprocess.DEVNULL).returncode == 1
    said = run([str(fresh / "bin" / "videoservice"), "--help"], cwd="/").stdout
    assert all(word in said for word in ("login", "upload", "watch", "install-completion"))
    assert (
        run([str(fresh / "bin" / "videoservice"), "--version"], cwd="/").stdout
        == f"videoservice {PROJECT['project']['version']}\n"
    )


def test_every_module_of_it_can_be_imported_there(fresh: Path):
    files = (BASE_DIR / "videoservice" / "client").rglob("*.py")
    names = [str(file.relative_to(BASE_DIR).with_suffix("")).replace("/", ".") for file in files]
    names = [name for name in names if not name.endswith(("__main__", "__init__"))]
    run([str(fresh / "bin" / "python"), "-c", f"import {', '.join(names)}"], cwd="/")


def bounds() -> list[tuple[str, Requirement]]:
    return [(Requirement(text).name, Requirement(text)) for text in PROJECT["project"]["dependencies"]]


@pytest.mark.parametrize(("name", "requirement"), bounds())
def test_what_the_tests_run_with_is_within_its_bounds(name: str, requirement: Requirement):
    assert requirement.specifier.contains(version(name))


def test_what_builds_it_is_pinned_once():
    assert PROJECT["build-system"]["requires"][0] in (BASE_DIR / "requirements.in").read_text().splitlines()
