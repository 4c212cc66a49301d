"""A cut for other programs: timelines that editors open, and the map from old time to new."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from jobs.engine.exports import cutmap, edl, fcp7, fcpx, otio
from jobs.engine.exports.editlist import EditList, edit_list, one_line
from jobs.engine.exports.timecode import of_recording

__all__ = ["FORMATS", "EditList", "Format", "edit_list", "of_recording", "one_line", "write"]


@dataclasses.dataclass(frozen=True)
class Format:
    """`kind` is one of jobs.models.Artifact.Kind, `title` the format in plain words."""

    title: str
    suffix: str
    media_type: str
    text: Callable[[EditList], str]
    kind: str = "timeline"


FORMATS = {
    "otio": Format("OpenTimelineIO", ".otio", "application/json", otio.text),
    "edl": Format("EDL (CMX 3600)", ".edl", "text/plain", edl.text),
    "fcpxml": Format("Final Cut Pro X", ".fcpxml", "application/xml", fcpx.text),
    "xml": Format("Final Cut Pro 7, Premiere Pro, DaVinci Resolve", ".xml", "application/xml", fcp7.text),
    "json": Format("The map from old time to new", ".json", "application/json", cutmap.text, "data"),
}


def write(cut: EditList, format: str, path: Path) -> None:
    """Write the cut in one of FORMATS; raises OSError when that cannot be done."""
    path.write_text(FORMATS[format].text(cut), encoding="utf-8", newline="\n")
