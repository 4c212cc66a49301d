"""OpenTimelineIO's own format, which several editing programs open and which its tools convert further."""

from typing import TYPE_CHECKING

from jobs.engine.edit.exports.editlist import Edit, EditList

if TYPE_CHECKING:
    from opentimelineio.opentime import RationalTime, TimeRange
    from opentimelineio.schema import Clip, ExternalReference, Gap, Timeline, Track


def text(cut: EditList) -> str:
    """A timeline as JSON: a track for the video and one for each audio track, in the recording's order."""
    from opentimelineio import adapters

    return str(adapters.write_to_string(timeline(cut), "otio_json"))


def timeline(cut: EditList) -> "Timeline":
    # Imported late: it registers every adapter that is installed, and most cuts are not exported.
    from opentimelineio import schema

    made = schema.Timeline(cut.title, global_start_time=_time(cut, 0))
    made.metadata["recording"] = {
        "name": cut.name,
        "variable_rate": bool(cut.info.video and cut.info.video.variable_rate),
    }
    if cut.note:
        made.metadata["recording"]["note"] = cut.note
    if cut.info.video:
        made.tracks.append(_track(cut, "V1", schema.TrackKind.Video))
    for index, audio in enumerate(cut.info.audio):
        track = _track(cut, f"A{index + 1}", schema.TrackKind.Audio)
        track.metadata["recording"] = {"audio_track": index, "language": audio.language, "title": audio.title}
        made.tracks.append(track)
    return made


def _track(cut: EditList, name: str, kind: str) -> "Track":
    from opentimelineio import schema

    track = schema.Track(name, kind=kind)
    for edit in cut.edits:
        muted = edit.silent and kind == schema.TrackKind.Audio
        track.append(_gap(cut, edit.lasts) if muted else _clip(cut, edit))
    return track


def _clip(cut: EditList, edit: Edit) -> "Clip":
    """A clip's range is as long as it lasts in the timeline; a time warp says how much of the media it goes through."""
    from opentimelineio import schema

    clip = schema.Clip(cut.name, _media(cut), _range(cut, cut.start + edit.source, edit.lasts))
    if edit.speed != 1:
        clip.effects.append(schema.LinearTimeWarp(time_scalar=float(edit.speed)))
    return clip


def _gap(cut: EditList, frames: int) -> "Gap":
    from opentimelineio import schema

    return schema.Gap(source_range=_range(cut, 0, frames))


def _media(cut: EditList) -> "ExternalReference":
    from opentimelineio import schema

    return schema.ExternalReference(cut.url, _range(cut, cut.start, cut.frames))


def _range(cut: EditList, start: int, frames: int) -> "TimeRange":
    from opentimelineio import opentime

    return opentime.TimeRange(_time(cut, start), _time(cut, frames))


def _time(cut: EditList, frames: int) -> "RationalTime":
    from opentimelineio import opentime

    return opentime.RationalTime(frames, float(cut.rate))
