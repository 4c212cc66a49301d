"""The last release, as pyproject.toml names it, and its code."""

import dataclasses
import subprocess
import tomllib
from pathlib import Path
from typing import Self

from tests.processes import BASE_DIR


@dataclasses.dataclass(frozen=True)
class Release:
    """`migration`: the newest one of the app `jobs` that it came with."""

    version: str
    commit: str
    migration: str

    @classmethod
    def last(cls) -> Self:
        return cls(**tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["tool"]["videoservice"]["last-release"])

    @property
    def is_here(self) -> bool:
        """Whether the history reaches back to it: a shallow clone's may not."""
        look = ["git", "-C", str(BASE_DIR), "cat-file", "-e", f"{self.commit}^{{tree}}"]
        return subprocess.run(look, stderr=subprocess.DEVNULL, check=False).returncode == 0

    def unpack(self, folder: Path) -> None:
        """Its code, without touching the repository's own work trees."""
        folder.mkdir()
        packed = subprocess.run(
            ["git", "-C", str(BASE_DIR), "archive", self.commit], capture_output=True, check=True
        ).stdout
        subprocess.run(["tar", "-x", "-C", str(folder)], input=packed, check=True)

    def migrations(self) -> set[str]:
        """Names of those of the app `jobs` that it had."""
        every = sorted(path.stem for path in (BASE_DIR / "jobs" / "migrations").glob("0*.py"))
        return set(every[: every.index(self.migration) + 1])
