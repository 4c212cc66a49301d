"""`cuts.json`: the plan, and the map from old time to new. Its schema is in docs/silence-cut.md."""

import json
from fractions import Fraction
from typing import Any

from jobs.engine.edit.exports.editlist import EditList

VERSION = 2


def text(cut: EditList) -> str:
    return json.dumps(cuts(cut), indent=2, ensure_ascii=False) + "\n"


def cuts(cut: EditList) -> dict[str, Any]:
    """All times are seconds after the start of the recording or of the result, rounded to microseconds."""
    plan = cut.plan
    return {
        "version": VERSION,
        "source": {"name": cut.name, "duration": _seconds(plan.duration), "start_time": _seconds(cut.info.start)},
        "result": {"duration": _seconds(plan.output_duration)},
        "segments": [
            {
                "old_start": _seconds(segment.start),
                "old_end": _seconds(segment.end),
                "new_start": _seconds(new),
                "rate": float(segment.speed),
            }
            for new, segment in plan.timeline.placed
        ],
        "removed": _ranges(plan.removed),
        "muted": _ranges(plan.muted),
        "detector": plan.detector,
        "threshold_db": plan.threshold_db,
        "timeline": {
            "frame_rate": str(cut.rate),
            "drop_frame": cut.drop_frame,
            "start_timecode": cut.timecode(cut.start),
            "note": cut.note,
            "edits": [[edit.source, edit.source + edit.frames, edit.record] for edit in cut.edits],
        },
    }


def _ranges(ranges: tuple[tuple[Fraction, Fraction], ...]) -> list[list[float]]:
    return [[_seconds(start), _seconds(end)] for start, end in ranges]


def _seconds(time: Fraction) -> float:
    return round(float(time), 6)
