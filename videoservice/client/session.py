"""One call of the client, and the frame that all commands share: options, failures, Ctrl-C."""

import functools
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from videoservice.client import sites
from videoservice.client.api import Api
from videoservice.client.failures import INTERRUPTED, Failure, Misused
from videoservice.client.output import Output

AsJson = Annotated[bool, typer.Option("--json", help="For programs: JSON on standard output, and nothing else.")]
SiteUrl = Annotated[
    str | None,
    typer.Option(
        "--site",
        metavar="URL",
        envvar="VIDEOSERVICE_URL",
        show_envvar=False,
        help="Of several sites, which; else VIDEOSERVICE_URL, else the one signed in to last.",
    ),
]
CaFile = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        envvar="VIDEOSERVICE_CA_FILE",
        show_envvar=False,
        help="Certificates to trust, for a site that signs its own.",
    ),
]
SHARED = {"as_json": (AsJson, False), "site_url": (SiteUrl, None), "ca_file": (CaFile, None)}
"""The options that every command has, each with its default."""


class Session:
    """What a command works with. `hint` is what Ctrl-C is answered with: how to go on."""

    def __init__(self, output: Output, site_url: str | None, ca_file: Path | None) -> None:
        self.output, self.site_url = output, site_url
        self.ca_file = str(ca_file) if ca_file else None
        self.hint = ""

    @functools.cached_property
    def site(self) -> sites.Site:
        return sites.chosen(self.site_url)

    @functools.cached_property
    def api(self) -> Api:
        return self.api_of(self.site)

    def api_of(self, site: sites.Site) -> Api:
        return Api(site, ca_file=self.ca_file)


def command(app: typer.Typer, name: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a command of a function whose first argument is a Session; it gets the shared options besides its own."""

    def made(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def run(
            *args: Any, as_json: bool = False, site_url: str | None = None, ca_file: Path | None = None, **own: Any
        ) -> None:
            session = Session(Output(as_json=as_json), site_url, ca_file)
            guarded(session, functools.partial(function, session, *args, **own))

        run.__signature__ = with_shared(inspect.signature(function, eval_str=True))  # type: ignore[attr-defined]
        del run.__wrapped__  # whose signature would be found instead
        app.command(name, **options)(run)
        return function

    return made


def with_shared(signature: inspect.Signature) -> inspect.Signature:
    own = list(signature.parameters.values())[1:]
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in SHARED.items()
    ]
    return signature.replace(parameters=[*own, *shared])


def guarded(session: Session, function: Callable[[], Any]) -> None:
    """Run a command. Whatever goes wrong ends as a sentence and an exit status."""
    try:
        function()
    except Failure as failure:
        ended(session, failure)
    except (KeyboardInterrupt, typer.Abort):  # the latter at a prompt
        session.output.say(f"\nInterrupted. {session.hint}".rstrip())
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        raise  # typer's: who reads us has gone
    except OSError as error:
        ended(session, Failure.of_system(error))
    except typer.Exit:
        raise
    except Exception as error:  # noqa: BLE001 nobody is helped by a traceback, but by what to send us
        if os.environ.get("VIDEOSERVICE_DEBUG"):
            traceback.print_exc()
        sentence = "This is a mistake of the client. VIDEOSERVICE_DEBUG=1 shows where."
        ended(session, Failure(f"{type(error).__name__}: {error}. {sentence}", "internal"))


def ended(session: Session, failure: Failure) -> NoReturn:
    session.output.failure(failure)
    raise typer.Exit(failure.status)


def asked(session: Session, question: str, *, yes: bool) -> None:
    """Ask before something is destroyed. Raises Misused where nobody can be asked, Exit when they say no."""
    if yes:
        return
    if session.output.as_json or not sys.stdin.isatty():
        raise Misused(f"{question} Say so with --yes.")
    if not typer.confirm(question, err=True):
        raise typer.Exit(1)
