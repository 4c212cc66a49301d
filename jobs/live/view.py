"""What an open page shows, as its address says it."""

import dataclasses
from collections.abc import Mapping
from urllib.parse import urlencode

from jobs.models import Account, Job
from jobs.services.wanted import EVERY, Wanted


@dataclasses.dataclass(frozen=True)
class View:
    """What a page shows: all jobs and chains of its owner, all about one video, a single job, a chain with its steps, a
    page of the library, figures, the operators' page, or none of these but the count in the bar."""

    name: str = "bar"
    video: str = ""
    status: str = ""
    job: str = ""
    q: str = ""
    older: str = ""
    """Behind which place a page of the library begins."""
    whose: str = ""
    """Whose figures: "everybody" or, by default, the owner's."""
    run: str = ""
    wanted: Wanted = EVERY
    """Which recordings a page of the library shows."""
    by: str = ""
    """What the rows of the queue are put together by: their days, or "recording"."""
    many: bool = False
    """Whether it shows more of them at once than usual."""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "View":
        """From a query string; what cannot be understood shows as little as possible."""
        fields = ("view", "video", "status", "job", "q", "older", "whose", "run")
        name, video, status, job, q, older, whose, run = (query.get(key, "") for key in fields)
        by = RECORDING if query.get("by") == RECORDING else ""
        known_name = name if name in ("queue", "job", "run", *TOLD) else "bar"
        whose = EVERYBODY if whose == EVERYBODY or name == "operators" else ""
        status = status if status in STATUSES else ""
        wanted, many = Wanted.of(query), query.get("many") == "1"
        return cls(known_name, video, status, job, q, older, whose, run, wanted=wanted, by=by, many=many)

    @property
    def query(self) -> str:
        """What `of` understands as this view of the queue, or as the bar alone."""
        told = {"view": self.name, "status": self.status, "q": self.q, "by": self.by}
        return urlencode({key: value for key, value in told.items() if value})

    def allowed(self, account: Account) -> "View":
        """The same, or no more than the bar for who may not see that much."""
        return View() if self.whose and not account.is_staff else self


TOLD = ("library", "video", "stats", "operators")
"""Those that are only told by what name their present state goes, and then ask for it."""
EVERYBODY = "everybody"
RECORDING = "recording"
STATUSES = {
    "running": (Job.Status.RUNNING,),
    "waiting": (Job.Status.QUEUED, Job.Status.WAITING),
    "active": Job.ACTIVE,
    "done": (Job.Status.SUCCEEDED,),
    "failed": (Job.Status.FAILED,),
    "cancelled": (Job.Status.CANCELLED,),
}
