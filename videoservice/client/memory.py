"""What the client remembers of an upload until it is done, so that the same command goes on where it was ended."""

import contextlib
import dataclasses
import hashlib
import json
import time
from pathlib import Path
from uuid import uuid4

from videoservice.client import sites
from videoservice.client.sites import Site

KEPT_SECONDS = 14 * 24 * 3600
"""Longer than sites wait for an upload to go on."""


@dataclasses.dataclass
class Memory:
    """Where a file is being uploaded to (`url`, "" for nowhere yet), and by which key each piece of work on it was
    asked for. It is known by site, account, path, size and time of change: a file that was changed is another one."""

    path: Path
    url: str = ""
    keys: dict[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, site: Site, file: Path) -> "Memory":
        stat = file.stat()
        account = site.email or hashlib.sha256(site.token.encode()).hexdigest()
        facts = json.dumps([site.url, account, str(file.resolve()), stat.st_size, stat.st_mtime_ns])
        path = sites.folder() / "uploads" / f"{hashlib.sha256(facts.encode()).hexdigest()[:32]}.json"
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
            return cls(path, known["url"], known["keys"])
        except (OSError, ValueError, KeyError, TypeError):
            return cls(path)

    def remember_url(self, url: str) -> None:
        self.url = url
        self._save()

    def upload_key(self, metadata: object) -> str:
        """By which the upload itself is begun."""
        return self.key(["upload", metadata])

    def forget_upload(self) -> None:
        """The site has it no more: another one is begun, and so is all work on it."""
        self.url, self.keys = "", {}
        self._save()

    def key(self, work: object) -> str:
        """The same for the same work, until all is done."""
        name = hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()
        if name not in self.keys:
            self.keys[name] = uuid4().hex
            self._save()
        return self.keys[name]

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)

    def _save(self) -> None:
        sites.write_private(self.path, {"url": self.url, "keys": self.keys})


def sweep() -> None:
    """Forget uploads that were never gone on with. Several clients may do so at once."""
    for path in (sites.folder() / "uploads").glob("*.json"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - KEPT_SECONDS:
                path.unlink()
