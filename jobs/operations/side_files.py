"""What goes along with a cut, or stands for it: timelines for editors, the map of times, and captions moved with it."""

from collections.abc import Iterable
from urllib.parse import quote

from jobs.engine.captions import file_names
from jobs.engine.edit import exports
from jobs.engine.edit.cut_plan import CutPlan
from jobs.engine.model.media_types import MEDIA_TYPES
from jobs.engine.render.passthrough import Captions
from jobs.operations.base import Context, Draft
from jobs.operations.forms import safe_name


def timelines(context: Context, plan: CutPlan, formats: Iterable[str]) -> list[Draft]:
    """The cut in some of `exports.FORMATS`.

    They name the recording by its file name alone: editors ask once where it lies, and find the rest by themselves.
    """
    formats = tuple(formats)
    if not formats:
        return []
    title = f"{context.title} (cut)"
    name = context.file_name or safe_name(context.title, context.source.suffix)
    label = exports.of_recording(context.source, context.info)
    cut = exports.edit_list(plan, context.info, title=title, name=name, url=quote(exports.one_line(name)), label=label)
    drafts = []
    for key in formats:
        form = exports.FORMATS[key]
        path = context.scratch / f"cut{form.suffix}"
        exports.write(cut, key, path)
        facts = {"format": form.title, "frame_rate": str(cut.rate), "note": cut.note}
        drafts.append(Draft(path, form.kind, safe_name(title, form.suffix), form.media_type, facts))
    return drafts


def caption_files(context: Context, tracks: Captions) -> list[Draft]:
    """Captions moved with the cut: each track as SRT and as WebVTT, by its language."""
    drafts = []
    marks = file_names.marks(track for track, _ in tracks)
    for (track, kept), mark in zip(tracks, marks, strict=True):
        for suffix, text in file_names.FORMATS.items():
            path = context.scratch / f"captions-{track.index}{suffix}"
            path.write_text(text(kept), encoding="utf-8")
            facts = {"language": track.language, "captions": len(kept)}
            drafts.append(
                Draft(path, "captions", safe_name(f"{context.title} (cut)", mark + suffix), MEDIA_TYPES[suffix], facts)
            )
    return drafts
