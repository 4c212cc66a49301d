"""What goes over the wire about chains: saved ones, and those at work."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field, StringConstraints

from jobs.api.schemas import COUNT, NEXT, Following, Status
from jobs.models import Job, Run
from jobs.services import pipelines, run_facts, runs
from jobs.services.run_facts import Facts
from jobs.services.shipped import Shipped
from jobs.services.steps import Step

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
EXAMPLE: list[Any] = [
    {"name": "Clean", "operation": "clean-audio"},
    {"name": "Cut", "operation": "silence-cut", "input": "Clean", "params": {"loudness_lufs": -16}},
    {"name": "MP3", "operation": "extract-audio", "input": "Cut", "params": {"format": "mp3"}},
]


class StepIn(Schema):
    """One piece of work in a chain."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("", max_length=60, description="How other steps call it; the operation's title when left out.")
    operation: str = Field(description="A slug of `GET /operations`.")
    params: dict[str, Any] = Field({}, description="What is left out has its default.")
    input: str | None = Field(None, description="The step whose result it works on; null for the recording.")
    keep: bool = Field(False, description="Whether its result stays also where it is only on the way to another one.")


class StepOut(StepIn):
    @classmethod
    def of(cls, step: Step) -> "StepOut":
        return cls(**pipelines.shown(step))


class PipelineIn(Schema):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"name": "My podcast", "steps": EXAMPLE}})

    name: Name
    steps: list[StepIn]


class PipelinePatch(Schema):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"name": "Our podcast", "default": True}})

    name: Name | None = None
    steps: list[StepIn] | None = None
    default: bool | None = Field(
        None, description="Whether it is run on each of your uploads that names no other work."
    )


class PipelineOut(Schema):
    """A saved chain."""

    slug: str
    name: str
    steps: list[StepOut]
    shipped: bool = Field(description="Came with the install: it can be run, but not changed.")
    default: bool = Field(description="Whether it is run on each of your uploads that names no other work.")

    @classmethod
    def of(cls, pipeline: pipelines.Chain, default: str) -> "PipelineOut":
        return cls(
            slug=pipeline.slug,
            name=pipeline.name,
            steps=[StepOut.of(step) for step in pipelines.chain_of(pipeline)],
            shipped=isinstance(pipeline, Shipped),
            default=pipeline.slug == default,
        )


class PipelineList(Schema):
    items: list[PipelineOut]
    count: int = Field(description="How many there are in all.")


class ChainIn(Schema):
    """A chain that is not saved."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"steps": EXAMPLE}})

    name: str = Field("", max_length=80, description="What to call it; else its steps are named.")
    steps: list[StepIn]


class Retry(Schema):
    """What to do differently: parameters by the names of steps. What is left out stays as it was."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"params": {"Cut": {"threshold_db": -28}}}})

    params: dict[str, dict[str, Any]] = {}


class RunStep(Schema):
    """A step of a chain at work, with the job that does it."""

    name: str
    operation: str
    input: str | None
    job: UUID | None = Field(description="Null when it was removed.")
    status: Status | None
    progress: float
    stage: str
    reused: bool = Field(description="Whether the results of an earlier job were taken.")
    keep: bool
    passing_bytes: int = Field(description="Size of a result that will be dropped, as further steps have used it.")
    dropped: bool = Field(description="Whether it has been.")

    @classmethod
    def of(cls, step: Step, job: Job | None, passing: int) -> "RunStep":
        return cls(
            name=step.name,
            operation=step.operation,
            input=step.input,
            job=job.pk if job else None,
            status=job.status if job else None,  # type: ignore[arg-type]
            progress=job.progress if job else 0,
            stage=job.stage if job else "",
            reused=bool(job and job.reuse_of_id),
            keep=step.keep,
            passing_bytes=passing,
            dropped=bool(job and job.dropped_at),
        )


class RunOut(Schema):
    """A chain at work on one recording."""

    id: UUID
    slug: str | None = Field(description="The saved chain that it is.")
    name: str
    video: UUID
    status: Status
    eta_seconds: float | None = Field(description="Until the last step ends; null while nobody can say.")
    steps: list[RunStep]
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, run: Run) -> "RunOut":
        return cls.of_all([run])[0]

    @classmethod
    def of_all(cls, found: Sequence[Run]) -> "list[RunOut]":
        """In as few queries as for one."""
        return [cls.told(run, facts) for run, facts in zip(found, run_facts.of(found), strict=True)]

    @classmethod
    def told(cls, run: Run, facts: Facts) -> "RunOut":
        jobs, passing, left = facts.jobs, facts.passing, facts.left
        return cls(
            id=run.pk,
            slug=run.slug or None,
            name=run.name,
            video=run.video_id,
            status=run.status,  # type: ignore[arg-type]
            eta_seconds=round(left.likely, 1) if left else None,
            steps=[RunStep.of(step, jobs.get(step.name), passing.get(step.name, 0)) for step in runs.chain_of(run)],
            created_at=run.created_at,
            finished_at=run.finished_at,
        )


class RunList(Schema):
    items: list[RunOut]
    count: int | None = Field(description=COUNT)
    next: str | None = Field(None, description=NEXT)


class RunQuery(Following):
    video: UUID | None = None
    status: Status | None = None


class RunDeleted(Schema):
    """What was removed."""

    id: UUID
    jobs: int
    bytes: int
    trashed_until: datetime | None = Field(description="When it goes for good; null when that is done.")
