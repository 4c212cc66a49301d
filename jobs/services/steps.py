"""The steps of a chain: read from JSON, checked, put in an order in which each comes after its input."""

import contextlib
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError

from jobs.engine.model.mediainfo import MediaInfo
from jobs.errors import InputError
from jobs.models import Account
from jobs.operations import registry
from jobs.operations.base import Operation, Params, Tracks
from jobs.services import inputs, makes
from jobs.services.parameters import as_json, from_json, parse

MOST_STEPS = 30
LONGEST_NAME = 60


@dataclasses.dataclass(frozen=True)
class Step:
    """One piece of work in a chain: an operation on the recording (`input` None) or on the result of another step.

    `params` is what the operation's frozen parameters are stored as; `keep` is whether its result stays also where it
    is only on the way to another one (see `passed_on`). `place`, from 0, is where it stood in raw input, by which it is
    named to whoever gave that; None for a step that was stored.
    """

    name: str
    operation: str
    params: Mapping[str, Any]
    input: str | None = None
    keep: bool = False
    place: int | None = dataclasses.field(default=None, compare=False)

    @property
    def kind(self) -> Operation[Any]:
        """Raises InputError for one that this install does not know (any more)."""
        try:
            return registry.get(self.operation)
        except KeyError as error:
            raise InputError(
                f"“{self.name}”: this kind of work is not offered any more. Choose another.", code="unknown_operation"
            ) from error

    @property
    def parsed(self) -> Params:
        return from_json(self.kind.slug, self.params)

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in dataclasses.asdict(self).items() if name != "place"}


class StepError(InputError):
    """What is wrong with a chain, by step: `problems` are pairs of a field, as `steps.2.params.width`, and a sentence
    that names the step."""

    code = "invalid"

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__(" ".join(sentence for _, sentence in problems))
        self.problems = problems


def stored(data: Iterable[Mapping[str, Any]]) -> list[Step]:
    """Steps that were checked before, from a row."""
    return [Step(**step) for step in data]


def read(data: Sequence[Mapping[str, Any]], owner: Account | None = None) -> list[Step]:
    """Steps from raw input, checked: as given, but each after its input.

    Parameters are raw as for `parameters.parse`; other files that they name are looked for when there is an owner.
    Raises StepError about everything that is wrong.
    """
    if not data:
        raise StepError([("steps", "A chain needs one step at least. Add one.")])
    if len(data) > MOST_STEPS:
        raise StepError([("steps", f"A chain has {MOST_STEPS} steps at most. Leave some out.")])
    problems: list[tuple[str, str]] = []
    found: list[Step] = []
    taken: set[str] = set()
    for number, raw in enumerate(data):
        try:
            step = _read_one(raw, number, owner, taken)
        except StepError as error:
            problems += error.problems
            continue
        taken.add(step.name)
        found.append(step)
    if problems:
        raise StepError(problems)
    order = ordered(found)
    _check_tracks(order)
    return order


def places(steps: Iterable[Step]) -> dict[str, int]:
    """Where each stood as it was given, by name: problems are told by that, whatever the order of work."""
    return {step.name: number if step.place is None else step.place for number, step in enumerate(steps)}


def _read_one(raw: Mapping[str, Any], number: int, owner: Account | None, taken: set[str]) -> Step:
    """Its input is not looked at yet."""
    where = f"steps.{number}"
    slug = str(raw.get("operation") or "")
    try:
        operation = registry.get(slug)
    except KeyError as error:
        offered = ", ".join(one.slug for one in registry.every())
        raise StepError(
            [(f"{where}.operation", f"Step {number + 1}: there is no operation “{slug}”. Choose one of {offered}.")]
        ) from error
    name = tidy_name(str(raw.get("name") or "")) or free_name(operation.title, taken)
    if name in taken:
        raise StepError([(f"{where}.name", f"Two steps are called “{name}”. Give one of them another name.")])
    params = _params(raw, slug, name, where, owner)
    return Step(name, slug, params, raw.get("input") or None, bool(raw.get("keep")), number)


