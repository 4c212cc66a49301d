"""A recording, or one range of it, played faster or slower with its pitch kept."""

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any

from jobs.engine.audio.decoder import output_rate
from jobs.engine.captions.transcript import Transcript
from jobs.engine.container import muxers
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.model.segment import Segment
from jobs.engine.model.timeline import Timeline
from jobs.engine.model.told import Told
from jobs.engine.pipelines.timeline_render import TimelineResult, render_timeline
from jobs.engine.runtime.threads import run_concurrently
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.smartcut.strategy import Render
from jobs.engine.video import frame_index
from jobs.engine.video.frame_index import FrameIndex
from jobs.engine.video.source import Source
from jobs.errors import InputError

MINIMUM_SPEED, MAXIMUM_SPEED = Fraction(1, 4), Fraction(4)
INDEX_SHARE = 0.02
"""Of the time that the whole takes."""


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


@dataclasses.dataclass(frozen=True)
class SpeedResult:
    """What was done, and what checking it before it was published has found."""

    change: SpeedChange
    timeline: Timeline
    made: TimelineResult

    @property
    def told(self) -> Told:
        (duration,) = self.timeline.source_durations
        return Told(
            reason=self.made.strategy.reason,
            checked=self.made.report.summary,
            notes=self.made.notes,
            source_seconds=round(float(duration), 6),
            output_seconds=round(float(self.timeline.duration), 6),
            everywhere_seconds=self.made.strategy.everywhere_seconds(self.made.seconds["render"]),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            **self.told.to_json(),
            "speed": float(self.change.speed),
            "frames": self.made.report.frames,
            "frames_copied": self.made.strategy.copied,
            "render": self.made.strategy.render,
            "report": self.made.report.to_json(),
            "seconds": {name: round(value, 3) for name, value in self.made.seconds.items()},
        }


def change_speed(
    source: Path,
    output: Path,
    info: MediaInfo,
    change: SpeedChange,
    work: Workspace,
    *,
    way: Render = "smart",
    transcript: Transcript | None = None,
) -> SpeedResult:
    """Write `source` with the change to `output`, whose ending says what kind of file (`muxers`).

    Raises InputError, ToolError, ResourceError, and what `work.progress` raises.
    """
    seen = dataclasses.replace(info, video=None) if muxers.for_name(output).audio_only else info
    index = None
    if seen.video:
        (index,) = run_concurrently(
            [lambda task: frame_index.index_frames(source, info, cache_dir=work.cache, token=task.token)],
            lambda done: work.progress(0, "Reading the picture"),
        )
    timeline = planned(seen, index, change)
    made = render_timeline(
        Source(source, info, index), timeline, output, work.share(INDEX_SHARE, 1), way=way, transcript=transcript
    )
    return SpeedResult(change, timeline, made)


def planned(info: MediaInfo, index: FrameIndex | None, change: SpeedChange) -> Timeline:
    """All of the recording, with both ends of the change on its frames, or on its samples. Raises InputError."""
    if index:
        last = index.on_clock(max(info.duration, Fraction(index.end_tick, index.clock_hz)))
        start = index.frame_at_or_before(change.start)
        end = last if change.end is None else min(last, index.frame_at_or_after(change.end))
    else:
        rate = output_rate(info.audio[0])
        last = Fraction(int(info.duration * rate), rate)
        start = Fraction(round(change.start * rate), rate)
        end = last if change.end is None else min(last, Fraction(round(change.end * rate), rate))
    if start >= end:
        raise InputError(
            f"The recording ends after {float(info.duration):.6g} s. Choose times before that.", code="beyond_end"
        )
    if change.speed == 1:
        return Timeline((Segment(Fraction(0), last),), (last,))
    around = (Segment(Fraction(0), start), Segment(start, end, change.speed), Segment(end, last))
    return Timeline(tuple(segment for segment in around if segment.start < segment.end), (last,))
