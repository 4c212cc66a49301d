"""One range of a recording, exact at both ends."""

import dataclasses
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

from jobs.engine.model.segment import Segment
from jobs.engine.model.timeline import Timeline
from jobs.engine.pipelines.source_range import indexed, on_clock
from jobs.engine.pipelines.timeline_render import INDEX_SHARE, USUAL, RenderOptions, TimelineResult, render_timeline
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source


@dataclasses.dataclass(frozen=True)
class TrimResult(TimelineResult):
    """What was done, and what checking it before it was published has found."""

    def to_json(self) -> dict[str, Any]:
        """With the keys of a silence cut of one range, which scripts read of both."""
        (kept,), (duration,) = self.timeline.segments, self.timeline.source_durations
        return {
            **super().to_json(),
            "keep": [[math.ceil(kept.start * 10**6) / 10**6, math.floor(kept.end * 10**6) / 10**6]],
            "saved": round(float(duration - self.timeline.duration), 6),
            **dict.fromkeys(("threshold_db", "detector", "speed")),
            "muted": [],
            "fast": [],
        }


@dataclasses.dataclass(frozen=True)
class TrimOptions:
    """What stays, in seconds after the recording's start; no `end` is that of the recording."""

    start: Fraction = Fraction(0)
    end: Fraction | None = None


def trim(
    source: Source, kept: TrimOptions, output: Path, work: Workspace, options: RenderOptions = USUAL
) -> TrimResult:
    """Write what is kept of `source` to `output`, whose ending says what kind of file (`muxers`).

    Raises InputError, ToolError, ResourceError, and what `work.progress` raises.
    """
    source = indexed(source, output, work)
    start, end, last = on_clock(source, kept.start, kept.end)
    made = render_timeline(
        source, Timeline((Segment(start, end),), (last,)), output, work.share(INDEX_SHARE, 1), options
    )
    return TrimResult(**vars(made))
