"""Waiting for work to end, and saying how far it is."""

import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from videoservice.client import wording
from videoservice.client.api import Api, Json
from videoservice.client.board import Bar, Board
from videoservice.client.failures import Unreachable
from videoservice.client.orders import Started
from videoservice.client.results import jobs_of_run

ENDED = ("succeeded", "failed", "cancelled")
LOOK_SECONDS = 1.0
AWAY_SECONDS = 300
"""How long a site may be away while somebody waits."""
LONG_POLL_SECONDS = 25
"""How long the site may keep a question until there is something to tell."""


class Teller(Protocol):
    """Says what came to pass: a Board or an Output."""

    def event(self, kind: str, sentence: str = "", **facts: Any) -> None: ...


def wait(api: Api, board: Board, work: Sequence[Started]) -> list[Json]:
    """Wait until all of it has ended, telling every change of state. Returns the jobs, those of chains too."""
    ended: list[Json] = []
    with contextlib.ExitStack() as bars:
        under_way = [Watched(api, board, started, bars) for started in work]
        absence = Absence(board)
        while under_way:
            asked = time.monotonic()
            # Where a bar moves, or there are several, each is asked in passing.
            patient = len(under_way) == 1 and not board.output.live
            for watched in list(under_way):
                with absence.borne():
                    if (jobs := watched.look(LONG_POLL_SECONDS if patient else 0)) is not None:
                        under_way.remove(watched)
                        ended += jobs
            if under_way:
                time.sleep(max(0, LOOK_SECONDS - (time.monotonic() - asked)))
    return ended


class Absence:
    """A site that does not answer for a while: it may be started anew, and the work goes on then."""

    def __init__(self, told: Teller) -> None:
        self._told = told
        self._since: float | None = None

    @contextlib.contextmanager
    def borne(self) -> Iterator[None]:
        """Passes over Unreachable, until it has been so for minutes."""
        try:
            yield
        except Unreachable as failure:
            if self._since is None:
                self._since = time.monotonic()
                self._told.event("away", f"{failure.message} Still waiting.", error=failure.to_json())
            if time.monotonic() - self._since > AWAY_SECONDS:
                raise
        else:
            self._since = None


class Watched:
    """A job or a run that is waited for, with its bar."""

    def __init__(self, api: Api, board: Board, started: Started, bars: contextlib.ExitStack) -> None:
        self._api, self._board, self._started = api, board, started
        self._told: dict[str, str] = {}
        self._bar: Bar = bars.enter_context(contextlib.closing(board.bar(started.name, 1)))

    def look(self, patience: float) -> list[Json] | None:
        """Its jobs when it has ended."""
        query = {"wait": int(patience)} if patience else {}
        found = self._api.get(self._started.path, **query)
        if self._started.kind == "job":
            self._bar.show(found["progress"], found["stage"] or found["status"])
            self._tell(found, self._started.name)
            return [found] if found["status"] in ENDED else None
        return self._look_at_steps(found)

    def _look_at_steps(self, run: Json) -> list[Json] | None:
        steps = run["steps"]
        running = [step for step in steps if step["status"] == "running"]
        stage = ", ".join(f"{step['name']}: {step['stage']}" for step in running) or run["status"]
        self._bar.show(sum(step["progress"] for step in steps) / max(1, len(steps)), stage)
        for step in steps:
            if step["job"] and step["status"] in ENDED and step["job"] not in self._told:
                self._tell(self._api.get(f"jobs/{step['job']}"), f"{step['name']} in {self._started.name}")
        if run["status"] not in ENDED:
            return None
        return jobs_of_run(self._api, run)

    def _tell(self, job: Json, name: str) -> None:
        if self._told.get(job["id"]) == job["status"]:
            return
        self._told[job["id"]] = job["status"]
        self._board.event("job", sentence(job, name), job=job)


def sentence(job: Json, name: str) -> str:
    """The state of a job in a line."""
    status = job["status"]
    if status == "succeeded":
        return f"{name}: done in {wording.took(job)}"
    if status == "failed":
        return f"{name}: failed. {job['error']['message']}"
    if status == "queued" and (place := job.get("queue_position")):
        return f"{name}: in line at place {place}"
    return f"{name}: {status}"


def unsuccessful(jobs: Iterable[Json]) -> Iterator[Json]:
    """Those that count as a failure of the command."""
    return (job for job in jobs if job["status"] != "succeeded")
