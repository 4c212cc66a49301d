"""What the parts of a join hold beside picture and sound, for the result: chapters, captions, names and dates."""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from fractions import Fraction

from jobs.engine.captions import cues
from jobs.engine.captions.cues import Caption
from jobs.engine.captions.embedded_tracks import CaptionTrack
from jobs.engine.render import passthrough
from jobs.engine.render.chapters import Chapter
from jobs.engine.render.joined_parts import Joined
from jobs.engine.render.passthrough import Captions, Extras, TrackLabel
from jobs.engine.runtime.subprocess_runner import CommandLog


def read(joined: Joined, log: CommandLog) -> Extras:
    """Names, dates, cover and timecode are the first part's, and chapters and captions those of all.

    Each part is a chapter by its name, in which its own chapters lie. Captions of the same language share a track.
    """
    each = [passthrough.read(part.source, joined.alone(number), log=log) for number, part in enumerate(joined.parts)]
    chapters = itertools.chain.from_iterable(
        _chapters(part.name, extras.chapters, start, start + segment.output_duration)
        for part, extras, (start, segment) in zip(joined.parts, each, joined.timeline.placed, strict=True)
    )
    captions = _captions([extras.captions for extras in each], joined.starts)
    first = each[0]
    return dataclasses.replace(
        first, chapters=tuple(chapters), captions=captions, labels=_labels(joined, each, captions)
    )


def _chapters(name: str, own: Sequence[Chapter], start: Fraction, end: Fraction) -> Iterable[Chapter]:
    """A part's chapters in the result: it is one itself, up to its own first; one that begins with it has its name."""
    moved = [Chapter(start + one.start, min(end, start + one.end), one.title) for one in own]
    if moved and moved[0].start <= start:
        first = moved[0]
        yield dataclasses.replace(first, start=start, title=f"{name}: {first.title}" if first.title else name)
        yield from moved[1:]
        return
    yield Chapter(start, moved[0].start if moved else end, name)
    yield from moved


def _captions(each: Sequence[Captions], starts: Sequence[Fraction]) -> Captions:
    """The captions of all parts, moved; the tracks of one part stay apart where they have the same language."""
    tracks: dict[tuple[str, int], tuple[CaptionTrack, list[Caption]]] = {}
    for captions, start in zip(each, starts, strict=True):
        counts: dict[str, int] = {}
        for track, own in captions:
            place = counts.get(track.language, 0)
            counts[track.language] = place + 1
            _, kept = tracks.setdefault((track.language, place), (track, []))
            kept += cues.shifted(own, start)
    # Tracks of different parts may have the same number in their files.
    return tuple(
        (dataclasses.replace(track, index=-2 - number), kept) for number, (track, kept) in enumerate(tracks.values())
    )


def _labels(joined: Joined, each: Sequence[Extras], captions: Captions) -> dict[int, TrackLabel]:
    """What the tracks of the result are called: by the indexes that `Joined.info` and the captions have."""
    labels: dict[int, TrackLabel] = {}
    if joined.lead is not None:
        labels[joined.video.index] = each[joined.lead].label(joined.video.index)
    for number, track in enumerate(joined.audio):
        owner = next(place for place, part in enumerate(joined.parts) if len(part.info.audio) > number)
        labels[track.index] = each[owner].label(joined.parts[owner].info.audio[number].index)
    for place, (text, _) in enumerate(captions):
        labels[text.index] = TrackLabel(language=text.language, is_default=place == 0)
    return labels
