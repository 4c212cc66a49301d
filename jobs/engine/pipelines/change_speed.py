"""A recording, or one range of it, played faster or slower with its pitch kept."""

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any

from jobs.engine.model.segment import Segment
from jobs.engine.model.timeline import Timeline
from jobs.engine.pipelines.source_range import indexed, on_clock
from jobs.engine.pipelines.timeline_render import (
    INDEX_SHARE,
    USUAL,
    RenderOptions,
    TimelineResult,
    render_timeline,
)
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from jobs.errors import InputError

MINIMUM_SPEED, MAXIMUM_SPEED = Fraction(1, 4), Fraction(4)


@dataclasses.dataclass(frozen=True)
class SpeedChange:
    """From `start` to `end` (None: to the end), seconds after the recording's start, it runs `speed` times as fast."""

    speed: Fraction
    start: Fraction = Fraction(0)
    end: Fraction | None = None

    def __post_init__(self) -> None:
        if not MINIMUM_SPEED <= self.speed <= MAXIMUM_SPEED:
            raise InputError("The speed has to lie between 0.25 and 4. Choose another one.", code="bad_params")
        if self.end is not None and self.end <= self.start:
            raise InputError("The end has to come after the start. Choose a later end.", code="bad_range")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SpeedResult(TimelineResult):
    """What was done, and what checking it before it was published has found."""

    speed: Fraction

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "speed": float(self.speed)}


def change_speed(
    source: Source, change: SpeedChange, output: Path, work: Workspace, options: RenderOptions = USUAL
) -> SpeedResult:
    """Write `source` with the change to `output`, whose ending says what kind of file (`muxers`).

    Raises InputError, ToolError, ResourceError, and what `work.progress` raises.
    """
    source = indexed(source, output, work)
    made = render_timeline(source, planned(source, change), output, work.share(INDEX_SHARE, 1), options)
    return SpeedResult(**vars(made), speed=change.speed)


def planned(source: Source, change: SpeedChange) -> Timeline:
    """All of the recording, with both ends of the change on its frames, or on its samples. Raises InputError."""
    start, end, last = on_clock(source, change.start, change.end)
    if change.speed == 1:
        return Timeline((Segment(Fraction(0), last),), (last,))
    around = (Segment(Fraction(0), start), Segment(start, end, change.speed), Segment(end, last))
    return Timeline(tuple(segment for segment in around if segment.start < segment.end), (last,))
