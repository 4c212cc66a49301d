"""The other files that work needs besides its recording: found by their ids, among what its owner has."""

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models.functions import Now

from jobs import storage
from jobs.engine.model.mediainfo import MediaInfo
from jobs.errors import InputError
from jobs.models import Account, Artifact, Image, Video
from jobs.operations import registry
from jobs.operations.base import Given, Operation, Params
from jobs.operations.fields import GivenKind, RecordingsField
from jobs.services import naming, sources, versions
from jobs.wording import clock

MOST_OFFERED = 500
"""Recordings in the list of a form; older ones can still be used through the API."""


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What an operation's `inputs` stand for, by name: rows, the files to work on, and the facts about recordings."""

    rows: Mapping[str, Video | Image]

    @contextlib.contextmanager
    def files(self) -> Iterator[dict[str, Path]]:
        """For as long as the block runs. Raises as `sources.file`, and FileNotFoundError."""
        with contextlib.ExitStack() as held:
            yield {
                name: held.enter_context(
                    sources.file(row) if isinstance(row, Video) else storage.fetch(row.key, row.sha256)
                )
                for name, row in self.rows.items()
            }

    @property
    def infos(self) -> dict[str, MediaInfo]:
        return {name: row.info for name, row in self.rows.items() if isinstance(row, Video)}

    @property
    def names(self) -> dict[str, str]:
        return {name: row.name for name, row in self.rows.items() if isinstance(row, Video)}


def absent(owner: Account, slug: str, params: Params) -> dict[str, str]:
    """Sentences, by parameter, about what the parameters name and the owner does not have (any more). No file is looked
    into."""
    operation = registry.get(slug)
    found: dict[str, str] = {}
    for name, given in operation.inputs(params).items():
        if _there(owner, given) is None:
            field, place = parameter_of(operation, name)
            words = missing(given.kind)
            found.setdefault(field, words if place is None else f"Number {place + 1}: {words}")
    return found


def parameter_of(operation: Operation[Any], name: str) -> tuple[str, int | None]:
    """The parameter that names an input, and at which place where it names several."""
    field, _, place = name.rpartition("-")
    is_one_of_several = isinstance(operation.form_class.base_fields.get(field), RecordingsField)
    return (field, int(place)) if is_one_of_several else (name, None)


def missing(kind: GivenKind) -> str:
    return f"This {kind} is not there. " + ("Choose another one." if kind == "recording" else "Upload it again.")


def _there(owner: Account, given: Given) -> Video | Image | Artifact | None:
    """As `_row`, but of a result that nobody has looked at yet only what is known of it: to look may take minutes, and
    a page does not wait for that. While the storage is away, what the rows say: the work looks again."""
    found = _known(owner, given)
    try:
        return found if found and storage.exists(found.key) else None
    except OSError:
        return found


def _known(owner: Account, given: Given) -> Video | Image | Artifact | None:
    """As `_there`, by its row alone."""
    try:
        return _image(owner, given.id) if given.kind == "image" else versions.known(owner, given.id)
    except (ValidationError, ValueError):  # no id
        return None


def _row(owner: Account, given: Given) -> Video | Image | None:
    """Raises InputError and ResourceError as `versions.find`."""
    found = _image(owner, given.id) if given.kind == "image" else versions.find(owner, given.id)
    return found if found and storage.exists(found.key) else None


def _image(owner: Account, pk: str) -> Image | None:
    return Image.objects.of(owner).filter(pk=pk).first()


def find(owner: Account, video: Video, slug: str, params: Params) -> Inputs:
    """What the parameters name, checked against the recording that is worked on.

    Raises InputError, with code `missing_input` for what is not there. What belongs to others is not there.
    """
    operation = registry.get(slug)
    rows: dict[str, Video | Image] = {}
    for name, given in operation.inputs(params).items():
        row = _row(owner, given)
        if row is None:
            raise _missing(operation, name, given)
        rows[name] = row
    _refuse_itself(operation, video, rows.values())
    found = Inputs(rows)
    operation.check_inputs(video.info, params, found.infos)
    return found


def infos(owner: Account, slug: str, params: Params) -> list[MediaInfo]:
    """The facts about the recordings that the parameters name, as often as they do; what is gone, or is a result that
    nobody has looked at yet, is left out. No file is asked for: it is called in transactions."""
    rows = (_known(owner, given) for given in registry.get(slug).inputs(params).values() if given.kind == "recording")
    return [row.info for row in rows if isinstance(row, Video)]


def look(owner: Account, video: Video, slug: str, params: Params) -> None:
    """Raise InputError as `find` does, as far as that is known without looking into a file."""
    operation = registry.get(slug)
    rows: dict[str, Video | Image] = {}
    is_known = True
    for name, given in operation.inputs(params).items():
        row = _there(owner, given)
        if row is None:
            raise _missing(operation, name, given)
        if isinstance(row, Artifact):
            is_known = False
        else:
            rows[name] = row
    _refuse_itself(operation, video, rows.values())
    if is_known:
        operation.check_inputs(video.info, params, Inputs(rows).infos)


def _missing(operation: Operation[Any], name: str, given: Given) -> InputError:
    parameter, place = parameter_of(operation, name)
    field = operation.form_class.base_fields.get(parameter)
    label = f"{(field and field.label) or parameter}{'' if place is None else f', number {place + 1}'}"
    return InputError(f"{label}: {missing(given.kind)}", code="missing_input")


def _refuse_itself(operation: Operation[Any], video: Video, others: Iterable[Video | Image]) -> None:
    if not operation.takes_itself and video.pk in {row.pk for row in others}:
        raise InputError("A recording cannot be used on itself. Choose another one.", code="same_recording")


def mark_used(given: Iterable[Given]) -> None:
    """Keep the images among them from being cleared away."""
    used = [one.id for one in given if one.kind == "image"]
    if used:
        Image.objects.filter(pk__in=used).update(used_at=Now())


def offered(owner: Account, besides: Video | None = None) -> list[tuple[str, str]]:
    """The owner's recordings, then results that are recordings, as pairs of id and words; of both the newest first."""
    videos = Video.objects.of(owner).uploaded().order_by("-created_at", "-pk")
    results = versions.every().filter(job__owner=owner).order_by("-created_at", "-pk")
    rows = videos.values_list("pk", "title", "duration_seconds")[:MOST_OFFERED]
    found = [(pk, f"{title} ({clock(seconds)})") for pk, title, seconds in rows]
    found += [(pk, f"{name} (result)") for pk, name in results.values_list("pk", "name")[: MOST_OFFERED - len(found)]]
    return [(str(pk), words) for pk, words in found if besides is None or pk != besides.pk]


def has_others(owner: Account, besides: Video) -> bool:
    """Whether the owner has another recording, or a result that is one."""
    results = versions.every().filter(job__owner=owner)
    return Video.objects.of(owner).uploaded().exclude(pk=besides.pk).exists() or results.exclude(pk=besides.pk).exists()


def names(owner: Account, slug: str, params: Params) -> dict[str, str]:
    """What the files that parameters name are called, by parameter; what is gone is left out."""
    operation = registry.get(slug)
    called: dict[str, list[str]] = {}
    for name, given in operation.inputs(params).items():
        if row := _there(owner, given):
            words = naming.title(row.name) if isinstance(row, Artifact) else str(row)
            called.setdefault(parameter_of(operation, name)[0], []).append(words)
    return {name: ", ".join(words) for name, words in called.items()}
