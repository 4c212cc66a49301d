"""Recordings: listed, searched, deleted and brought back."""

from typing import Annotated

import typer

from videoservice.client import completion, names, wording
from videoservice.client.api import Json
from videoservice.client.failures import Failure, Misused
from videoservice.client.names import short
from videoservice.client.session import Session, asked, command

app = typer.Typer()


@command(app, "list")
def list_recordings(
    session: Session,
    search: Annotated[str, typer.Option(help="Words of the title, the file's name or a tag.")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="Only those that have it; again for further ones.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most, newest first.")] = 50,
) -> None:
    """List the recordings."""
    found = session.api.listed("videos", limit, search=search, tag=",".join(tag or []))
    rows = [
        (
            shown(session, item["id"]),
            item["title"],
            wording.length(item["duration_seconds"]),
            wording.size(item["size"]),
            wording.when(item["created_at"]),
            ", ".join(item.get("tags", [])),  # older sites have none
        )
        for item in found["items"]
    ]
    session.output.table(found, ("ID", "TITLE", "LENGTH", "SIZE", "CAME", "TAGS"), rows, "There are no recordings.")


def shown(session: Session, pk: str) -> str:
    """An id for whoever reads: as much as a person needs, all of it for a program."""
    return short(pk) if session.output.out.is_terminal else pk


@command(app, "search")
def search(
    session: Session,
    words: Annotated[list[str], typer.Argument(help="What was said.", metavar="WORDS...")],
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
) -> None:
    """Find where something was said, in all recordings that have a transcript."""
    found = session.api.get("search", q=" ".join(words), limit=limit)
    rows = [
        (shown(session, item["video"]), item["title"], wording.length(item["start"]), item["text"])
        for item in found["items"]
    ]
    session.output.table(found, ("ID", "TITLE", "AT", "SAID"), rows, "Nobody says that.")


@command(app, "tag")
def tag(
    session: Session,
    what: Annotated[
        list[str], typer.Argument(metavar="ID...", help="By id or title.", autocompletion=completion.recordings)
    ],
    add: Annotated[list[str] | None, typer.Option(help="A tag to give to all; again for further ones.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="A tag to take from all.")] = None,
) -> None:
    """Give recordings tags, and take tags from them."""
    if not add and not remove:
        raise Misused("Say which tags: --add NAME, --remove NAME.")
    found = {item["id"]: item for item in (names.recording(session.api, name) for name in what)}
    body = {"ids": list(found), "add": add or [], "remove": remove or []}
    for one in session.api.post("videos/bulk/tags", body)["items"]:
        if one["error"]:
            raise Failure(f"“{found[one['id']]['title']}”: {one['error']['message']}")
        told = ", ".join(one["tags"]) or "no tags"
        session.output.event("tagged", f"“{found[one['id']]['title']}”: {told}", id=one["id"], tags=one["tags"])


@command(app, "delete")
def delete(
    session: Session,
    what: Annotated[
        list[str], typer.Argument(metavar="ID...", help="By id or title.", autocompletion=completion.recordings)
    ],
    permanently: Annotated[bool, typer.Option("--permanently", help="For good, past the trash.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Move recordings with all their results, or jobs and runs with theirs, to the trash."""
    for found in [names.thing(session.api, name) for name in what]:
        asked(session, f"Delete “{found.title}” with its results{' for good' if permanently else ''}?", yes=yes)
        gone = session.api.delete(f"{found.path}?permanently=1" if permanently else found.path)
        session.output.event("deleted", deleted(found, gone), **gone)


def deleted(found: names.Thing, gone: Json) -> str:
    if until := gone.get("trashed_until"):
        back = f"To have it back: videoservice restore {short(found.id)}"
        return f"“{found.title}” is in the trash until {wording.when(until)}. {back}"
    return f"Deleted “{found.title}”."


@command(app, "trash")
def trash(session: Session, limit: Annotated[int, typer.Option(min=1)] = 50) -> None:
    """List what was deleted and can be brought back."""
    found = session.api.listed("trash", limit)
    rows = [
        (
            shown(session, item["id"]),
            item["kind"],
            item["title"],
            wording.size(item["bytes"]),
            wording.when(item["trashed_until"]),
        )
        for item in found["items"]
    ]
    session.output.table(found, ("ID", "WHAT", "TITLE", "SIZE", "GOES"), rows, "The trash is empty.")


PLACES = {"recording": "videos", "result": "videos", "chain": "runs", "job": "jobs"}
"""Where the API has what lies in the trash, by its kind."""


@command(app, "restore")
def restore(
    session: Session, what: Annotated[list[str], typer.Argument(metavar="ID...", help="By id or title.")]
) -> None:
    """Bring things back from the trash, with all that went along."""
    for name in what:
        item = names.in_trash(session.api, name)
        back = session.api.post(f"{PLACES[item['kind']]}/{item['id']}/restore")
        session.output.event("restored", f"“{item['title']}” is back.", what=item["kind"], restored=back)
