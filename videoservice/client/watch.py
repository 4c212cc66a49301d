"""What is under way, as a table that moves, or a line for each change where there is no terminal."""

import contextlib
import time

from rich.live import Live

from videoservice.client import waiting, wording
from videoservice.client.api import Api, Json
from videoservice.client.names import short
from videoservice.client.output import Output, drawn

COLUMNS = ("JOB", "OPERATION", "RECORDING", "STATUS", "DONE", "TIME", "WHAT")
UNDER_WAY = ("running", "queued", "waiting")
LOOK_SECONDS = 2.0


def row(job: Json, shown_id: str, recording: str = "") -> tuple[str, ...]:
    """A job as cells of the columns."""
    left = job.get("eta_seconds")
    what = job["error"]["message"] if job["error"] else job["stage"] if job["status"] == "running" else ""
    if job["status"] == "queued" and job.get("queue_position"):
        what = f"place {job['queue_position']} in line"
    if left is not None and job["status"] == "running":
        what = f"{what} ({wording.length(left)} left)".strip()
    done = f"{job['progress']:.0%}" if job["status"] == "running" else ""
    named = recording or (job["video"] if shown_id == job["id"] else short(job["video"]))
    return (shown_id, job["operation"], named, job["status"], done, wording.took(job), what)


class Watch:
    """Follows all jobs that are under way, and those that come while it runs."""

    def __init__(self, api: Api, output: Output) -> None:
        self._api, self._output = api, output
        self._seen: dict[str, Json] = {}
        self._titles: dict[str, str] = {}

    def run(self) -> bool:
        """Until nothing is under way. Returns whether a job has failed meanwhile."""
        live = Live(console=self._output.err, auto_refresh=False) if self._moves else contextlib.nullcontext()
        absence = waiting.Absence(self._output)
        with live as table:
            under_way = True
            while under_way:
                with absence.borne():
                    under_way = self._look()
                    if table is not None:
                        self._draw(table)
                if under_way:
                    time.sleep(LOOK_SECONDS)
        if not self._seen:
            self._output.note("Nothing is under way.")
        return any(job["status"] == "failed" for job in self._seen.values())

    @property
    def _moves(self) -> bool:
        return self._output.live and not self._output.as_json

    def _look(self) -> bool:
        """Whether anything is under way."""
        now = {job["id"]: job for status in UNDER_WAY for job in self._api.items("jobs", status=status)}
        for pk, before in self._seen.items():
            if pk not in now and before["status"] not in waiting.ENDED:
                now[pk] = self._ended(pk, before)
        for pk, job in now.items():
            known = self._seen.get(pk)
            self._seen[pk] = job
            if not self._moves and (known is None or known["status"] != job["status"]):
                name = f"{job['operation']} {short(pk)} of {self._title(job['video'])}"
                self._output.event("job", waiting.sentence(job, name), job=job)
        return any(job["status"] in UNDER_WAY for job in now.values())

    def _ended(self, pk: str, before: Json) -> Json:
        """A job that is not under way any more: as it ended, or cancelled when it was deleted."""
        response = self._api.send("GET", f"jobs/{pk}", missing_is_fine=True)
        found: Json = response.json() if response.status_code == 200 else before | {"status": "cancelled"}
        return found

    def _title(self, pk: str) -> str:
        if pk not in self._titles:
            response = self._api.send("GET", f"videos/{pk}", missing_is_fine=True)
            self._titles[pk] = response.json()["title"] if response.status_code == 200 else short(pk)
        return self._titles[pk]

    def _draw(self, live: Live) -> None:
        rows = [row(job, short(pk), self._title(job["video"])) for pk, job in self._seen.items()]
        room = max(3, self._output.err.height - 3)
        live.update(drawn(COLUMNS, rows[-room:]), refresh=True)
