"""The XML interchange format of Final Cut Pro 7 (xmeml), which Premiere Pro, DaVinci Resolve and others read.

Each audio track of the recording becomes one of the timeline, and the picture and the sounds of an edit are linked, so
that they move as one. Premiere's own attributes say how many channels a track has; others pass over them.
"""

import dataclasses
import math

from jobs.engine.edit.exports.editlist import EditList
from jobs.engine.edit.exports.xml import Element, add, document

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
AUDIO_BITS = 16


@dataclasses.dataclass(frozen=True)
class Lane:
    """One track of the timeline: the picture (place 0), or the recording's audio track with this place, from 1."""

    kind: str
    number: int
    layout: str = ""


def text(cut: EditList) -> str:
    """A document with one sequence.

    How programs count the frames of a clip that runs faster is not agreed upon: what does is left out.
    """
    cut = cut.without_fast()
    root = Element("xmeml", version="4")
    sequence = add(root, "sequence", id="sequence-1")
    add(sequence, "name", cut.title)
    add(sequence, "duration", cut.length)
    _rate(sequence, cut)
    _timecode(sequence, cut, 0)
    media = add(sequence, "media")
    lanes = _lanes(cut)
    for kind in ("video", "audio"):
        branch = add(media, kind)
        if kind == "video":
            _video_format(add(branch, "format"), cut)
        for lane in lanes:
            if lane.kind == kind:
                _track(branch, cut, lane, lanes)
    return document(root)


def _lanes(cut: EditList) -> list[Lane]:
    video = [Lane("video", 0)] if cut.info.video else []
    audio = [Lane("audio", number, LAYOUTS.get(track.channels, "")) for number, track in enumerate(cut.info.audio, 1)]
    return video + audio


def _track(branch: Element, cut: EditList, lane: Lane, lanes: list[Lane]) -> None:
    kind = lane.layout.capitalize() if lane.layout else None
    track = add(branch, "track", premiereTrackType=kind)
    for number, edit in enumerate(cut.edits):
        present = [one for one in lanes if one.kind == "video" or not edit.silent]
        if lane in present:
            _clip(track, cut, lane, number, present)


def _clip(track: Element, cut: EditList, lane: Lane, number: int, linked: list[Lane]) -> None:
    edit = cut.edits[number]
    item = add(track, "clipitem", id=_id(lane, number), premiereChannelType=lane.layout or None)
    add(item, "name", cut.name)
    add(item, "duration", cut.frames)
    _rate(item, cut)
    add(item, "start", edit.record)
    add(item, "end", edit.record + edit.frames)
    add(item, "in", edit.source)
    add(item, "out", edit.source + edit.frames)
    _file(item, cut, described=len(track) == 1 and lane == linked[0])
    if lane.kind == "audio":
        source_track = add(item, "sourcetrack")
        add(source_track, "mediatype", "audio")
        add(source_track, "trackindex", lane.number)
    heard = sum(not one.silent for one in cut.edits[: number + 1])
    for other in linked if len(linked) > 1 else ():
        link = add(item, "link")
        add(link, "linkclipref", _id(other, number))
        add(link, "mediatype", other.kind)
        add(link, "trackindex", max(1, other.number))
        add(link, "clipindex", number + 1 if other.kind == "video" else heard)


def _id(lane: Lane, number: int) -> str:
    return f"clipitem-{'v' if lane.kind == 'video' else f'a{lane.number}'}-{number + 1}"


def _file(item: Element, cut: EditList, described: bool) -> None:
    """The recording: described where it is first named, afterwards only pointed to."""
    file = add(item, "file", id="file-1")
    if not described:
        return
    add(file, "name", cut.name)
    add(file, "pathurl", cut.url)
    _rate(file, cut)
    add(file, "duration", cut.frames)
    _timecode(file, cut, cut.start)
    media = add(file, "media")
    if cut.info.video:
        _video_format(add(media, "video"), cut)
    for track in cut.info.audio:
        audio = add(media, "audio")
        facts = add(audio, "samplecharacteristics")
        add(facts, "depth", AUDIO_BITS)
        add(facts, "samplerate", track.sample_rate)
        add(audio, "channelcount", track.channels)


def _video_format(parent: Element, cut: EditList) -> None:
    facts = add(parent, "samplecharacteristics")
    _rate(facts, cut)
    if cut.info.video:
        width, height = cut.info.video.display_size
        add(facts, "width", width)
        add(facts, "height", height)
    add(facts, "pixelaspectratio", "square")


def _rate(parent: Element, cut: EditList) -> None:
    rate = add(parent, "rate")
    add(rate, "timebase", math.ceil(cut.rate))
    add(rate, "ntsc", "TRUE" if cut.rate.denominator == 1001 else "FALSE")


def _timecode(parent: Element, cut: EditList, frames: int) -> None:
    code = add(parent, "timecode")
    _rate(code, cut)
    add(code, "string", cut.timecode(frames))
    add(code, "frame", frames)
    add(code, "displayformat", "DF" if cut.drop_frame else "NDF")
