"""Signing in to sites, and out; the account there."""

import sys
from typing import Annotated

import typer

from videoservice.client import completion, sites, wording
from videoservice.client.failures import Misused
from videoservice.client.session import Session, command
from videoservice.client.sites import Site

app = typer.Typer()
TOKENS = "/account/tokens/"
"""The page of a site where tokens are made."""


@command(app, "login")
def login(
    session: Session,
    url: Annotated[str, typer.Argument(help="The address of the site, such as https://videos.example.org.")],
    token: Annotated[
        str | None, typer.Option(help="Better typed when asked for, or sent to standard input: others see commands.")
    ] = None,
) -> None:
    """Sign in to a site with an API token, which is kept in a file that only you can read."""
    site = Site(sites.address(url))
    secret = (token or typed(session, site)).strip()
    if not secret:
        raise Misused(f"There is no token. Make one at {site.url}{TOKENS}")
    site = Site(site.url, secret)
    email = session.api_of(site).get("me")["email"]
    sites.remember(Site(site.url, secret, email))
    who = f" as {email}" if email else ""
    session.output.result({"url": site.url, "email": email}, f"Signed in to {site.url}{who}.")


def typed(session: Session, site: Site) -> str:
    """The token, from who sits here or from a pipe."""
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    session.output.say(f"Make a token at {site.url}{TOKENS} and paste it here; it is not shown.")
    return str(typer.prompt("Token", hide_input=True, err=True))


@command(app, "logout")
def logout(
    session: Session,
    url: Annotated[
        str | None,
        typer.Argument(help="Which site; else the one signed in to last.", autocompletion=completion.known_sites),
    ] = None,
) -> None:
    """Forget the token of a site. It stays valid until it is revoked there."""
    wanted = sites.address(url) if url else sites.chosen(session.site_url).url
    if not sites.forget(wanted):
        raise Misused(f"You are not signed in to {wanted}.")
    session.output.result({"url": wanted}, f"Signed out of {wanted}. Revoke its token at {wanted}{TOKENS}")


@command(app, "sites")
def known_sites(session: Session) -> None:
    """List the sites that you are signed in to; commands speak to the first."""
    known = list(reversed(sites.read().values()))
    items = [{"url": site.url, "email": site.email} for site in known]
    rows = [(site.url, site.email) for site in known]
    session.output.table({"items": items, "count": len(items)}, ("SITE", "ACCOUNT"), rows, "You are not signed in.")


@command(app, "me")
def me(session: Session) -> None:
    """Show the account, and how much room it takes."""
    found = session.api.get("me")
    rows = [(name.replace("_", " "), figure(name, value)) for name, value in found.items() if plain(value)]
    session.output.table(found, ("", session.site.url), rows, "")


def plain(value: object) -> bool:
    return value is not None and not isinstance(value, (dict, list))


def figure(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return wording.size(value) if name.endswith("bytes") and isinstance(value, (int, float)) else str(value)
