"""Results in the container that was chosen, made by way of Matroska where that is WebM."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from jobs.engine import muxers, sidetracks
from jobs.engine.conversion import Wish
from jobs.engine.convert import convert
from jobs.engine.inspection import inspect
from jobs.engine.muxers import Container
from jobs.operations.base import Context

WORK_SHARE = 0.5
"""Of the time it takes, when all is encoded once more for WebM."""

Made = TypeVar("Made")
Progress = Callable[[float, str], None]


def made_in(
    context: Context, container: Container, stem: str, make: Callable[[Path, Progress], Made]
) -> tuple[Path, Made]:
    """The file that `make` writes to the path it gets, and what it says of it.

    WebM takes few kinds of tracks: the others are encoded for it once the result is made.
    """
    output = context.scratch / f"{stem}{container.suffix}"
    if container is not muxers.WEBM:
        return output, make(output, context.progress)
    between = output.with_suffix(muxers.MKV.suffix)
    told = make(between, lambda done, stage: context.progress(WORK_SHARE * done, stage))
    convert(
        between,
        output,
        inspect(between),
        Wish("webm"),
        scratch=context.scratch,
        progress=lambda done, stage: context.progress(WORK_SHARE + (1 - WORK_SHARE) * done, stage),
        log=context.log,
    )
    between.unlink()
    return output, told


def with_notes(context: Context, output: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """The facts about a result, with what there is to say about what was left out of it."""
    return {**facts, "notes": sidetracks.left_out(context.source, context.info, output)}
