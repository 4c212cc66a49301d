"""Captions as files of their own: what their endings mean, and what tells the files of several tracks apart."""

from collections import Counter
from collections.abc import Callable, Iterable

from jobs.engine.captions import cues
from jobs.engine.captions.cues import Caption
from jobs.engine.captions.embedded_tracks import CaptionTrack

FORMATS: dict[str, Callable[[Iterable[Caption]], str]] = {".srt": cues.srt, ".vtt": cues.vtt}
"""Text by the ending of the file."""


def marks(tracks: Iterable[CaptionTrack]) -> list[str]:
    """A mark for each track's file, to stand before the ending, by its language: "", ".eng", ".eng.2"."""
    seen: Counter[str] = Counter()
    suffixes = []
    for track in tracks:
        seen[track.language] += 1
        number = str(seen[track.language]) if seen[track.language] > 1 else ""
        suffixes.append("".join(f".{part}" for part in (track.language, number) if part))
    return suffixes
