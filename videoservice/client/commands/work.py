"""Work: started, listed, watched, stopped, tried again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from videoservice.client import completion, names, orders, results, waiting, watch
from videoservice.client.api import PAGE
from videoservice.client.board import Board
from videoservice.client.commands.library import shown
from videoservice.client.commands.transfers import Download, Force, Wait
from videoservice.client.failures import Misused
from videoservice.client.names import Thing, short
from videoservice.client.orders import Started
from videoservice.client.session import Session, command

app = typer.Typer()
STAYS = "The work goes on without us: videoservice watch shows it."
Jobs = Annotated[list[str], typer.Argument(metavar="ID...", autocompletion=completion.jobs)]


@command(app, "run")
def run(
    session: Session,
    what: Annotated[
        str,
        typer.Argument(
            metavar="RECORDING",
            help="By id or title; or a job, to work on its result.",
            autocompletion=completion.recordings,
        ),
    ],
    operation: Annotated[str | None, typer.Argument(metavar="OPERATION", autocompletion=completion.operations)] = None,
    pairs: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE...", help="Its parameters.")] = None,
    chain: Annotated[
        str | None, typer.Option(help="A saved chain, in place of an operation.", autocompletion=completion.chains)
    ] = None,
    wait: Wait = False,
    download: Download = None,
    force: Force = False,
) -> None:
    """Put work on a recording in line."""
    if (operation is None) == (chain is None):
        raise Misused("Name an operation, or a chain with --chain. `videoservice operations` lists the first.")
    wanted = orders.read(session.api, [(operation, pairs or [])] if operation else [], chain)[0]
    on = names.thing(session.api, what, ("recording",) if chain else ("recording", "job"))
    subject = {"video": on.id} if on.kind == "recording" else {"source": {"job": on.id}}
    attend(session, [wanted.start(session.api, subject, on.title)], wait, download, force=force)


def attend(
    session: Session, started: Sequence[Started], wait: bool, folder: Path | None, *, force: bool = False
) -> None:
    """Tell what is in line, and stay with it if that is asked for. Exits with 1 when a job of it fails."""
    session.hint = STAYS
    with Board(session.output) as board:
        for work in started:
            said = f"{work.name}: in line as {short(work.id)}"
            board.event("started", said, **{work.kind: work.id})
        if not (wait or folder):
            return
        jobs = waiting.wait(session.api, board, started)
        if folder:
            results.save(session.api, board, results.of_jobs(jobs), folder, force=force)
    if any(waiting.unsuccessful(jobs)):
        raise typer.Exit(1)


@command(app, "wait")
def wait_for(session: Session, jobs: Jobs, download: Download = None, force: Force = False) -> None:
    """Wait for jobs, or chains at work, to end."""
    attend(session, [started(work) for work in found(session, jobs)], True, download, force=force)


def started(work: Thing) -> Started:
    return Started(work.kind, work.id, work.title)


def found(session: Session, jobs: Sequence[str]) -> list[Thing]:
    """All are looked for before anything is done to one."""
    return [names.thing(session.api, name, names.WORK) for name in jobs]


@command(app, "jobs")
def list_jobs(
    session: Session,
    status: Annotated[str | None, typer.Option(autocompletion=completion.statuses)] = None,
    of: Annotated[
        str | None, typer.Option(metavar="RECORDING", help="By id or title.", autocompletion=completion.recordings)
    ] = None,
    operation: Annotated[str | None, typer.Option(autocompletion=completion.operations)] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most, newest first.")] = 50,
    cancel: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Cancel this one.", autocompletion=completion.jobs)
    ] = None,
) -> None:
    """List jobs."""
    if cancel:
        cancel_jobs(session, cancel)
        return
    video = names.recording(session.api, of)["id"] if of else None
    listed = session.api.listed("jobs", limit, status=status, video=video, operation=operation)
    titles = titles_of(session)
    rows = [watch.row(item, shown(session, item["id"]), titles.get(item["video"], "")) for item in listed["items"]]
    session.output.table(listed, watch.COLUMNS, rows, "There are no jobs.")


def titles_of(session: Session) -> dict[str, str]:
    """What the newest recordings are called, for who sits at a terminal; others get ids, by which they go on."""
    if not session.output.out.is_terminal:
        return {}
    return {item["id"]: item["title"] for item in session.api.listed("videos", PAGE)["items"]}


@command(app, "cancel")
def cancel_jobs(session: Session, jobs: Jobs) -> None:
    """Stop jobs, or chains at work."""
    for work in found(session, jobs):
        gone = session.api.post(f"{work.path}/cancel")
        session.output.event("cancelled", f"Cancelled {work.title}.", **{work.kind: gone})


@command(app, "retry")
def retry(session: Session, jobs: Jobs, wait: Wait = False, download: Download = None, force: Force = False) -> None:
    """Try jobs again that did not succeed, or go on with chains from the steps that did not."""
    again = [Thing(work.kind, session.api.post(f"{work.path}/retry")) for work in found(session, jobs)]
    attend(session, [started(work) for work in again], wait, download, force=force)


@command(app, "watch")
def watch_all(session: Session) -> None:
    """Show what is under way until all of it has ended, or until Ctrl-C."""
    session.hint = STAYS
    if watch.Watch(session.api, session.output).run():
        raise typer.Exit(1)


@command(app, "operations")
def operations(
    session: Session,
    slug: Annotated[
        str | None, typer.Argument(help="Show the parameters of this one.", autocompletion=completion.operations)
    ] = None,
) -> None:
    """List what can be done with recordings, or the parameters of one operation."""
    if slug is None:
        listed = session.api.get("operations")
        rows = [(item["slug"], item["summary"]) for item in listed["items"]]
        session.output.table(listed, ("OPERATION", "WHAT IT DOES"), rows, "")
        return
    one = names.operation(session.api, slug)
    properties = one["parameters"]["properties"]
    described = [(name, default(schema), schema.get("description", "")) for name, schema in properties.items()]
    session.output.table(one, ("PARAMETER", "DEFAULT", "WHAT IT DOES"), described, "It has no parameters.")


def default(schema: dict[str, Any]) -> str:
    value = schema.get("default")
    return "" if value in (None, "", []) else ("yes" if value else "no") if isinstance(value, bool) else str(value)


@command(app, "chains")
def chains(session: Session) -> None:
    """List the saved chains."""
    listed = session.api.listed("pipelines", 1000)
    rows = [
        (item["slug"], item["name"], " → ".join(step["name"] for step in item["steps"])) for item in listed["items"]
    ]
    session.output.table(listed, ("CHAIN", "NAME", "STEPS"), rows, "There are no chains.")
