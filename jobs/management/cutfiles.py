"""The files that `manage.py cut` writes: where they may lie, and the cut for other programs."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

from jobs.engine.captions import file_names
from jobs.engine.edit import exports
from jobs.engine.edit.cut_plan import CutPlan
from jobs.engine.edit.exports import EditList
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.model.report import counted
from jobs.engine.render.passthrough import Captions
from jobs.engine.render.render import whole
from jobs.errors import InputError, ResourceError


@dataclasses.dataclass(frozen=True)
class Exported:
    """What was written, in words too, what the timelines have to say, and a sentence on what could not be written."""

    files: tuple[Path, ...] = ()
    lines: tuple[str, ...] = ()
    note: str = ""
    missing: str = ""


def export(source: Path, info: MediaInfo, plan: CutPlan, tracks: Captions, paths: list[Path]) -> Exported:
    """Write the cut to files for other programs, each in the format of its ending. Raises ResourceError.

    `tracks` are the captions of the result.
    """
    timelines = [path for path in paths if not is_captions(path)]
    texts = [path for path in paths if is_captions(path)]
    files, lines, note = list(timelines), [], ""
    if timelines:
        cut = _timelines(source, info, plan, timelines)
        note = cut.note
        lines.append(f"{_names(timelines)}: {cut.length} frames. {note}".strip())
    for path in texts:
        for file, line in _captions(path, tracks):
            files.append(file)
            lines.append(line)
    missing = ""
    if texts and not tracks:
        missing = f"No captions are in what is kept of {source.name}, so {_names(texts)} could not be written."
    return Exported(tuple(files), tuple(lines), note, missing)


def is_captions(path: Path) -> bool:
    return path.suffix.lower() in file_names.FORMATS


def _timelines(source: Path, info: MediaInfo, plan: CutPlan, paths: list[Path]) -> EditList:
    label, title, url = exports.of_recording(source, info), f"{source.stem} (cut)", source.resolve().as_uri()
    made = exports.edit_list(plan, info, title=title, name=source.name, url=url, label=label)
    for path in paths:
        try:
            exports.write(made, exports.format_of(path), path)
        except OSError as error:
            raise _unwritten(path, error) from error
    return made


def _captions(path: Path, tracks: Captions) -> Iterator[tuple[Path, str]]:
    """Write the first track to `path`, and others beside it. Yields each file, and a line that tells what is in it."""
    marks = file_names.marks(track for track, _ in tracks)
    for place, ((track, kept), mark) in enumerate(zip(tracks, marks, strict=True)):
        file = path.with_name(f"{path.stem}{mark}{path.suffix}") if place else path
        try:
            with whole(file) as part:
                part.write_text(file_names.FORMATS[path.suffix.lower()](kept), encoding="utf-8", newline="\n")
        except OSError as error:
            raise _unwritten(file, error) from error
        yield file, f"{file}: {counted(len(kept), 'caption')}{track.language and f' in {track.language}'}"


def _unwritten(path: Path, error: OSError) -> ResourceError:
    return ResourceError(
        f"{path} could not be written. Make room, or choose another place for it; what was written before is whole.",
        detail=str(error),
    )


def _names(paths: list[Path]) -> str:
    return ", ".join(map(str, paths))


def require_export(source: Path, path: Path) -> None:
    """Raise InputError unless the cut can be written there, in the format of its ending."""
    if not is_captions(path):
        exports.format_of(path, others=file_names.FORMATS)
    require_place(source, path)


def require_place(source: Path, output: Path) -> None:
    """Raise InputError when a file cannot be written there."""
    if output.exists() and output.samefile(source):
        raise InputError("The result would replace the recording itself. Choose another name for it.")
    if not output.parent.is_dir():
        raise InputError(f"There is no folder {output.parent}. Make it first, or choose another one.")
    if not os.access(output.parent, os.W_OK):
        raise InputError(f"The folder {output.parent} cannot be written to. Choose another one.")
    if output.is_dir():
        raise InputError(f"{output} is a folder. Name a file in it.")
