"""Chains at work."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status

from jobs.api import parts
from jobs.api.auth import owner, work
from jobs.api.chain_schemas import ChainIn, Retry, RunDeleted, RunList, RunOut, RunQuery
from jobs.api.documented import failures
from jobs.api.errors import ApiError, invalid
from jobs.api.idempotency import idempotent, name_of
from jobs.api.pipelines import found, raw
from jobs.api.schemas import path_of
from jobs.api.trash import put_away, removed
from jobs.auth.access import owned
from jobs.models import Artifact, Job, Removal, Run, Video
from jobs.services import pipelines, runs, steps, trash, versions
from jobs.services.steps import Step

router = Router(tags=["Chains"])
on_videos = Router(tags=["Chains"])


@on_videos.post(
    "/{uuid:video_id}/pipelines/{slug}", response={201: RunOut, **failures(404, 409, 422)}, summary="Run a saved chain"
)
@work
@idempotent()
def run_pipeline(request: HttpRequest, response: HttpResponse, video_id: UUID, slug: str) -> Status[RunOut]:
    """On a recording, or on a result by its id."""
    account = owner(request)
    pipeline = found(account, slug)
    subject = versions.owned(account, video_id)
    return answer(response, started(request, subject, pipelines.chain_of(pipeline), pipeline.name, slug), 201)


def without_keep(request: HttpRequest, video_id: UUID, body: ChainIn, **rest: Any) -> Any:
    """What a request asks for but `keep`, which may be changed while the chain runs."""
    return [str(video_id), body.name, [step.dict(exclude={"keep"}) for step in body.steps]]


@on_videos.post(
    "/{uuid:video_id}/pipeline",
    response={201: RunOut, **failures(404, 409, 422)},
    summary="Run a chain that is not saved",
)
@work
@idempotent(asked=without_keep)
def run_chain(request: HttpRequest, response: HttpResponse, video_id: UUID, body: ChainIn) -> Status[RunOut]:
    """On a recording, or on a result by its id. All that is wrong with the steps is told at once."""
    account = owner(request)
    chain = steps.read(raw(body.steps), account)
    name = body.name.strip() or steps.summary(chain)
    return answer(response, started(request, versions.owned(account, video_id), chain, name, ""), 201)


def started(request: HttpRequest, subject: Video, chain: Sequence[Step], name: str, slug: str) -> Run:
    """A run of a chain; the one that this request had made before, should its process have died."""
    account, key = owner(request), name_of(request)
    before = runs.find_idempotent(account, key) if key else None
    return before or runs.start(account, subject, chain, name, slug=slug, idempotency_key=key)


def answer(response: HttpResponse, run: Run, status: int) -> Status[RunOut]:
    response["Location"] = path_of("run", run.pk)
    return Status(status, RunOut.of(run))


@router.get("", response={200: RunList, **failures(422)}, summary="List runs")
def list_runs(request: HttpRequest, query: Query[RunQuery]) -> RunList:
    """Chains that you have started, newest first."""
    wanted = {"video_id": query.video, "status": query.status}
    mine = Run.objects.of(owner(request)).filter(**{name: value for name, value in wanted.items() if value is not None})
    part = parts.part(mine, query)
    return RunList(items=RunOut.of_all(list(part.rows)), count=part.count, next=part.following)


@router.get("/{uuid:run_id}", response={200: RunOut, **failures(404)}, summary="Get a run", url_name="run")
def get_run(request: HttpRequest, run_id: UUID) -> RunOut:
    """Each of its steps with its job, and the time left."""
    return RunOut.of(owned(Run, owner(request), run_id))


@router.post("/{uuid:run_id}/cancel", response={200: RunOut, **failures(404, 409)}, summary="Cancel a run")
@work
def cancel_run(request: HttpRequest, run_id: UUID) -> RunOut:
    """Stop all its steps. Cancelling it again changes nothing; 409 when it had ended in another way."""
    run = owned(Run, owner(request), run_id)
    if not runs.cancel(run) and run.status != Job.Status.CANCELLED:
        raise ApiError(409, "ended", "This chain has already ended, so there is nothing to cancel.")
    return RunOut.of(run)


@router.post(
    "/{uuid:run_id}/retry",
    response={200: RunOut, 201: RunOut, **failures(404, 409, 422)},
    summary="Go on with a run, or run it again with other parameters",
)
@work
@idempotent()
def retry_run(
    request: HttpRequest,
    response: HttpResponse,
    run_id: UUID,
    body: Retry = Retry(),  # noqa: B008 it is frozen in effect
) -> Status[RunOut]:
    """Without `params` it goes on from the steps that did not succeed: 200. With them it is a new run (201) in which
    only steps with other parameters, and those that hang on them, are done again."""
    account = owner(request)
    run = owned(Run, account, run_id)
    if not body.params:
        return answer(response, runs.retry(run), 200)
    names = {step["name"] for step in run.steps}
    if unknown := [name for name in body.params if name not in names]:
        raise invalid([(f"params.{name}", "This chain has no such step.") for name in unknown])
    key = name_of(request)
    before = runs.find_idempotent(account, key) if key else None
    return answer(response, before or runs.again(run, body.params, key), 201)


@router.post(
    "/{uuid:run_id}/keep/{step}", response={200: RunOut, **failures(404, 422)}, summary="Keep the result of a step"
)
@work
def keep_result(request: HttpRequest, run_id: UUID, step: str) -> RunOut:
    """Of a step whose result would be dropped, as it is only on the way to that of another one."""
    run = owned(Run, owner(request), run_id)
    runs.keep(run, step)
    return RunOut.of(run)


@router.delete("/{uuid:run_id}", response={200: RunDeleted, **failures(404, 409)}, summary="Remove a run")
def delete_run(request: HttpRequest, run_id: UUID, permanently: bool = False) -> RunDeleted:
    """Put a chain that ended into the trash with the results of all its steps, or with `permanently=1` delete it for
    good, also from there. 409 while other work needs one of these."""
    account = owner(request)
    removal = trash.find(account, run_id) if permanently else None
    run = (removal and removal.run) or owned(Run, account, run_id)
    results = Artifact.with_trash.filter(job__run=run, removal=removal)
    size = results.aggregate(size=Sum("size"))["size"] or 0
    jobs = Job.with_trash.filter(run=run, removal=removal).count()
    return RunDeleted(id=run_id, jobs=jobs, bytes=size, trashed_until=put_away(run, removal, permanently))


@router.post("/{uuid:run_id}/restore", response={200: RunOut, **failures(404, 409)}, summary="Restore a run")
@work
def restore_run(request: HttpRequest, run_id: UUID) -> RunOut:
    """Take a chain out of the trash with its steps and their results. 409 while its recording is in the trash."""
    account = owner(request)
    trash.restore(removed(account, run_id, Removal.Kind.CHAIN))
    return RunOut.of(owned(Run, account, run_id))
