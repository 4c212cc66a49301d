"""Cuts to be exported, and what readers of the formats make of them."""

from fractions import Fraction

import opentimelineio as otio

from jobs.engine.edit import exports
from jobs.engine.edit.cut_plan import CutPlan
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo, VideoTrack

NTSC_24, NTSC_30, NTSC_60 = Fraction(24_000, 1001), Fraction(30_000, 1001), Fraction(60_000, 1001)
FRAMES = [(3, 40), (41, 90), (1200, 1799), (1800, 2000), (17_981, 17_983), (108_000, 108_500)]
"""Kept frames: a gap of one frame, clips next to minutes and tens of minutes, one of two frames, one after an hour."""
EVERY = ["otio", "edl", "fcpxml", "xml"]


def media(rate=Fraction(25), *, sounds=(2,), variable=False, seconds=Fraction(5000)) -> MediaInfo:
    picture = VideoTrack(0, "h264", 1920, 1080, frame_rate=rate, variable_rate=variable) if rate else None
    tracks = tuple(AudioTrack(place, "aac", 48_000, channels) for place, channels in enumerate(sounds, 1))
    return MediaInfo("mov,mp4,m4a,3gp,3g2,mj2", seconds, 1, video=picture, audio=tracks)


def plan_of(frames, rate, *, late=Fraction(0), muted=(), seconds=Fraction(5000)) -> CutPlan:
    """The plan that keeps these frames of a recording whose first picture comes `late` seconds after its start."""
    keep = tuple((first / rate + late, last / rate + late) for first, last in frames)
    return CutPlan(seconds, keep, muted=tuple((first / rate + late, last / rate + late) for first, last in muted))


def edits_of(frames, rate, **more):
    info = more.pop("info", None) or media(rate)
    words = {name: more.pop(name) for name in ("title", "name", "url", "label") if name in more}
    words = {"title": "Talk (cut)", "name": "talk.mp4", "url": "file:///films/talk.mp4", **words}
    return exports.edit_list(plan_of(frames, rate, **more), info, **words)


def read(cut, format, tmp_path) -> "otio.schema.Timeline":
    """What OpenTimelineIO makes of an export, from the file."""
    path = tmp_path / f"cut{exports.FORMATS[format].suffix}"
    exports.write(cut, format, path)
    options = {"rate": float(cut.rate)} if format == "edl" else {}
    found = otio.adapters.read_from_file(str(path), **options)
    return found[0] if isinstance(found, otio.schema.SerializableCollection) else found


def clips(track) -> list[tuple[int, int, int]]:
    """First frame, end and place in the result of each clip; all of them must be whole frames."""
    found = []
    for child in track:
        if not isinstance(child, otio.schema.Clip):
            continue
        place = track.range_of_child(child).start_time.value
        span = child.source_range
        numbers = (span.start_time.value, span.start_time.value + span.duration.value, place)
        assert all(number == int(number) for number in numbers)
        found.append(tuple(map(int, numbers)))
    return found


def meant(frames, start=0) -> list[tuple[int, int, int]]:
    places, position = [], 0
    for first, last in frames:
        places.append((first + start, last + start, position))
        position += last - first
    return places
