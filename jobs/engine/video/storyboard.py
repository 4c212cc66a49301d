"""Thumbnails from all over a recording, on few sheets, and a WebVTT file that says which shows when.

That is what players show while somebody moves over the time: each cue names a sheet and, as a spatial media fragment
(`#xywh=`, W3C Media Fragments 1.0), the place on it. Keyframes are used as they come wherever there are enough of them.
"""

import bisect
import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from urllib.parse import quote

from av.video.frame import VideoFrame
from PIL import Image

from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.model.progress import Advance
from jobs.engine.video import frame_picker, keyframe_reader, still, thumbnails

MAXIMUM_THUMBNAILS = 360
"""On an hour that is one in ten seconds."""
MINIMUM_SECONDS_EACH = 1
ENOUGH_KEYFRAMES = 60
"""With so many keyframes none of the frames between them is decoded."""
LATE, STRICT = Fraction(2), Fraction(1, 2)
"""A keyframe stands for what is shown up to so many frames' time after it; later than that an exact one is taken.
Without many keyframes only those do that lie in the first half of the frame's own part."""
COLUMNS, ROWS = 10, 10
LOOKED = 0.9
"""Share of the work that is looking at the keyframes; the rest is putting the sheets together."""


@dataclasses.dataclass(frozen=True)
class Storyboard:
    """`count` frames of `tile` (width, height) pixels, `columns` in a row and `rows` on a sheet.

    Frame n is shown for `duration` / `count` seconds from n times that on. The sheets are in order of time.
    """

    sheets: tuple[Path, ...]
    tile: tuple[int, int]
    count: int
    duration: Fraction
    columns: int = COLUMNS
    rows: int = ROWS

    def cues(self, names: Sequence[str]) -> str:
        """The WebVTT file, for sheets that are called `names`; these may be whole addresses."""
        return "\n\n".join(["WEBVTT", *(self._cue(number, names) for number in range(self.count))]) + "\n"

    def _cue(self, number: int, names: Sequence[str]) -> str:
        begin, end = (self.duration * position / self.count for position in (number, number + 1))
        sheet, position = divmod(number, self.columns * self.rows)
        (x, y), (width, height) = _corner(position, self.tile, self.columns), self.tile
        return f"{_stamp(begin)} --> {_stamp(end)}\n{quote(names[sheet])}#xywh={x},{y},{width},{height}"


def make(
    source: Path,
    info: MediaInfo,
    folder: Path,
    *,
    width: int,
    kind: str = "jpeg",
    progress: Advance = lambda fraction: None,
) -> Storyboard:
    """Write the sheets (jpeg, webp or png) to `folder`. Frames are `width` pixels wide, or as wide as the recording.

    `progress` gets 0 to 1 and may raise to stop the work. Raises InputError for a recording without video, or
    without one that can be decoded, and ResourceError when the disk is full.
    """
    tile = still.size(info.require_video(), width)
    tiles = _tiles(source, info, width, lambda fraction: progress(LOOKED * fraction))
    sheets: list[Path] = []
    for first in range(0, len(tiles), COLUMNS * ROWS):
        sheets.append(folder / f"storyboard-{len(sheets) + 1:02d}.{kind}")
        still.save(_sheet(tiles[first : first + COLUMNS * ROWS], tile), sheets[-1], kind)
        progress(LOOKED + (1 - LOOKED) * min(1, (first + COLUMNS * ROWS) / len(tiles)))
    return Storyboard(tuple(sheets), tile, len(tiles), info.duration)


def _tiles(source: Path, info: MediaInfo, width: int, progress: Advance) -> list[Image.Image]:
    """The frames in order of time: as many as there are seconds or keyframes, within bounds."""
    most = max(1, min(MAXIMUM_THUMBNAILS, math.floor(info.duration / MINIMUM_SECONDS_EACH)))
    draw = _drawer(info, width)
    found = keyframe_reader.keyframes_near(source, info, thumbnails.even(info.duration, most), draw, progress=progress)
    keys = [one for one in found if one]
    count = max(min(most, ENOUGH_KEYFRAMES), min(most, len(keys)))
    times = thumbnails.even(info.duration, count)
    late = info.duration / count * (LATE if len(keys) >= ENOUGH_KEYFRAMES else STRICT)
    shown = [_standing_for(time, keys, late) for time in times]
    exact = _exact(source, info, [time for time, tile in zip(times, shown, strict=True) if tile is None], draw)
    return [tile or next(exact) for tile in shown]


def _drawer(info: MediaInfo, width: int) -> Callable[[VideoFrame], Image.Image]:
    track = info.require_video()
    return lambda frame: still.drawn(frame, track, width)


def _standing_for(
    time: Fraction, keys: Sequence[keyframe_reader.Keyframe[Image.Image]], late: Fraction
) -> Image.Image | None:
    """The last of the keyframes at or before `time`, unless that is more than `late` seconds ago."""
    position = bisect.bisect(keys, time, key=lambda key: key.time) - 1
    return keys[position].drawn if position >= 0 and time - keys[position].time <= late else None


def _exact(
    source: Path, info: MediaInfo, times: Sequence[Fraction], draw: Callable[[VideoFrame], Image.Image]
) -> Iterator[Image.Image]:
    if times:
        for picture in frame_picker.frames_at(source, info, times):
            yield draw(picture.frame)


def _sheet(tiles: Sequence[Image.Image], tile: tuple[int, int]) -> Image.Image:
    rows = -(-len(tiles) // COLUMNS)
    sheet = Image.new("RGB", (tile[0] * min(COLUMNS, len(tiles)), tile[1] * rows))
    for position, picture in enumerate(tiles):
        sheet.paste(picture, _corner(position, tile, COLUMNS))
    return sheet


def _corner(position: int, tile: tuple[int, int], columns: int) -> tuple[int, int]:
    return position % columns * tile[0], position // columns * tile[1]


def _stamp(time: Fraction) -> str:
    """Hours, minutes, seconds and milliseconds, as WebVTT writes them."""
    milliseconds = round(time * 1000)
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"
