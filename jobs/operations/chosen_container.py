"""Results in the container that was chosen, made by way of Matroska where that is WebM."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from jobs.engine.container import muxers
from jobs.engine.container.muxers import Container, ContainerChoice
from jobs.engine.model.told import Told
from jobs.engine.pipelines.convert.conversion import ConvertOptions
from jobs.engine.pipelines.convert.convert import convert
from jobs.engine.probe.inspection import inspect
from jobs.engine.render import sidetracks
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from jobs.operations.base import Context, Draft
from jobs.operations.forms import safe_name

WORK_SHARE = 0.5
"""Of the time it takes, when all is encoded once more for WebM."""


class Made(Protocol):
    """What the engine says of a result."""

    def to_json(self) -> dict[str, Any]: ...


Make = Callable[[Path, Workspace], Made]


def chosen_container(context: Context, name: ContainerChoice) -> Container:
    """The container of what is rendered from a timeline, as chosen; MP4 where a later step goes on with it."""
    return muxers.chosen_container("mp4" if context.handover else name, context.source, context.info)


def wrapped(context: Context, container: Container, words: str, make: Make) -> Draft:
    """The result that `make` writes to the path it gets, as "TITLE (WORDS)", with what it says of it."""
    output = context.scratch / f"result{container.suffix}"
    made = made_in(context, container, output, make)
    name = safe_name(f"{context.title} ({words})", container.suffix)
    facts = with_notes(context, output, made.to_json())
    return Draft(output, context.info.kind, name, container.media_type, facts)


def made_in(context: Context, container: Container, output: Path, make: Make) -> Made:
    """What `make` says of the file that it writes, which ends up at `output`.

    WebM takes few kinds of tracks: the others are encoded for it once the result is made.
    """
    if container is not muxers.WEBM:
        return make(output, context.workspace)
    between = output.with_suffix(muxers.MKV.suffix)
    told = make(between, context.workspace.share(0, WORK_SHARE))
    # The cache belongs to the recording.
    work = dataclasses.replace(context.workspace.share(WORK_SHARE, 1), cache=None, kept=None)
    convert(Source(between, inspect(between)), ConvertOptions("webm"), output, work)
    between.unlink()
    return told


def with_notes(context: Context, output: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """The facts about a result, with what there is to say about what was left out of it."""
    return {**facts, **Told(notes=tuple(sidetracks.left_out(context.recording, output))).to_json()}
