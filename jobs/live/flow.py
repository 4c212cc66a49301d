"""A chain at work as its row draws it: its steps in columns, from what is there to what is made of it."""

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

from jobs import clock, wording
from jobs.models import Job, Run
from jobs.services import runs
from jobs.services.steps import Step

LOOKS: dict[str, str] = {
    Job.Status.SUCCEEDED: "done",
    Job.Status.RUNNING: "now",
    Job.Status.FAILED: "lost",
    Job.Status.CANCELLED: "lost",
}


@dataclasses.dataclass(frozen=True)
class Link:
    """A step with the job that does it, None where that was removed. `passes` is whether its result goes when the chain
    has been done for a while, and `leaves` in how long: “54 min”, "" while that is open."""

    step: Step
    job: Job | None
    passes: bool
    leaves: str

    @property
    def passing_bytes(self) -> int:
        """The size of a result that goes."""
        if not (self.passes and self.job) or self.job.dropped_at:
            return 0
        return sum(artifact.size for artifact in self.job.artifacts.all())

    @property
    def artifacts(self) -> list[Any]:
        return list(self.job.artifacts.all()) if self.job and self.job.status == Job.Status.SUCCEEDED else []

    @property
    def film(self) -> Any:
        """Its one recording with a picture, None where there is none."""
        films = [artifact for artifact in self.artifacts if artifact.kind == "video"]
        return films[0] if len(films) == 1 else None

    @property
    def look(self) -> str:
        """How a small list of the steps shows it."""
        return LOOKS.get(self.job.status, "") if self.job else "done"

    @property
    def stamp(self) -> tuple[Any, ...]:
        """Changes with what is drawn of it."""
        place = getattr(self.job, "place", None)
        return (
            self.job and self.job.pk,
            self.job and self.job.version,
            place and place.stamp,
            self.passes,
            self.leaves,
        )


@dataclasses.dataclass(frozen=True)
class Flow:
    """The steps of a run, in order; its jobs have to be there already, with their results where those are drawn."""

    run: Run
    links: tuple[Link, ...]
    left: str = ""
    """About how long until its end; "" while nobody can say."""

    @classmethod
    def of(cls, run: Run) -> "Flow":
        chain, found = runs.chain_of(run), runs.jobs_of(run)
        passed = set(runs.passed_on(run))
        leaves = remaining(run)
        return cls(
            run,
            tuple(
                Link(step, found.get(step.name), step.name in passed, leaves if step.name in passed else "")
                for step in chain
            ),
        )

    @property
    def jobs(self) -> list[Job]:
        return [link.job for link in self.links if link.job]

    @property
    def columns(self) -> list[list[Link]]:
        """Side by side what does not wait for each other, by how many steps come before."""
        depths: dict[str | None, int] = {None: -1}
        found: list[list[Link]] = []
        for link in self.links:
            depth = depths[link.step.name] = depths[link.step.input] + 1
            if depth == len(found):
                found.append([])
            found[depth].append(link)
        return found

    @property
    def progress(self) -> float:
        """How far it is, 0 to 1: every step counts the same."""
        return fraction({link.step.name: link.job.progress if link.job else 1 for link in self.links})

    @property
    def done(self) -> int:
        return sum(job.status == Job.Status.SUCCEEDED for job in self.jobs)

    @property
    def at(self) -> int:
        """Which step it is at, counted from 1."""
        return min(self.done + 1, len(self.links))

    @property
    def bytes(self) -> int:
        """What the results take that it has made and does not only pass on."""
        return sum(one.size for link in self.links if not link.passes for one in link.artifacts)

    @property
    def current(self) -> list[Job]:
        return [job for job in self.jobs if job.status == Job.Status.RUNNING]

    @property
    def named(self) -> Link | None:
        """The step that tells of all where there is no room for more names: one at work, else one that stopped the
        chain, else the next; None once all are done."""
        looks = {link.look: link for link in reversed(self.links)}
        return looks.get("now") or looks.get("lost") or looks.get("")

    @property
    def place(self) -> Any:
        """The best place in line of its steps, None when none is in line."""
        places = [job.place for job in self.jobs if getattr(job, "place", None)]  # type: ignore[attr-defined]
        return min(places, key=lambda place: place.position, default=None)

    @property
    def failed(self) -> list[Job]:
        return [job for job in self.jobs if job.status == Job.Status.FAILED]

    @property
    def made(self) -> list[Link]:
        """The steps that have results to be seen, the last one first."""
        return [link for link in reversed(self.links) if link.artifacts]

    @property
    def main(self) -> Link | None:
        """Of a chain that has succeeded, the step whose film it was for: the last that has one and does not only pass
        it on."""
        if self.run.status != Job.Status.SUCCEEDED:
            return None
        return next((link for link in self.made if link.film and not link.passes), None)

    @property
    def seen(self) -> list[tuple[Link, list[Any]]]:
        """The results of its steps as a person looks at them: first those that the chain was for."""
        return [(link, link.artifacts) for link in sorted(self.made, key=lambda link: link.passes)]

    @property
    def has_run_long(self) -> bool:
        return any(job.is_active and job.has_run_long for job in self.jobs)

    @property
    def took_seconds(self) -> float | None:
        ended = self.run.finished_at
        return (ended - self.run.created_at).total_seconds() if ended else None

    @property
    def version(self) -> int:
        """A number that only grows while it is taken up, worked on and ends: a page ignores a row with a lower one."""
        return self.run.version * 1_000_000 + sum(job.version for job in self.run.jobs.all())

    @property
    def stamp(self) -> tuple[Any, ...]:
        return (self.run.version, *(link.stamp for link in self.links))

    @property
    def key(self) -> str:
        """A short name for the stamp."""
        return short(self.stamp)

    @property
    def made_key(self) -> str:
        """Changes with the results that there are, so that one which plays goes on while the chain does."""
        return short(tuple(link.job.pk for link in self.made if link.job))


def short(stamp: tuple[Any, ...]) -> str:
    return hashlib.sha256(repr(stamp).encode()).hexdigest()[:16]


def fraction(progress: Mapping[str, float]) -> float:
    return sum(progress.values()) / len(progress) if progress else 0.0


def remaining(run: Run) -> str:
    """In how long the results that are only on the way go; "" while that is open."""
    at = runs.goes_at(run)
    if at is None:
        return ""
    minutes = max(1, round((at - clock.now()).total_seconds() / 60))
    return wording.span(minutes * 60)
