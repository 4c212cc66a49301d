"""A cut for other programs: timelines that editors open, and the map from old time to new."""

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path

from jobs.engine.edit.exports import cutmap, edl, fcp7, fcpxml, otio
from jobs.engine.edit.exports.editlist import EditList, edit_list, one_line
from jobs.engine.edit.exports.timecode import of_recording
from jobs.engine.model.media_types import MEDIA_TYPES
from jobs.errors import InputError

__all__ = ["FORMATS", "EditList", "Format", "edit_list", "format_of", "of_recording", "one_line", "write"]


@dataclasses.dataclass(frozen=True)
class Format:
    """`kind` is one of jobs.models.Artifact.Kind, `title` the format in plain words."""

    title: str
    suffix: str
    text: Callable[[EditList], str]
    kind: str = "timeline"

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[self.suffix]


FORMATS = {
    "otio": Format("OpenTimelineIO", ".otio", otio.text),
    "edl": Format("EDL, CMX 3600", ".edl", edl.text),
    "fcpxml": Format("Final Cut Pro", ".fcpxml", fcpxml.text),
    "xml": Format("Premiere Pro, Resolve", ".xml", fcp7.text),
    "json": Format("Map from old time to new", ".json", cutmap.text, "data"),
}


def format_of(path: Path, others: Iterable[str] = ()) -> str:
    """The format that a file's ending asks for. Raises InputError, which names `others` as endings too."""
    for name, form in FORMATS.items():
        if path.suffix.lower() == form.suffix:
            return name
    endings = [*(form.suffix for form in FORMATS.values()), *others]
    raise InputError(
        f"{path.name} is nothing that a cut can be written as. Give it a name that ends in "
        f"{', '.join(endings[:-1])} or {endings[-1]}.",
        code="bad_params",
    )


def write(cut: EditList, format: str, path: Path) -> None:
    """Write the cut in one of FORMATS, to a file that appears when it is whole. Raises OSError."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(FORMATS[format].text(cut), encoding="utf-8", newline="\n")
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