def tidy_name(text: str) -> str:
    """The name of a step as it is kept; "" for none."""
    return " ".join(text.split())[:LONGEST_NAME].strip()


def free_name(title: str, taken: set[str]) -> str:
    """What a step without a name is called."""
    name, number = title, 2
    while name in taken:
        name, number = f"{title} {number}", number + 1
    return name


def _params(raw: Mapping[str, Any], slug: str, name: str, where: str, owner: Account | None) -> dict[str, Any]:
    given = {key: value for key, value in (raw.get("params") or {}).items() if key != "version"}
    known = registry.get(slug).form_class.base_fields
    if unknown := [key for key in given if key not in known]:
        raise StepError([(f"{where}.params.{key}", f"“{name}”: there is no parameter “{key}”.") for key in unknown])
    try:
        return as_json(parse(slug, given, owner=owner))
    except ValidationError as error:
        raise StepError(
            [
                (f"{where}.params.{field}", f"“{name}”, {_label(slug, field)}: {message}")
                for field, messages in error.message_dict.items()
                for message in messages
            ]
        ) from error


def _label(slug: str, field: str) -> str:
    found = registry.get(slug).form_class.base_fields.get(field)
    return str(found.label or field).lower() if found else field


def ordered(steps: Sequence[Step]) -> list[Step]:
    """Each after its input, otherwise as given. Raises StepError for an input that is no step, and for a circle."""
    numbers = places(steps)
    for step in steps:
        if step.input is not None and step.input not in numbers:
            raise StepError(
                [
                    (
                        f"steps.{numbers[step.name]}.input",
                        f"“{step.name}” works on “{step.input}”, and there is no such step.",
                    )
                ]
            )
    found: list[Step] = []
    done: set[str | None] = {None}
    rest = list(steps)
    while rest:
        ready = next((step for step in rest if step.input in done), None)
        if ready is None:
            names = ", ".join(f"“{step.name}”" for step in rest)
            raise StepError(
                [
                    (
                        f"steps.{numbers[rest[0].name]}.input",
                        f"{names} wait for each other in a circle. Let one of them work on the recording.",
                    )
                ]
            )
        rest.remove(ready)
        done.add(ready.name)
        found.append(ready)
    return found


def _check_tracks(steps: Sequence[Step], begin: Tracks = makes.ANY) -> None:
    """Raises StepError where a step needs what its input does not make."""
    problems, numbers = [], places(steps)
    made: dict[str | None, Tracks | None] = {None: begin}
    for step in steps:
        try:
            source = "the recording" if step.input is None else f"“{step.input}”"
            made[step.name] = tracks_after(step, made[step.input], source)
        except InputError as error:
            problems.append((f"steps.{numbers[step.name]}.input", f"“{step.name}”: {error.message}"))
            made[step.name] = begin  # what hangs on it is not at fault
    if problems:
        raise StepError(problems)


def tracks_after(step: Step, tracks: Tracks | None, source: str) -> Tracks | None:
    """What the result of a step has. Raises InputError where it cannot be done on what `source` makes."""
    makes.refuse_unfit(step.operation, tracks, source)
    assert tracks is not None
    return step.kind.makes(tracks, step.parsed)


def gone(steps: Sequence[Step]) -> list[tuple[str, str]]:
    """Problems, as those of a StepError, with steps whose operation this install does not know any more."""
    known, numbers = {operation.slug for operation in registry.every()}, places(steps)
    return [
        (
            f"steps.{numbers[step.name]}.operation",
            f"“{step.name}”: this kind of work is not offered any more. Take it out of the chain.",
        )
        for step in steps
        if step.operation not in known
    ]


