"""Recordings, jobs, runs and operations by what a person calls them: an id, its unique beginning, or a title."""

import dataclasses
import itertools
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from uuid import UUID

from videoservice.client.api import Api, Json
from videoservice.client.failures import Misused
from videoservice.client.wording import listed

WHOLE = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
BEGINNING = re.compile(r"[0-9a-f]{4,8}(?:-[0-9a-f-]{0,27})?", re.IGNORECASE)
LATEST = 2000
"""How many of the newest of a list are looked at for the beginning of an id."""
PLACES = {"job": "jobs", "run": "runs", "recording": "videos"}
"""Where the API has what a person may name, by its kind."""
WORK = ("job", "run")


@dataclasses.dataclass(frozen=True)
class Thing:
    """A job, a chain's run or a recording, as the API shows it."""

    kind: str
    item: Json

    @property
    def id(self) -> str:
        return str(self.item["id"])

    @property
    def path(self) -> str:
        return f"{PLACES[self.kind]}/{self.id}"

    @property
    def title(self) -> str:
        """What a person calls it."""
        return called(self.item) if self.kind == "recording" else f"{called(self.item)} {short(self.id)}"


def called(item: Json) -> str:
    return str(next(item[name] for name in ("title", "operation", "name", "url", "type") if item.get(name)))


def short(pk: str) -> str:
    """As much of an id as a person has to type."""
    return pk[:8]


def recording(api: Api, name: str) -> Json:
    """Raises Misused when there is none, or more than one."""
    return thing(api, name, ("recording",)).item


def thing(api: Api, name: str, kinds: Sequence[str] = tuple(PLACES)) -> Thing:
    """What is called so, of these kinds. Raises Misused when there is none, or more than one."""
    found = [Thing(kind, item) for kind in kinds for item in candidates(api, name, kind)]
    if not found:
        raise Misused(f"There is no {listed(list(kinds))} “{name}”.", "not_found")
    refuse_several(name, [one.item for one in found])
    return found[0]


def candidates(api: Api, name: str, kind: str) -> list[Json]:
    """All of a kind that may be meant."""
    place = PLACES[kind]
    if WHOLE.fullmatch(name):
        response = api.send("GET", f"{place}/{UUID(name)}", missing_is_fine=True)
        return [response.json()] if response.status_code == 200 else []
    if kind == "recording":
        titled = [item for item in api.items(place, search=name[:200]) if name in (item["title"], item["name"])]
        if titled:
            return titled
    return beginning(api.items(place), name)


def beginning(items: Iterable[Json], name: str) -> list[Json]:
    """Those whose id begins like this."""
    if not BEGINNING.fullmatch(name):
        return []
    return [item for item in itertools.islice(items, LATEST) if item["id"].startswith(name.lower())]


def one_of(found: Sequence[Json], name: str, kind: str) -> Json:
    if not found:
        raise Misused(f"There is no {kind} “{name}”.", "not_found")
    refuse_several(name, found)
    return found[0]


def refuse_several(name: str, found: Sequence[Json]) -> None:
    if len(found) == 1:
        return
    told = ", ".join(f"{short(item['id'])} ({called(item)})" for item in found[:5])
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    raise Misused(f"“{name}” may be {told}{more}. Give more of the id.", "ambiguous")


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


def delivery(api: Api, name: str) -> Json:
    """What a webhook was told. Raises Misused when there is none, or more than one."""
    if WHOLE.fullmatch(name):
        return api.get(f"deliveries/{UUID(name)}")
    hooks = api.items("webhooks") if BEGINNING.fullmatch(name) else ()
    found = [item for hook in hooks for item in beginning(api.items(f"webhooks/{hook['id']}/deliveries"), name)]
    return one_of(found, name, "delivery")


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
