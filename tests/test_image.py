"""What the image is made of (Dockerfile). That it is built and works is tried by benchmarks/image.py."""

import fnmatch
import re
from pathlib import Path

import pytest

from tests.processes import BASE_DIR
from videoservice import preparing

DOCKERFILE = (BASE_DIR / "Dockerfile").read_text()


def instructions() -> list[tuple[str, str]]:
    """Each instruction and what follows it, lines joined."""
    text = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.M))
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line]  # type: ignore[misc]


def of(kind: str) -> list[str]:
    return [rest for name, rest in instructions() if name == kind]


def copied() -> list[str]:
    """Paths of this folder that get into a stage."""
    found = []
    for rest in of("COPY"):
        words = [word for word in rest.split() if not word.startswith("--chown")]
        if not words[0].startswith("--from"):
            found += words[:-1]
    return found


def is_sent(path: str) -> bool:
    """Whether .dockerignore lets a path into the build; its last rule that fits decides."""
    sent = True
    for line in (BASE_DIR / ".dockerignore").read_text().split():
        rule = line.removeprefix("!")
        if any(fnmatch.fnmatchcase(part, rule) for part in (path, *map(str, Path(path).parents))):
            sent = line.startswith("!")
    return sent


def test_everything_that_is_copied_is_there_and_is_sent():
    assert {"videoservice", "jobs", "templates", "static", "manage.py"} <= set(copied())
    for path in copied():
        assert (BASE_DIR / path).exists(), path
        assert is_sent(path), f"{path} is left out by .dockerignore"


@pytest.mark.parametrize(
    "path", [".env", "var/secret_key", ".git/config", "media/videos", "tests/api.py", "compose.yaml"]
)
def test_what_is_secret_or_of_no_use_is_not_sent(path: str):
    assert not is_sent(path)


def test_what_tells_the_version_of_tables_and_static_files_is_in_it():
    whole = {Path(path) for path in copied()}
    for name in (*preparing.STATIC, *preparing.TABLES):
        assert whole & {Path(name), *Path(name).parents}, f"{name} is not copied"


def test_stages_are_named_before_they_are_used():
    known: set[str] = set()
    for kind, rest in instructions():
        if kind == "FROM":
            base, *name = rest.split()
            assert base in known or base == "${PYTHON_IMAGE}"
            known |= set(name[1:])
        assert kind != "COPY" or not (source := re.match(r"--from=(\S+)", rest)) or source[1] in known, rest


def test_it_runs_as_nobody_and_says_how_it_is():
    assert of("USER") == ["1000:1000"], "by number, as clusters want it"
    assert "videoservice.healthcheck" in of("HEALTHCHECK")[0]
    assert of("STOPSIGNAL") == ["SIGTERM"]
    assert "tini" in of("ENTRYPOINT")[0]
    assert "/usr/share/sbom/" in DOCKERFILE


def test_nothing_is_installed_from_pypi_without_a_hash():
    for rest in of("RUN"):
        for command in re.findall(r"pip \S*(?: \S+)* (?:install|wheel|download) [^&;]*", rest):
            assert "--require-hashes" in command or "--no-index" in command, command


def test_no_secret_and_no_address_of_a_registry_is_in_it():
    assert not re.search(r"https?://", DOCKERFILE)
    assert not [rest for rest in of("ENV") + of("ARG") if re.search(r"SECRET|PASSWORD|TOKEN|KEY=", rest)]
