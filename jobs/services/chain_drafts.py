"""A chain that is put together on the page of a recording: kept for its owner until it is cleared."""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from jobs.errors import InputError
from jobs.models import ChainDraft, Pipeline, Run, Video
from jobs.operations import registry
from jobs.services import expectation, inputs, pipelines, runs, steps
from jobs.services.expectation import Expected, Experiences, Load
from jobs.services.quotes import Quote
from jobs.services.result_size import Shares
from jobs.services.steps import Step

NO_TIME = Expected(0, 0, 0)


def of(video: Video) -> tuple[str, list[Step]]:
    """The name of the saved chain it was begun with, or saved as, "" for none; and its steps."""
    row = ChainDraft.objects.filter(video=video).first()
    return (row.name, steps.stored(row.steps)) if row else ("", [])


def chain(video: Video) -> list[Step]:
    return of(video)[1]


def step(video: Video, called: str) -> Step | None:
    return next((one for one in chain(video) if one.name == called), None) if called else None


def add(video: Video, slug: str, params: Mapping[str, Any], *, after: str | None = None) -> Step:
    """A new step at the end of what goes on, or after the step `after`; "" for on the recording itself.

    `params` are as they are stored. Raises StepError where the chain cannot take it.
    """
    with _held(video) as draft:
        there = steps.stored(draft.steps)
        source = after if after in {one.name for one in there} else None if after == "" else end_of(there)
        made = Step(steps.free_name(registry.title(slug), {one.name for one in there}), slug, params, source)
        _keep(draft, [*there, made])
    return made


def end_of(chain: Sequence[Step]) -> str | None:
    """The step that a further one works on: the last that goes on; None for the recording."""
    going_on = [one.name for one in chain if not one.kind.ends_chain(one.parsed)]
    return going_on[-1] if going_on else None


def change(video: Video, called: str, slug: str, params: Mapping[str, Any]) -> None:
    """Give a step other settings. Raises StepError, and InputError where it is gone."""
    with _held(video) as draft:
        there = steps.stored(draft.steps)
        if called not in {one.name for one in there if one.operation == slug}:
            raise InputError("This step is not in the chain any more. Add it anew.", code="gone")
        _keep(draft, [dataclasses.replace(one, params=params) if one.name == called else one for one in there])


def remove(video: Video, called: str) -> None:
    """What worked on its result works on what it worked on. One that is gone already changes nothing."""
    with _held(video) as draft:
        there = steps.stored(draft.steps)
        source = next((one.input for one in there if one.name == called), None)
        rest = [one for one in there if one.name != called]
        _keep(draft, [dataclasses.replace(one, input=source) if one.input == called else one for one in rest])


def load(video: Video, saved: pipelines.Chain) -> None:
    """Begin with a saved chain, in place of what was there."""
    with _held(video) as draft:
        draft.name = saved.name
        _store(draft, pipelines.chain_of(saved))


def clear(video: Video) -> None:
    ChainDraft.objects.filter(video=video).delete()


def save(video: Video, called: str) -> Pipeline:
    """Keep it under a name; one of one's own that has it already is changed. Raises StepError and InputError."""
    raw = [pipelines.shown(one) for one in chain(video)]
    own = Pipeline.objects.of(video.owner).filter(name=called.strip()).first()
    made = pipelines.change(own, raw=raw) if own else pipelines.save(video.owner, called, raw)
    ChainDraft.objects.filter(video=video).update(name=made.name)
    return made


def run(video: Video) -> Run:
    """Raises StepError and InputError as `runs.start`."""
    name, there = of(video)
    if not there:
        raise InputError("There is no step in the chain yet. Add one first.", code="no_steps")
    return runs.start(video.owner, video, there, name or steps.summary(there))


def quote(
    video: Video, there: Sequence[Step], known: Experiences | None = None, shares: Shares | None = None
) -> Quote | None:
    """What all steps would take, side by side where they may be, as far as that is known; None for no steps. Who asks
    for several recordings hands on what is known.

    What a step works on is taken to be like the recording: what the step before makes of it nobody has seen.
    """
    known, shares, sizes = known or Experiences(), shares or Shares(), list[int | None]()
    ends: dict[str | None, Expected | None] = {None: NO_TIME}
    going = {one.name for one in steps.passed_on(there)}
    for one in there:
        facts = _load(video, one)
        work = known.expected(Load.of(one.operation, *facts.values()))
        before = ends.get(one.input)
        ends[one.name] = _then(before, work) if before and work else None
        if one.name not in going:
            sizes.append(shares.size(one.operation, facts["load_key"], facts["load_seconds"], video.info))
    ended = [ends[one.name] for one in there]
    whole = max((end for end in ended if end), key=lambda end: end.likely, default=None)
    is_known = None not in ended
    size = None if None in sizes else sum(one or 0 for one in sizes)
    return Quote(whole if is_known else None, size) if there else None


def _load(video: Video, one: Step) -> dict[str, Any]:
    others = inputs.infos(video.owner, one.operation, one.parsed)
    return expectation.fields(video.info, one.operation, one.parsed, others)


def _then(before: Expected, work: Expected) -> Expected:
    return Expected(before.low + work.low, before.likely + work.likely, before.high + work.high)


@contextlib.contextmanager
def _held(video: Video) -> Iterator[ChainDraft]:
    """The row of a recording's chain, held until the block ends."""
    with transaction.atomic():
        yield ChainDraft.objects.select_for_update().get_or_create(video=video)[0]


def _keep(draft: ChainDraft, there: Sequence[Step]) -> None:
    """Raises StepError for a chain that could not be run on anything."""
    raw = [pipelines.shown(one) for one in there]
    _store(draft, steps.read(raw, draft.video.owner) if raw else [])


def _store(draft: ChainDraft, there: Sequence[Step]) -> None:
    draft.steps, draft.saved_at = [one.to_json() for one in there], Now()
    draft.save(update_fields=["steps", "name", "saved_at"])
