"""Recordings on their way to a site, and results on their way back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videoservice.client import completion, orders, results, waiting
from videoservice.client.api import Json
from videoservice.client.board import Board
from videoservice.client.commands.folding import Folding, unfolded
from videoservice.client.failures import Misused
from videoservice.client.importing import fetched
from videoservice.client.names import short
from videoservice.client.orders import Started
from videoservice.client.session import Session, command

if TYPE_CHECKING:
    from videoservice.client.sending import Sent

app = typer.Typer()
GO_ON = "Give the same command again to go on."
Wait = Annotated[bool, typer.Option("--wait", help="Wait until the work has ended.")]
Download = Annotated[
    Path | None, typer.Option(metavar="DIR", file_okay=False, help="Wait, then save the results in this folder.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace other files of the same name.")]


Run = Annotated[
    list[str] | None,
    typer.Option(
        metavar="OPERATION [KEY=VALUE]...",
        help="Work to do on each, with its parameters; may be given several times.",
        autocompletion=completion.operations,
    ),
]
Chain = Annotated[str | None, typer.Option(help="A saved chain to run on each.", autocompletion=completion.chains)]


@command(app, "upload", cls=Folding)
def upload(
    session: Session,
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, readable=True, metavar="FILE...")],
    run: Run = None,
    chain: Chain = None,
    wait: Wait = False,
    download: Download = None,
    parallel: Annotated[int, typer.Option(min=1, max=16, help="How many files at the same time.")] = 2,
    again: Annotated[bool, typer.Option("--again", help="Upload also what is there already.")] = False,
    force: Force = False,
) -> None:
    """Upload recordings. What was interrupted goes on when the same command is given again."""
    from videoservice.client.sending import Sending  # only here: tuspy takes half of the time that a command starts in

    session.hint = GO_ON
    wanted = orders.read(session.api, [unfolded(text) for text in run or ()], chain)
    with Board(session.output) as board:
        sending = Sending(session.api, board, wanted, again=again)
        sending.run(files, parallel)
        jobs: list[Json] = []
        if wait or download:
            jobs = waiting.wait(session.api, board, [work for sent in sending.sent for work in due(session, sent)])
        if download:
            results.save(session.api, board, results.of_jobs(jobs), download, force=force)
    for sent in sending.sent:
        sent.memory.forget()
    if sending.refused or any(waiting.unsuccessful(jobs)):
        raise typer.Exit(1)


def due(session: Session, sent: "Sent") -> list[Started]:
    """The work to wait for: what was asked for, else what the site began by itself."""
    return sent.work or begun(session, sent.video, is_new=sent.is_new)


def begun(session: Session, video: Json, *, is_new: bool) -> list[Started]:
    """What the account's own chain does with a recording; of one that was there before, what is under way."""
    return [
        Started("run", run["id"], f"{run['name']} of {video['title']}")
        for run in session.api.items("runs", video=video["id"])
        if is_new or run["status"] not in waiting.ENDED
    ]


@command(app, "import", cls=Folding)
def import_recording(
    session: Session,
    url: Annotated[str, typer.Argument(help="The http(s) address of the file itself.")],
    title: Annotated[str, typer.Option(help="Else made from the file's name.")] = "",
    run: Run = None,
    chain: Chain = None,
    wait: Wait = False,
    download: Download = None,
    again: Annotated[bool, typer.Option("--again", help="Import also what is there already.")] = False,
    force: Force = False,
) -> None:
    """Have the site fetch a recording from an address."""
    session.hint = "The site goes on without us. The work of --run was not asked for yet." if run else "It goes on."
    wanted = orders.read(session.api, [unfolded(text) for text in run or ()], chain)
    stays = bool(wait or download or run)
    body: Json = {"url": url, "title": title, "duplicate": "allow" if again else "refuse"}
    if wanted:
        body["pipeline"] = "" if stays else wanted[-1].to_json()["chain"]
    row = session.api.post("videos", body)
    jobs: list[Json] = []
    with Board(session.output) as board:
        board.event("importing", f"{url}: on its way as {short(row['id'])}", **{"import": row})
        if not stays:
            return
        video, is_new = fetched(session.api, board, row)
        work = [order.start(session.api, {"video": video["id"]}, video["title"]) for order in wanted]
        for started in work:
            facts = {started.kind: started.id, "video": video["id"]}
            board.event("started", f"{started.name}: in line as {short(started.id)}", **facts)
        if wait or download:
            jobs = waiting.wait(session.api, board, work or begun(session, video, is_new=is_new))
        if download:
            results.save(session.api, board, results.of_jobs(jobs), download, force=force)
    if any(waiting.unsuccessful(jobs)):
        raise typer.Exit(1)


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
    files: list[Json] = []
    for name in wanted:
        of_name = results.of_name(session.api, name, original=original)
        if not of_name:
            raise Misused(f"“{name}” has no results. With --original the recording itself is saved.")
        files += of_name
    with Board(session.output) as board:
        results.save(session.api, board, files, folder, force=force)


def parted(what: list[str], to: Path | None) -> tuple[list[str], Path]:
    """What to fetch, and where to: the last word is a folder when it is one, or ends like one."""
    last = Path(what[-1])
    if to is None and len(what) > 1 and (last.is_dir() or what[-1].endswith(("/", "\\"))):
        return what[:-1], last
    return what, to or Path()
