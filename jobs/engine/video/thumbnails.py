"""Frames of a recording at given times, never black when it has something better to show nearby."""

import dataclasses
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from av.video.frame import VideoFrame
from PIL import Image, ImageStat

from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.video import frame_picker, still

POSTER_AT = Fraction(1, 10)
POSTER_TRIES = 10
NEARBY_TRIES = 4
SAMPLE = (64, 64)
"""Pixels to which a frame is averaged before it is judged: noise and single specks do not count."""
DARK_MEAN = 20
DARK_DEVIATION = 10
FLAT_DEVIATION = 3


@dataclasses.dataclass(frozen=True)
class Thumbnail:
    """`asked` is the time that was asked for, `time` one at which this frame is on show.

    Both are seconds after the recording's start. They differ where the frame at `asked` was blank or damaged.
    """

    asked: Fraction
    time: Fraction
    image: Image.Image


def even(duration: Fraction, count: int) -> list[Fraction]:
    """The middles of `count` equal parts of a recording, in seconds."""
    return [duration * (2 * part + 1) / (2 * count) for part in range(count)]


def grab(
    source: Path,
    info: MediaInfo,
    times: Sequence[Fraction],
    *,
    width: int,
    within: Fraction = Fraction(0),
    tries: int = NEARBY_TRIES,
) -> Iterator[Thumbnail]:
    """The frames on show at `times` (seconds after the recording's start), in ascending order of time.

    Each is upright sRGB in square pixels, `width` wide or as wide as the recording. Where one is nearly black or flat,
    up to `tries` others on either side, less than `within` seconds away, are looked at and a better one is taken; with
    0 none is. Raises InputError for a recording without video, or without one that can be decoded.
    """
    for asked, shown, decoded in frame_picker.frames_at(source, info, times):
        frame = Thumbnail(asked, shown, _drawn(decoded, info, width))
        if within and merit(frame.image) < Merit.GOOD:
            frame = _better(frame, source, info, width, nearby(asked, info.duration, within, tries))
        yield frame


def poster(source: Path, info: MediaInfo, out: Path, width: int = 640) -> None:
    """Write one good frame of the recording to `out` as a JPEG: the one at a tenth, or the nearest that is not blank.

    Raises InputError for a recording without video, or without one that can be decoded.
    """
    at = info.duration * POSTER_AT
    for frame in grab(source, info, [at], width=width, within=info.duration, tries=POSTER_TRIES):
        still.save(frame.image, out, "jpeg")


def nearby(time: Fraction, duration: Fraction, within: Fraction, tries: int) -> list[Fraction]:
    """Times around `time`, nearest first: `tries` on either side, less than `within` away, within the recording."""
    steps = [within * step / (tries + 1) for step in range(1, tries + 1)]
    around = [moment for step in steps for moment in (time + step, time - step)]
    return [moment for moment in around if 0 <= moment < duration]


class Merit:
    """How much there is to see in a frame, from worst to best."""

    BLACK, FLAT, GOOD = range(3)


def merit(image: Image.Image) -> int:
    """Judge by luma, 0 to 255: its mean and its standard deviation over the frame.

    Black is a mean under 20 with a deviation under 10: a dark scene with a lamp or a line of text in it is not black.
    Flat, whatever the brightness, is a deviation under 3.
    """
    luma = ImageStat.Stat(image.convert("L").resize(SAMPLE, Image.Resampling.BOX))
    mean, deviation = luma.mean[0], luma.stddev[0]
    if mean < DARK_MEAN and deviation < DARK_DEVIATION:
        return Merit.BLACK
    return Merit.FLAT if deviation < FLAT_DEVIATION else Merit.GOOD


def _better(frame: Thumbnail, source: Path, info: MediaInfo, width: int, moments: Sequence[Fraction]) -> Thumbnail:
    """The first good frame among those at `moments`, or the first of the best, or `frame` if none is better."""
    best = frame
    for moment in moments:
        for _, shown, decoded in frame_picker.frames_at(source, info, [moment]):
            other = Thumbnail(frame.asked, shown, _drawn(decoded, info, width))
            if merit(other.image) > merit(best.image):
                best = other
        if merit(best.image) == Merit.GOOD:
            break
    return best


def _drawn(decoded: VideoFrame, info: MediaInfo, width: int) -> Image.Image:
    return still.drawn(decoded, info.require_video(), width)
