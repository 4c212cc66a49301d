"""The command `videoservice`, put together from its parts."""

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from videoservice.client.commands import hooks, library, signing_in, tokens, transfers, work

EPILOG = (
    "Exit status: 0 done, 1 a job failed or was refused, 2 asked in a wrong way, 3 not signed in, 4 not reachable, "
    "130 Ctrl-C. VIDEOSERVICE_URL and VIDEOSERVICE_TOKEN take the place of a login."
)
app = typer.Typer(
    help="Upload recordings to a video service, have work done on them, and download the results.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def told(wanted: bool) -> None:
    if wanted:
        try:
            typer.echo(f"videoservice {version('videoservice')}")
        except PackageNotFoundError:  # run from a checkout
            typer.echo("videoservice, not installed")
        raise typer.Exit


@app.callback()
def root(
    show_version: Annotated[
        bool, typer.Option("--version", callback=told, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Only the options that come before a command."""


for part in (signing_in, transfers, library, work, hooks, tokens):
    app.add_typer(part.app)
