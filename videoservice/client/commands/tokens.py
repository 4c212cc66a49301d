"""Tokens of the account, for other machines and programs."""

from typing import Annotated

import typer

from videoservice.client import wording
from videoservice.client.session import Session, asked, command

app = typer.Typer()
tokens = typer.Typer(help="List, make and revoke API tokens.", no_args_is_help=True)
app.add_typer(tokens, name="tokens")


@command(tokens, "list")
def list_tokens(session: Session) -> None:
    """List the tokens of the account, without their secrets."""
    found = session.api.listed("tokens", 1000)
    rows = [
        (
            str(item["id"]),
            item["name"],
            ", ".join(item["scopes"]),
            wording.when(item["last_used_at"]) or "never",
            wording.when(item["expires_at"]) or "never",
        )
        for item in found["items"]
    ]
    session.output.table(found, ("ID", "NAME", "SCOPE", "LAST USED", "ENDS"), rows, "There are no tokens.")


@command(tokens, "add")
def add_token(
    session: Session,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[str, typer.Option(help="read, work (also to bring recordings and work on them) or all.")] = "work",
    expires: Annotated[str | None, typer.Option(metavar="TIME", help="Such as 2030-01-31; else it has no end.")] = None,
) -> None:
    """Make a token. Its secret is shown this once."""
    made = session.api.post("tokens", {"name": name, "scopes": [scope], "expires_at": expires})
    session.output.result(made, made["token"])


@command(tokens, "delete")
def delete_token(
    session: Session,
    ids: Annotated[list[str], typer.Argument(metavar="ID...")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Revoke tokens: who uses one is nobody at once."""
    for pk in ids:
        asked(session, f"Revoke the token {pk}?", yes=yes)
        gone = session.api.delete(f"tokens/{pk}")
        session.output.event("revoked", f"Revoked “{gone['name']}”.", token=gone)
