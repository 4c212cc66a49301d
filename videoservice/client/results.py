"""The files of jobs and recordings, saved into a folder."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

from videoservice.client import downloads, names, wording
from videoservice.client.api import Api, Json
from videoservice.client.board import Board


def save(api: Api, board: Board, sources: Iterable[Json], folder: Path, *, force: bool = False) -> None:
    """Download files one after the other, and tell where each lies. With `force` they replace files that were there
    before, and not each other. Raises Failure."""
    kept: set[downloads.Identity] = set()
    for source in sources:
        with contextlib.closing(board.bar(source["name"], source["size"], in_bytes=True)) as bar:
            path, fetched = downloads.fetch(api, source, folder, bar.show, force=force, kept=kept)
        if there := downloads.identity(path):
            kept.add(there)
        saved = f"saved {path} ({wording.size(source['size'])})" if fetched else f"{path} is here already"
        board.event("downloaded", saved, path=str(path), fetched=fetched, **{"from": source["id"]})


def of_jobs(jobs: Iterable[Json]) -> list[Json]:
    """The results of jobs, without those that are only on the way to a further step."""
    kept = (job for job in jobs if not (job.get("dropped_at") or job.get("on_the_way")))
    return [artifact for job in kept for artifact in job["artifacts"]]


def of_name(api: Api, name: str, *, original: bool) -> list[Json]:
    """The files that a person means: of a job or run its results; of a recording those of all its jobs, or what was
    uploaded.

    Raises Misused when there is nothing of that name.
    """
    if original:
        return [names.recording(api, name)]
    found = names.thing(api, name)
    if found.kind == "job":
        return of_jobs([found.item])
    if found.kind == "run":
        return of_jobs(jobs_of_run(api, found.item))
    return of_jobs(api.items("jobs", video=found.id, status="succeeded"))


def jobs_of_run(api: Api, run: Json) -> list[Json]:
    """The jobs of a chain's run, each with whether its results are only on the way to a further step."""
    return [
        api.get(f"jobs/{step['job']}") | {"on_the_way": bool(step["passing_bytes"]) and not step["keep"]}
        for step in run["steps"]
        if step["job"]
    ]
