"""What a shell offers to complete. Quick or nothing: one request, and silence when it fails."""

import contextlib
import os
from collections.abc import Iterator

from videoservice.client import sites
from videoservice.client.api import IMPATIENCE, Api, Json
from videoservice.client.failures import Failure

SECONDS = 1.5
Offer = Iterator[tuple[str, str]]


def asked(path: str, **query: object) -> list[Json]:
    with contextlib.suppress(Failure, OSError):
        site = sites.chosen(os.environ.get("VIDEOSERVICE_URL"))
        ca_file = os.environ.get("VIDEOSERVICE_CA_FILE")
        api = Api(site, ca_file=ca_file, patience=IMPATIENCE, timeout=(SECONDS, SECONDS))
        found: list[Json] = api.get(path, **query)["items"]
        return found
    return []


def beginning(start: str, offers: Iterator[tuple[str, str]]) -> Offer:
    return ((word, said) for word, said in offers if word.startswith(start))


def operations(incomplete: str) -> Offer:
    yield from beginning(incomplete, ((item["slug"], item["title"]) for item in asked("operations")))


def chains(incomplete: str) -> Offer:
    yield from beginning(incomplete, ((item["slug"], item["name"]) for item in asked("pipelines", limit=200)))


def recordings(incomplete: str) -> Offer:
    yield from beginning(incomplete, ((item["id"], item["title"]) for item in asked("videos", limit=50)))


def jobs(incomplete: str) -> Offer:
    found = asked("jobs", limit=50)
    yield from beginning(incomplete, ((item["id"], f"{item['operation']}, {item['status']}") for item in found))


def hooks(incomplete: str) -> Offer:
    yield from beginning(incomplete, ((item["id"], item["url"]) for item in asked("webhooks", limit=50)))


def statuses(incomplete: str) -> Offer:
    words = ("waiting", "queued", "running", "succeeded", "failed", "cancelled")
    yield from beginning(incomplete, ((word, "") for word in words))


def known_sites(incomplete: str) -> Offer:
    with contextlib.suppress(Failure, OSError):
        yield from beginning(incomplete, ((site.url, site.email) for site in sites.read().values()))
