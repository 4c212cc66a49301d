"""Work as it was asked for, and how it is put in line on a recording or a result."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from videoservice.client import names, parameters
from videoservice.client.api import Api, Json

Subject = Mapping[str, Any]
"""What a job is on, as the API takes it: {"video": id} or {"source": {"job": id}}."""


PRESET = "preset="


@dataclasses.dataclass(frozen=True)
class Started:
    """Work that is in line: a job, or a chain's run."""

    kind: str
    id: str
    name: str

    @property
    def path(self) -> str:
        return f"{self.kind}s/{self.id}"


@dataclasses.dataclass(frozen=True)
class JobOrder:
    """An operation with its parameters; those that are left out come from a `preset`, by its name or id."""

    operation: str
    params: Mapping[str, Any]
    preset: str = ""

    @classmethod
    def read(cls, api: Api, slug: str, pairs: Sequence[str]) -> "JobOrder":
        """From words of the command line, of which `preset=NAME` names a preset. Raises Misused."""
        schema = names.operation(api, slug)["parameters"]
        named = [pair for pair in pairs if pair.startswith(PRESET)]
        rest = [pair for pair in pairs if pair not in named]
        preset = named[-1].removeprefix(PRESET).strip() if named else ""
        return cls(slug, parameters.parsed(schema, rest, Inputs(api)), preset)

    def start(self, api: Api, subject: Subject, title: str, key: str = "") -> Started:
        job = api.post("jobs", {**subject, **self.to_json()}, key=key)
        return Started("job", job["id"], f"{self.operation} of {title}")

    def to_json(self) -> Json:
        named = {"preset": self.preset} if self.preset else {}
        return {"operation": self.operation, "params": dict(self.params), **named}


@dataclasses.dataclass(frozen=True)
class ChainOrder:
    """A saved chain."""

    slug: str

    @classmethod
    def read(cls, api: Api, name: str) -> "ChainOrder":
        """Raises Misused."""
        return cls(names.chain(api, name)["slug"])

    def start(self, api: Api, subject: Subject, title: str, key: str = "") -> Started:
        run = api.post(f"videos/{subject['video']}/pipelines/{self.slug}", key=key)
        return Started("run", run["id"], f"{self.slug} of {title}")

    def to_json(self) -> Json:
        return {"chain": self.slug}


Order = JobOrder | ChainOrder


class Inputs:
    """Finds the other files that parameters name: recordings by id or title, images by id or as a file to upload."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def __call__(self, kind: str, name: str) -> str:
        if kind == "recording":
            return str(names.recording(self._api, name)["id"])
        file = Path(name)
        if kind == "image" and file.is_file():
            answer = self._api.make("images", files={"file": (file.name, file.read_bytes())})
            return str(answer.json()["id"])
        return name


def read(api: Api, run: Sequence[tuple[str, Sequence[str]]], chain: str | None) -> list[Order]:
    """All that a command asks for. Raises Misused before anything is sent."""
    orders: list[Order] = [JobOrder.read(api, slug, pairs) for slug, pairs in run]
    return [*orders, ChainOrder.read(api, chain)] if chain else orders
