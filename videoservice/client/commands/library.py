"""Recordings: up, down, listed, deleted."""

from pathlib import Path
from typing import Annotated

import typer

from videoservice.client import completion, names, orders, results, waiting, wording
from videoservice.client.board import Board
from videoservice.client.commands.folding import Folding, unfolded
from videoservice.client.failures import Misused
from videoservice.client.names import short
from videoservice.client.orders import Started
from videoservice.client.sending import Sending, Sent
from videoservice.client.session import Session, asked, command

app = typer.Typer()
GO_ON = "Give the same command again to go on."
Wait = Annotated[bool, typer.Option("--wait", help="Wait until the work has ended.")]
Download = Annotated[
    Path | None, typer.Option(metavar="DIR", file_okay=False, help="Wait, then save the results in this folder.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace other files of the same name.")]


@command(app, "upload", cls=Folding)
def upload(
    session: Session,
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, readable=True, metavar="FILE...")],
    run: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OPERATION [KEY=VALUE]...",
            help="Work to do on each, with its parameters; may be given several times.",
            autocompletion=completion.operations,
        ),
    ] = None,
    chain: Annotated[
        str | None, typer.Option(help="A saved chain to run on each.", autocompletion=completion.chains)
    ] = None,
    wait: Wait = False,
    download: Download = None,
    parallel: Annotated[int, typer.Option(min=1, max=16, help="How many files at the same time.")] = 2,
    again: Annotated[bool, typer.Option("--again", help="Upload also what is there already.")] = False,
    force: Force = False,
) -> None:
    """Upload recordings. What was interrupted goes on when the same command is given again."""
    session.hint = GO_ON
    wanted = orders.read(session.api, [unfolded(text) for text in run or ()], chain)
    with Board(session.output) as board:
        sending = Sending(session.api, board, wanted, again=again)
        sending.run(files, parallel)
        jobs = []
        if wait or download:
            jobs = waiting.wait(session.api, board, [work for sent in sending.sent for work in due(session, sent)])
        if download:
            results.save(session.api, board, results.of_jobs(jobs), download, force=force)
    for sent in sending.sent:
        sent.memory.forget()
    if sending.refused or any(waiting.unsuccessful(jobs)):
        raise typer.Exit(max([1, *(1 for _ in sending.refused)]))


def due(session: Session, sent: Sent) -> list[Started]:
    """The work to wait for: what was asked for, else what the site began by itself (the account's own chain)."""
    if sent.work:
        return sent.work
    runs = [run for run in session.api.items("runs", video=sent.video["id"]) if run["status"] not in waiting.ENDED]
    return [Started("run", run["id"], f"{run['name']} of {sent.video['title']}") for run in runs]


@command(app, "list")
def list_recordings(
    session: Session,
    search: Annotated[str, typer.Option(help="Words of the title or the file's name.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many at most, newest first.")] = 50,
) -> None:
    """List the recordings."""
    found = session.api.listed("videos", limit, search=search)
    rows = [
        (
            shown(session, item["id"]),
            item["title"],
            wording.length(item["duration_seconds"]),
            wording.size(item["size"]),
            wording.when(item["created_at"]),
        )
        for item in found["items"]
    ]
    session.output.table(found, ("ID", "TITLE", "LENGTH", "SIZE", "CAME"), rows, "There are no recordings.")


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
    titles = titled(session, found["items"])
    rows = [
        (shown(session, item["video"]), titles[item["video"]], wording.length(item["start"]), item["text"])
        for item in found["items"]
    ]
    session.output.table(found, ("ID", "TITLE", "AT", "SAID"), rows, "Nobody says that.")


def titled(session: Session, items: list[dict[str, str]]) -> dict[str, str]:
    """The titles of recordings that are found by what is said in them; only people need these."""
    wanted = [] if session.output.as_json else dict.fromkeys(item["video"] for item in items)
    return {pk: (names.there(session.api, f"videos/{pk}") or {}).get("title", "") for pk in wanted}


@command(app, "download")
def download(
    session: Session,
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="ID... [DIR]", help="Jobs, or recordings by id or title.", autocompletion=completion.recordings
        ),
    ],
    to: Annotated[Path | None, typer.Option(metavar="DIR", file_okay=False)] = None,
    original: Annotated[bool, typer.Option("--original", help="The recordings themselves, as uploaded.")] = False,
    force: Force = False,
) -> None:
    """Save results. What is there in part goes on, and no other file is written over."""
    session.hint = GO_ON
    wanted, folder = parted(what, to)
    with Board(session.output) as board:
        for name in wanted:
            files = results.of_name(session.api, name, original=original)
            if not files:
                raise Misused(f"“{name}” has no results. With --original the recording itself is saved.")
            results.save(session.api, board, files, folder, force=force)


def parted(what: list[str], to: Path | None) -> tuple[list[str], Path]:
    """What to fetch, and where to: the last word is a folder when it is one, or ends like one."""
    last = Path(what[-1])
    if to is None and len(what) > 1 and (last.is_dir() or what[-1].endswith(("/", "\\"))):
        return what[:-1], last
    return what, to or Path()


@command(app, "delete")
def delete(
    session: Session,
    what: Annotated[
        list[str], typer.Argument(metavar="ID...", help="By id or title.", autocompletion=completion.recordings)
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete recordings with all their results, or jobs with theirs."""
    found = [names.work(session.api, name) for name in what]
    for kind, item in found:
        named = f"“{item['title']}”" if kind == "recording" else f"{item['operation']} {short(item['id'])}"
        asked(session, f"Delete {named} with its results?", yes=yes)
        gone = session.api.delete(f"{'videos' if kind == 'recording' else 'jobs'}/{item['id']}")
        session.output.event("deleted", f"Deleted {named}.", **{**gone, "id": item["id"]})
