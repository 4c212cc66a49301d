"""The sites that this account of the machine is signed in to, in a file that nobody else may read."""

import dataclasses
import json
import os
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer

from videoservice.client.failures import Misused, SignedOut

APP = "videoservice"
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@dataclasses.dataclass(frozen=True)
class Site:
    """Where an install is, and the token of an account there ("" for none)."""

    url: str
    token: str = ""
    email: str = ""


def folder() -> Path:
    """Where the client keeps what it has to remember."""
    return Path(typer.get_app_dir(APP))


def address(text: str) -> str:
    """The address of a site as it is kept: with its scheme, without a slash or the API's path at the end.

    Raises Misused when it is none.
    """
    text = text.strip()
    if "://" not in text:
        plain = text.partition("/")[0].rsplit(":", 1)[0] in LOOPBACK
        text = f"{'http' if plain else 'https'}://{text}"
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or parts.username:
        raise Misused(f"“{text}” is not the address of a site. Write it like https://videos.example.org.")
    path = parts.path.partition("/api/v1")[0].rstrip("/")
    return f"{parts.scheme}://{parts.netloc.lower()}{path}"


def chosen(url: str | None) -> Site:
    """The site to speak to: the one that is named, else that of VIDEOSERVICE_URL, else the one signed in to last.

    A token in VIDEOSERVICE_TOKEN is only sent to a site that is named beside it. Raises SignedOut when there is none.
    """
    token = os.environ.get("VIDEOSERVICE_TOKEN", "").strip()
    kept = read()
    if url:
        wanted = address(url)
        return Site(wanted, token) if token else kept.get(wanted, Site(wanted))
    if token:
        raise SignedOut("VIDEOSERVICE_TOKEN is set, but not for which site. Set VIDEOSERVICE_URL as well.")
    if not kept:
        raise SignedOut("You are not signed in. Run: videoservice login https://ADDRESS")
    return list(kept.values())[-1]


def read() -> dict[str, Site]:
    """All sites by their addresses, the one signed in to last at the end."""
    try:
        found = json.loads(_file().read_text(encoding="utf-8"))
        return {item["url"]: Site(**item) for item in found["sites"]}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError) as error:
        raise Misused(f"{_file()} cannot be read. Remove it, then sign in again.") from error


def remember(site: Site) -> None:
    """Keep a token; its site is the one that commands speak to from now on."""
    others = {url: known for url, known in read().items() if url != site.url}
    _write([*others.values(), site])


def forget(url: str) -> bool:
    """Whether there was anything to forget."""
    known = read()
    gone = known.pop(url, None)
    _write(list(known.values()))
    return gone is not None


def _file() -> Path:
    return folder() / "sites.json"


def _write(known: list[Site]) -> None:
    write_private(_file(), {"sites": [dataclasses.asdict(site) for site in known]})


def write_private(path: Path, content: Any) -> None:
    """Replace a file of JSON at once, readable for its owner alone."""
    for above in (folder().parent, folder(), path.parent):
        above.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")  # which is of mode 600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
