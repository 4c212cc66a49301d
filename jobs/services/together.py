"""One word of an owner for several recordings that were chosen: the same work on each, all joined to one, a file of all
of them, all to the trash."""

import dataclasses
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from jobs.errors import InputError
from jobs.models import Account, Artifact, Job, Removal, Video
from jobs.operations import registry
from jobs.operations.base import Operation
from jobs.services import jobs, packing, parameters, pipelines, possible, runs, trash, versions
from jobs.services.allowance import Exhausted
from jobs.services.packing import File
from jobs.services.pipelines import Chain
from jobs.services.trash import Subject
from jobs.zip_stream import Entry

MOST = 500
"""Recordings that may be chosen at once."""
JOIN = "join"


def chosen(owner: Account, pks: Sequence[str | UUID]) -> list[Video]:
    """The recordings of these ids, in their order and each once; those that are not there are left out."""
    wanted = []
    for pk in dict.fromkeys(map(str, pks[:MOST])):
        try:
            wanted.append(UUID(pk))
        except ValueError:
            continue
    found = Video.objects.of(owner).uploaded().in_bulk(wanted)
    return [found[pk] for pk in wanted if pk in found]


@dataclasses.dataclass(frozen=True)
class Offer:
    """An operation, and how many of the chosen recordings allow it."""

    operation: Operation[Any]
    fitting: int


def offers(videos: Sequence[Video]) -> list[Offer]:
    """What can be done with any of these, in the order of the page: work on each by itself, and joining them."""
    infos = [video.info for video in videos if not video.missing_since]
    found = []
    for operation in registry.every():
        if operation.slug == JOIN:
            found += [Offer(operation, len(videos))] if len(videos) > 1 else []
        elif not possible.needs_another(operation):
            found.append(Offer(operation, sum(operation.unfit(info) is None for info in infos)))
    return [offer for offer in found if offer.fitting]


# Work ----------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Outcome:
    """How many were begun, and of those that were refused why."""

    begun: int = 0
    refused: list[tuple[Video, str]] = dataclasses.field(default_factory=list)


def start(videos: Sequence[Video], slug: str, stored: Mapping[str, Any], key: str) -> Outcome:
    """The same work on each, with parameters as JSON. What a recording does not allow is refused for it alone; `key`
    keeps what is asked for twice from being done twice. Raises KeyError for work that there is not."""

    def begin(video: Video, name: str) -> None:
        if jobs.find_idempotent(video.owner, name) is None:
            parameters.refuse_unfit(slug, video.info)
            params = parameters.from_json(slug, stored)
            jobs.create(video.owner, video, slug, params, idempotency_key=name)

    return _each(videos, begin, key)


def start_chain(videos: Sequence[Video], chain: Chain, key: str) -> Outcome:
    """A saved chain on each."""
    steps = pipelines.chain_of(chain)

    def begin(video: Video, name: str) -> None:
        if runs.find_idempotent(video.owner, name) is None:
            runs.start(video.owner, video, steps, chain.name, slug=chain.slug, idempotency_key=name)

    return _each(videos, begin, key)


def join(videos: Sequence[Video], stored: Mapping[str, Any], key: str) -> Outcome:
    """All of them one after the other, in this order, as a job of the first. Raises InputError."""
    first, *others = videos
    if not others:
        raise InputError("One recording alone cannot be joined. Choose another one, too.", code="too_few")
    names = [str(video.pk) for video in others]
    return start([first], JOIN, {**stored, "recordings": names}, key)


def _each(videos: Sequence[Video], begin: Callable[[Video, str], None], key: str) -> Outcome:
    """Once an account has no more room for work, the rest is not even tried."""
    outcome, full = Outcome(), ""
    for video in videos:
        try:
            if full:
                raise InputError(full)
            begin(video, f"{key}-{video.pk}")
            outcome.begun += 1
        except InputError as error:
            full = error.message if isinstance(error, Exhausted) else full
            outcome.refused.append((video, error.message))
    return outcome


# Files ---------------------------------------------------------------------------------------------------------------


def packed(videos: Sequence[Video], *, newest: bool = False) -> list[Entry]:
    """The entries of a ZIP file of these recordings, or of the newest version of each. Raises InputError when nothing
    is there, and OSError while the storage is away."""
    entries = packing.entries(_newest(videos) if newest else list(map(_original, videos)))
    if not entries:
        raise InputError("The files of these recordings are missing from the server.", code="missing_file")
    return entries


def _original(video: Video) -> File:
    ending = video.key.rpartition(".")[2]
    return File(f"{video.title}.{ending}".replace("/", "_"), video)


def _newest(videos: Sequence[Video]) -> list[File]:
    """Of those without versions the recordings themselves."""
    pks = Video.objects.filter(pk__in=[video.pk for video in videos]).annotate(newest=versions.newest_of_each())
    newest = dict(pks.values_list("pk", "newest"))
    results = Artifact.objects.in_bulk([pk for pk in newest.values() if pk])
    found = []
    for video in videos:
        result = results.get(newest.get(video.pk))
        found.append(File(result.name, result) if result else _original(video))
    return found


# The trash -----------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Removed:
    """How many are gone, and why others are not. `together` is what they come back by, None where there is no trash."""

    count: int
    together: UUID | None
    refused: Sequence[str]


def remove(subjects: Sequence[Subject], *, with_followers: bool = False) -> Removed:
    """All to the trash, as far as each lets itself be removed (`trash.remove`). What somebody else was quicker to
    remove is none of it."""
    together, removals, refused = uuid.uuid4(), list[Removal | None](), dict[str, None]()
    for subject in subjects:
        try:
            removals.append(trash.remove(subject, with_followers=with_followers, together=together))
        except InputError as error:
            refused |= {} if error.code == "gone" else {error.message: None}
    return Removed(len(removals), together if any(removals) else None, list(refused))


def restore(owner: Account, together: UUID) -> int:
    """Bring back what was removed together, as far as it is still in the trash. Returns how much."""
    found = 0
    for removal in Removal.objects.of(owner).restorable().filter(together=together):
        try:
            trash.restore(removal)
            found += 1
        except InputError:  # restored meanwhile, or being deleted
            continue
    return found


def stops(videos: Sequence[Video]) -> int:
    """How many jobs under way would end with these recordings of one owner."""
    pks = [video.pk for video in videos]
    on_them = Job.objects.filter(video__in=pks, under_way=1).values_list("pk", flat=True)
    return len({*on_them, *(job.pk for job in jobs.needing(videos[0].owner, "recording", *pks))})
