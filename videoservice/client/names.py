"""Recordings, jobs, runs and operations by what a person calls them: an id, its unique beginning, or a title."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from videoservice.client.api import Api, Json
from videoservice.client.failures import Misused

WHOLE = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
BEGINNING = re.compile(r"[0-9a-f]{4,8}(?:-[0-9a-f-]{0,27})?", re.IGNORECASE)
LATEST = 2000
"""How many of the newest jobs are looked at for the beginning of an id."""


def short(pk: str) -> str:
    """As much of an id as a person has to type."""
    return pk[:8]


def recording(api: Api, name: str) -> Json:
    """Raises Misused when there is none, or more than one."""
    if WHOLE.fullmatch(name):
        return one_of([there(api, f"videos/{name}")], name, "recording")
    titled = [item for item in api.items("videos", search=name[:200]) if name in (item["title"], item["name"])]
    if titled:
        return one_of(titled, name, "recording")
    return one_of(beginning(api.items("videos"), name), name, "recording")


def job(api: Api, name: str) -> Json:
    """Raises Misused when there is none, or more than one."""
    found = [there(api, f"jobs/{name}")] if WHOLE.fullmatch(name) else beginning(api.items("jobs"), name)
    return one_of(found, name, "job")


def work(api: Api, name: str) -> tuple[str, Json]:
    """A job or a recording, and which of these. Raises Misused when there is none, or more than one."""
    if WHOLE.fullmatch(name):
        for kind, path in (("job", f"jobs/{name}"), ("recording", f"videos/{name}")):
            if found := there(api, path):
                return kind, found
        raise Misused(f"There is no recording or job {name}.", "not_found")
    jobs = beginning(api.items("jobs"), name)
    return ("job", one_of(jobs, name, "job")) if jobs else ("recording", recording(api, name))


def there(api: Api, path: str) -> Json | None:
    response = api.send("GET", path, missing_is_fine=True)
    return response.json() if response.status_code == 200 else None


def beginning(items: Iterable[Json], name: str) -> list[Json | None]:
    """Those whose id begins like this."""
    if not BEGINNING.fullmatch(name):
        return []
    found: list[Json | None] = []
    for number, item in enumerate(items):
        if item["id"].startswith(name.lower()):
            found.append(item)
        if number >= LATEST:
            break
    return found


def one_of(found: list[Any], name: str, kind: str) -> Json:
    there = [item for item in found if item]
    if not there:
        raise Misused(f"There is no {kind} “{name}”.", "not_found")
    if len(there) > 1:
        told = ", ".join(
            f"{short(item['id'])} ({item.get('title') or item.get('operation') or item.get('url')})"
            for item in there[:5]
        )
        more = f" and {len(there) - 5} more" if len(there) > 5 else ""
        raise Misused(f"“{name}” may be {told}{more}. Give more of the id.", "ambiguous")
    only: Json = there[0]
    return only


def in_trash(api: Api, name: str) -> Json:
    """Something that was deleted. Raises Misused when there is none, or more than one."""
    found = list(api.items("trash"))
    titled = [item for item in found if name in (item["id"], item["title"])]
    return one_of(titled or beginning(found, name), name, "thing in the trash called")


def hook(api: Api, name: str) -> Json:
    """A webhook by its id or address. Raises Misused when there is none, or more than one."""
    found = list(api.items("webhooks"))
    named = [item for item in found if name in (item["id"], item["url"])]
    return one_of(named or beginning(found, name), name, "webhook")


def operation(api: Api, slug: str) -> Json:
    """An operation with the schema of its parameters. Raises Misused when the site has none of this name."""
    known = {item["slug"]: item for item in api.get("operations")["items"]}
    if slug not in known:
        near = get_close_matches(slug, known, 1)
        hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."
        raise Misused(f"There is no operation “{slug}”. {hint}", "not_found")
    found: Json = known[slug]
    return found


def chain(api: Api, name: str) -> Json:
    """A saved chain by its slug or name. Raises Misused."""
    known: list[Json] = api.get("pipelines", limit=200)["items"]
    for item in known:
        if name in (item["slug"], item["name"]):
            return item
    hint = f"There are {', '.join(item['slug'] for item in known)}." if known else "There are none."
    raise Misused(f"There is no chain “{name}”. {hint}", "not_found")
