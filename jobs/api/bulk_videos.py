"""Many recordings at once: tagged, run through a chain, downloaded as one file. What fails of one is told of it."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from ninja import Query, Schema, Status
from pydantic import ConfigDict, Field

from jobs.api import pipelines, videos
from jobs.api.auth import owner, work
from jobs.api.bulk import MOST, MULTI, Ids, Result, each, problem
from jobs.api.chain_schemas import RunOut
from jobs.api.documented import FAILURE, failures
from jobs.api.idempotency import idempotent, name_of
from jobs.services import runs, tags, together, versions
from jobs.services.pipelines import chain_of
from jobs.zip_response import zipped

ZIP: dict[str, Any] = {
    "responses": {
        200: {
            "description": "The file. It takes no ranges: single recordings do.",
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        },
        401: {"description": "No valid token and no session.", **FAILURE},
        404: {"description": "There is none of these, or they are not yours.", **FAILURE},
        422: {"description": "The server has lost all of them.", **FAILURE},
    }
}


class TagsIn(Ids):
    """Which recordings are to have, or not to have, which tags."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"ids": ["7d2c1a52-90f6-4c3e-9f2e-0f6a6f1d7c11"], "add": ["Analysis II"]}},
    )

    add: list[str] = Field([], max_length=tags.MOST_EACH, description="Those that are not there yet are made.")
    remove: list[str] = Field([], max_length=tags.MOST)


class Tagged(Result):
    tags: list[str] = Field([], description="All that it has now.")


class TagResults(Schema):
    items: list[Tagged]
    done: int = Field(description="How many of them were not refused.")


class ZipQuery(Schema):
    ids: str = Field(
        max_length=37 * MOST,
        description=f"Up to {MOST} ids of recordings, with commas between them.",
        json_schema_extra={"example": "7d2c1a52-90f6-4c3e-9f2e-0f6a6f1d7c11"},
    )
    newest: bool = Field(False, description="The newest version of each in its place, where there is one.")


class RunResult(Result):
    run: RunOut | None = None


class RunResults(Schema):
    items: list[RunResult]
    done: int = Field(description="How many of them were not refused.")


@videos.router.post("/bulk/tags", response={MULTI: TagResults, **failures(422)}, summary="Tag many recordings")
@work
def tag_videos(request: HttpRequest, body: TagsIn) -> Status[TagResults]:
    """Tags are given to each, and taken from it, of which nothing is changed where that would be too many."""

    def change(pk: UUID) -> list[str]:
        video = versions.owned(owner(request), pk)
        tags.change(video.owner, [video], body.add, body.remove)
        return tags.of_video(video)

    items = [
        Tagged(status=error.status if error else 200, id=pk, tags=names or [], error=problem(error))
        for pk, (names, error) in each(body.ids, change)
    ]
    return Status(MULTI, TagResults(items=items, done=sum(one.error is None for one in items)))


@videos.router.post(
    "/bulk/pipelines/{slug}",
    response={MULTI: RunResults, **failures(404, 422)},
    summary="Run a chain on many recordings",
)
@work
@idempotent(made=lambda results: results.done > 0)
def run_on_many(request: HttpRequest, slug: str, body: Ids) -> Status[RunResults]:
    """A saved chain, which is run on each, or refused, by itself."""
    account, name = owner(request), name_of(request)
    chain = pipelines.found(account, slug)

    def begin(pk: UUID) -> RunOut:
        key = f"{name}-{pk}" if name else None
        before = runs.find_idempotent(account, key) if key else None
        subject = versions.owned(account, pk)
        return RunOut.of(
            before or runs.start(account, subject, chain_of(chain), chain.name, slug=slug, idempotency_key=key)
        )

    items = [
        RunResult(status=error.status if error else 201, id=run.id if run else None, run=run, error=problem(error))
        for _, (run, error) in each(body.ids, begin)
    ]
    return Status(MULTI, RunResults(items=items, done=sum(one.error is None for one in items)))


@videos.router.api_operation(["HEAD"], "/zip", include_in_schema=False)
@videos.router.get("/zip", summary="Download many recordings", openapi_extra=ZIP)
def zip_videos(request: HttpRequest, query: Query[ZipQuery]) -> HttpResponseBase:
    """One ZIP file, made while it is sent, so it may be of any size. What you do not have is left out, and what the
    server has lost is named in a text inside."""
    found = together.chosen(owner(request), query.ids.split(","))
    if not found:
        raise Http404("no recording of this owner")
    return zipped(request, together.packed(found, newest=query.newest), f"{len(found)} recordings.zip")
