"""Saved chains."""

from collections.abc import Iterable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Router, Status

from jobs.api.auth import owner, work
from jobs.api.chain_schemas import PipelineIn, PipelineList, PipelineOut, PipelinePatch, StepIn
from jobs.api.documented import failures
from jobs.api.errors import ApiError
from jobs.api.idempotency import idempotent
from jobs.models import Account, Pipeline
from jobs.services import pipelines

router = Router(tags=["Chains"])


def raw(steps: Iterable[StepIn]) -> list[dict[str, Any]]:
    return [step.dict() for step in steps]


def found(account: Account, slug: str) -> pipelines.Chain:
    """A chain that this account may run, or 404."""
    if (pipeline := pipelines.find(account, slug)) is None:
        raise Http404("no chain of this name")
    return pipeline


def own(account: Account, slug: str) -> Pipeline:
    """A chain that this account may change, or 404, or 409."""
    pipeline = found(account, slug)
    if not isinstance(pipeline, Pipeline):
        message = "This chain came with the install and cannot be changed. Save a copy under another name."
        raise ApiError(409, "shipped", message)
    return pipeline


@router.get("", response={200: PipelineList, **failures()}, summary="List chains")
def list_pipelines(request: HttpRequest) -> PipelineList:
    """Your own by name, then those that came with the install."""
    account = owner(request)
    items = [PipelineOut.of(pipeline, account.default_pipeline) for pipeline in pipelines.of(account)]
    return PipelineList(items=items, count=len(items))


@router.post("", response={201: PipelineOut, **failures(422)}, summary="Save a chain")
@work
@idempotent(whole=True)
def create_pipeline(request: HttpRequest, response: HttpResponse, body: PipelineIn) -> Status[PipelineOut]:
    """All that is wrong with the steps is told at once, by the names of the steps."""
    account = owner(request)
    pipeline = pipelines.save(account, body.name, raw(body.steps))
    response["Location"] = reverse("api-v1:pipeline", args=[pipeline.slug])
    return Status(201, PipelineOut.of(pipeline, account.default_pipeline))


@router.get("/{slug}", response={200: PipelineOut, **failures(404)}, summary="Get a chain", url_name="pipeline")
def get_pipeline(request: HttpRequest, slug: str) -> PipelineOut:
    """One of your own, or one that came with the install."""
    account = owner(request)
    return PipelineOut.of(found(account, slug), account.default_pipeline)


@router.patch("/{slug}", response={200: PipelineOut, **failures(404, 409, 422)}, summary="Change a chain")
@work
def change_pipeline(request: HttpRequest, slug: str, patch: PipelinePatch) -> PipelineOut:
    """Its slug stays. What runs already goes on as it was. Of one that came with the install only `default` can be
    changed."""
    account = owner(request)
    pipeline = found(account, slug)
    if patch.name is not None or patch.steps is not None:
        steps = None if patch.steps is None else raw(patch.steps)
        pipeline = pipelines.change(own(account, slug), patch.name, steps)
    if patch.default is not None and patch.default != (account.default_pipeline == slug):
        pipelines.set_default(account, slug if patch.default else "")
    return PipelineOut.of(pipeline, account.default_pipeline)


@router.delete("/{slug}", response={200: PipelineOut, **failures(404, 409)}, summary="Delete a chain")
def delete_pipeline(request: HttpRequest, slug: str) -> PipelineOut:
    """What it was run for stays, and what runs goes on."""
    account = owner(request)
    pipeline = own(account, slug)
    gone = PipelineOut.of(pipeline, account.default_pipeline)
    pipelines.delete(pipeline)
    return gone