def check_for(steps: Sequence[Step], owner: Account, subject: Any, *, probes: bool = True) -> None:
    """Raise StepError or InputError where a recording, or another file that steps name, does not allow a chain.

    Without `probes` no file is looked into, as for a page that offers chains.
    """
    if problems := gone(steps):
        raise StepError(problems)
    numbers = places(steps)
    _check_tracks(steps, makes.of_info(subject.info))
    for step in steps:
        if step.input is None:
            step.kind.check(subject.info, step.parsed)
            (inputs.find if probes else inputs.look)(owner, subject, step.operation, step.parsed)
        elif absent := inputs.absent(owner, step.operation, step.parsed):
            where = f"steps.{numbers[step.name]}.params"
            raise StepError([(f"{where}.{name}", f"“{step.name}”: {message}") for name, message in absent.items()])


def fitting(steps: Sequence[Step], info: MediaInfo) -> list[Step]:
    """Without those that a recording does not allow, and without what hangs on these."""
    made: dict[str | None, Tracks | None] = {None: makes.of_info(info)}
    found = []
    for step in steps:
        if step.input in made:
            with contextlib.suppress(InputError):
                made[step.name] = tracks_after(step, made[step.input], "")
                found.append(step)
    return found


PLACE = "place"
"""Beside the stored parameters of an operation that was put in its place by hand: that place, from 0."""


def placed(work: Mapping[str, Mapping[str, Any]], order: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Operations that were chosen together, with the order in which somebody wants them; others come after."""
    if not order:
        return {slug: dict(params) for slug, params in work.items()}
    place = {slug: number for number, slug in enumerate(order)}
    return {slug: {**params, PLACE: place.get(slug, len(place))} for slug, params in work.items()}


def chained(work: Mapping[str, Mapping[str, Any]]) -> list[Step]:
    """Operations that were chosen together, with their stored parameters, as one chain: what changes the recording one
    after the other, and what ends a chain on what comes before it. The order is that of `placed`, else a sensible one,
    in which what ends a chain comes last."""
    kinds = sorted((registry.get(slug) for slug in work), key=lambda kind: (kind.chain_order, kind.order, kind.slug))
    ends = {kind.slug for kind in kinds if work[kind.slug] and kind.ends_chain(from_json(kind.slug, work[kind.slug]))}
    by_hand = any(PLACE in params for params in work.values())
    kinds.sort(key=lambda kind: work[kind.slug].get(PLACE, len(work)) if by_hand else kind.slug in ends)
    found: list[Step] = []
    before = None
    for kind in kinds:
        params = {name: value for name, value in work[kind.slug].items() if name != PLACE}
        found.append(Step(kind.title, kind.slug, params, before))
        before = before if kind.slug in ends else kind.title
    return found


def passed_on(steps: Sequence[Step]) -> list[Step]:
    """Those whose result is only on the way to that of another step, so that nobody wants it when that is there.

    A cut of which thumbnails are made is none of them: it is still the newest recording.
    """
    gone_on = {step.input for step in steps if not step.kind.ends_chain(step.parsed)}
    return [step for step in steps if step.name in gone_on and not step.keep]


def hands_over(chain: Sequence[Step], step: Step, info: MediaInfo) -> bool:
    """Whether the audio of its result is to be without loss: nobody but further steps reads it, and each of these
    encodes it. `info` are the facts about the recording."""
    followers = [other for other in chain if other.input == step.name]
    return (
        step.kind.hands_over_lossless
        and step in passed_on(chain)
        and all(other.kind.encodes_audio(info, other.parsed) for other in followers)
    )


def summary(steps: Iterable[Step]) -> str:
    """In a line: “Clean audio → Cut silence → Thumbnails, Transcribe”."""
    rows: list[list[Step]] = []
    for step in steps:
        if rows and rows[-1][-1].input == step.input:
            rows[-1].append(step)
        else:
            rows.append([step])
    return " → ".join(", ".join(step.name for step in row) for row in rows)
