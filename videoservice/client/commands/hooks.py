"""Webhooks: addresses that a site tells what came to pass."""

import time
from collections.abc import Sequence
from typing import Annotated

import typer

from videoservice.client import completion, names, wording
from videoservice.client.api import Json
from videoservice.client.commands.library import shown
from videoservice.client.failures import Failure
from videoservice.client.names import short
from videoservice.client.session import Session, asked, command

app = typer.Typer()
hooks = typer.Typer(help="List, make, test and delete webhooks, and see what they were told.", no_args_is_help=True)
app.add_typer(hooks, name="hooks")
CALL_SECONDS = 30
"""How long the answer to a call is waited for; the site gives the other side 15."""
Names = Annotated[list[str], typer.Argument(metavar="ID...", help="By id or address.", autocompletion=completion.hooks)]
Name = Annotated[str, typer.Argument(metavar="ID", help="By id or address.", autocompletion=completion.hooks)]


@command(hooks, "list")
def list_hooks(session: Session) -> None:
    """List the webhooks."""
    found = session.api.listed("webhooks", 1000)
    rows = [
        (shown(session, item["id"]), item["url"], state(item), ", ".join(item["events"])) for item in found["items"]
    ]
    session.output.table(found, ("ID", "ADDRESS", "STATE", "EVENTS"), rows, "There are no webhooks.")


def state(hook: Json) -> str:
    if not hook["active"]:
        return "paused"
    since = hook["failing_since"]
    return f"failing since {wording.when(since)}" if since else "active"


@command(hooks, "add")
def add_hook(
    session: Session,
    url: Annotated[str, typer.Argument(help="The address that is called.")],
    event: Annotated[
        list[str] | None,
        typer.Option(help="What it is told, such as job.succeeded; may be given several times. Else everything."),
    ] = None,
) -> None:
    """Make a webhook. The secret that its calls are signed with is shown this once."""
    made = session.api.post("webhooks", {"url": url} | ({"events": event} if event else {}))
    session.output.note(f"{url} is called from now on, as {short(made['id'])}. Its calls are signed with:")
    session.output.result(made, made["secret"])


@command(hooks, "test")
def test_hook(session: Session, hook: Name) -> None:
    """Call a webhook with a test, and show what it answers. Exits with 1 when that does not count."""
    found = names.hook(session.api, hook)
    outcome(session, session.api.post(f"webhooks/{found['id']}/test"), found["url"])


@command(hooks, "deliveries")
def list_deliveries(
    session: Session,
    hook: Name,
    failed: Annotated[bool, typer.Option("--failed", help="Only what was given up.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many at most, newest first.")] = 50,
) -> None:
    """List what a webhook was told in the last 30 days, and what it answered."""
    query = {"state": "failed"} if failed else {}
    found = session.api.listed(f"webhooks/{names.hook(session.api, hook)['id']}/deliveries", limit, **query)
    rows = [
        (shown(session, item["id"]), wording.when(item["created_at"]), item["type"], item["state"], answered(item))
        for item in found["items"]
    ]
    empty = "Nothing was given up." if failed else "It was told nothing yet."
    session.output.table(found, ("ID", "TIME", "EVENT", "STATE", "ANSWER"), rows, empty)


@command(hooks, "replay")
def replay(
    session: Session, delivery: Annotated[str, typer.Argument(help="By its id, as `deliveries` lists it.")]
) -> None:
    """Tell a webhook the same again, and show what it answers. Exits with 1 when that does not count."""
    found = names.delivery(session.api, delivery)
    hook = session.api.get(f"webhooks/{found['webhook']}")
    outcome(session, session.api.post(f"deliveries/{found['id']}/replay"), hook["url"], found["tries"])


def outcome(session: Session, delivery: Json, url: str, before: Sequence[Json] = ()) -> None:
    """Wait until a call was made, besides the tries before it, and show what came of it."""
    end = time.monotonic() + CALL_SECONDS
    while delivery["state"] == "pending" and delivery["tries"] == list(before) and time.monotonic() < end:
        time.sleep(0.5)
        delivery = session.api.get(f"deliveries/{delivery['id']}")
    is_called = delivery["tries"] != list(before)
    session.output.result(delivery, f"{url}: {answered(delivery if is_called else delivery | {'tries': []})}")
    if delivery["state"] != "delivered":
        raise typer.Exit(Failure.status)


def answered(delivery: Json) -> str:
    """What came of it, in words."""
    if not delivery["tries"]:
        return f"not called yet ({delivery['state']})."
    last = delivery["tries"][-1]
    if delivery["state"] == "delivered":
        return f"answered {last['status']} after {last['seconds']:.1f} s."
    return last["error"] or f"answered {last['status']}."


@command(hooks, "delete")
def delete_hooks(
    session: Session, which: Names, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
) -> None:
    """Delete webhooks, with all that they were not told yet."""
    for hook in [names.hook(session.api, name) for name in which]:
        asked(session, f"Delete the webhook {hook['url']}?", yes=yes)
        gone = session.api.delete(f"webhooks/{hook['id']}")
        session.output.event("deleted", f"Deleted {hook['url']}.", webhook=gone)
