"""Why an attempt at a job ended without a word of its own, and what is said of it."""

import dataclasses

from jobs.errors import Lost


@dataclasses.dataclass(frozen=True)
class Loss:
    """`what` happened, as a clause; `advice` is for the operator when it happened too often. What does not count may
    happen any number of times."""

    what: str
    advice: str = ""
    counts: bool = True

    @property
    def stage(self) -> str:
        """What the job shows while it is back in line, to begin anew."""
        return f"Starting again: {self.what}"

    @property
    def stage_kept(self) -> str:
        """What it shows where a part of its work is kept."""
        return f"Going on soon: {self.what}"

    def giving_up(self, times: int) -> Lost:
        """This was the last one of too many."""
        return Lost(
            f"This work was lost {times} times, the last time because {self.what}, so it was given up. "
            f"Tell the operator: {self.advice}."
        )


STOPPED = Loss("its worker was restarted", counts=False)
AWAY = Loss("the storage is away", counts=False)
SILENT = Loss("its worker went away", "the machine of a worker, or the network to it, may have failed")
KILLED = Loss("its process was killed", "something on the server kills it, or it crashes")
MEMORY = Loss("the server ran out of memory", "the server may need more memory for recordings like this one")
