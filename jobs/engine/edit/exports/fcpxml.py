"""FCPXML: the format of Final Cut Pro (X), which DaVinci Resolve and others read as well.

Times are exact fractions of a second, all of them whole frames, as Final Cut Pro demands. Version 1.8 is read by every
Final Cut Pro since 10.4.
"""

from fractions import Fraction

from jobs.engine.edit.exports.editlist import Edit, EditList
from jobs.engine.edit.exports.xml import Element, add, document

AUDIO_ONLY_SIZE = (1920, 1080)
"""A timeline has a frame size even when there is only audio."""
SEQUENCE_RATES = {
    32_000: "32k",
    44_100: "44.1k",
    48_000: "48k",
    88_200: "88.2k",
    96_000: "96k",
    176_400: "176.4k",
    192_000: "192k",
}


def text(cut: EditList) -> str:
    """A document with one event, one project, and the kept segments one after the other with all their audio."""
    root = Element("fcpxml", version="1.8")
    resources = add(root, "resources")
    _format(resources, cut)
    _asset(resources, cut)
    project = add(add(root, "event", name=cut.title), "project", name=cut.title)
    sequence = add(
        project,
        "sequence",
        format="r1",
        duration=_seconds(cut, cut.length),
        tcStart="0s",
        tcFormat=_counting(cut),
        audioLayout="stereo",
        audioRate=_sequence_rate(cut),
    )
    spine = add(sequence, "spine")
    for edit in cut.edits:
        span = {"offset": _seconds(cut, edit.record), "duration": _seconds(cut, edit.lasts)}
        if edit.silent and not cut.info.video:
            add(spine, "gap", name="Gap", start="0s", **span)
            continue
        _clip(spine, cut, edit, span)
    return document(root)


def _clip(spine: Element, cut: EditList, edit: Edit, span: dict[str, str]) -> None:
    start = cut.start + edit.source
    clip = add(
        spine,
        "asset-clip",
        ref="r2",
        name=cut.name,
        start="0s" if edit.speed != 1 else _seconds(cut, start),
        format=None,
        tcFormat=_counting(cut),
        srcEnable="video" if edit.silent else None,
        **span,
    )
    if edit.speed != 1:
        # The clip's own time begins at 0 then, and the map says what of the recording is on show when.
        times = add(clip, "timeMap")
        for time, value in ((0, start), (edit.lasts, start + edit.frames)):
            add(times, "timept", time=_seconds(cut, time), value=_seconds(cut, value), interp="linear")


def _format(resources: Element, cut: EditList) -> None:
    width, height = cut.info.video.display_size if cut.info.video else AUDIO_ONLY_SIZE
    add(resources, "format", id="r1", frameDuration=_seconds(cut, 1), width=width, height=height)


def _asset(resources: Element, cut: EditList) -> None:
    tracks = cut.info.audio
    add(
        resources,
        "asset",
        id="r2",
        name=cut.name,
        src=cut.url,
        start=_seconds(cut, cut.start),
        duration=_seconds(cut, cut.frames),
        format="r1" if cut.info.video else None,
        hasVideo=1 if cut.info.video else None,
        hasAudio=1 if tracks else None,
        audioSources=len(tracks) or None,
        audioChannels=tracks[0].channels if tracks else None,
        audioRate=tracks[0].sample_rate if tracks else None,
    )


def _counting(cut: EditList) -> str:
    return "DF" if cut.drop_frame else "NDF"


def _sequence_rate(cut: EditList) -> str:
    return SEQUENCE_RATES.get(cut.info.audio[0].sample_rate, "48k") if cut.info.audio else "48k"


def _seconds(cut: EditList, frames: int) -> str:
    """An exact time, such as 1001/30000s."""
    time = Fraction(frames) / cut.rate
    return f"{time.numerator}/{time.denominator}s"
