"""The frames that show a recording at its best: sharp, bright, in no transition, and different from each other.

Keyframes from all over the recording are judged small: sharpness by the spread of the Laplacian (Pech-Pacheco et al.,
"Diatom autofocusing in brightfield microscopy", 2000), relative to the recording's own; light by mean and deviation of
luma. They are chosen one by one, each for its score and for how far it is from those chosen before (maximal marginal
relevance; Carbonell and Goldstein, 1998). What would be chosen is looked at together with what follows: while one
frame fades into another, all frames lie on a straight line between the two.
"""

import dataclasses
import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from PIL import Image

from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.model.progress import Advance
from jobs.engine.video import decoding_pass, frame_picker, frame_reader, keyframe_reader, still, thumbnails

Plane = NDArray[np.float32]

TRIED, TRIED_EACH = 60, 8
"""Keyframes that are judged: at least so many, and so many for each frame that is asked for."""
ENOUGH_EACH = 3
"""With fewer different keyframes for each wanted frame, others between them are decoded as well."""
JUDGED_WIDTH = 320
SMALL = 32, 18
"""Pixels to which a frame is averaged for saying how far it is from another."""
FADED = 96, 54
"""The same for following a transition: fine enough that what only moves does not look like one."""
DARK, BRIGHT = 16, 72
"""Mean luma, 0 to 255, of a frame that is not worth showing, and of one that is bright enough."""
CONTRAST = 48
"""Standard deviation of luma that is enough."""
ALIKE, FAR = 0.01, 0.06
"""Root mean square distances, 0 to 1: of frames that nobody tells apart, and of those that are half new."""
NEAR = 0.25
"""What the same frame is still worth right beside one that was chosen."""
STEP = Fraction(1, 5)
STRAIGHT, MOVED = 0.85, 0.012
"""In a transition two steps on end go the same way (cosine) and not nowhere (root mean square)."""
IN_TRANSITION = 0.01
"""What is left of the score of a frame in a transition: the same frame once more is better."""


@dataclasses.dataclass(frozen=True)
class BestFrame:
    """`time` is one at which the frame is on show, exact seconds after the recording's start; `score` is 0 to 1."""

    time: Fraction
    score: float


@dataclasses.dataclass(frozen=True, eq=False)
class FrameStatistics:
    """What is seen of a frame: `sharpness` (deviation of the Laplacian), `light` (0 to 1), and itself, `SMALL`."""

    sharpness: float
    light: float
    small: Plane


Judged = keyframe_reader.Keyframe[tuple[int, FrameStatistics]]


@dataclasses.dataclass(eq=False)
class _Candidate:
    """One that can be chosen. `nearest` (0 to 1) and `away` (seconds) are how far it is from all chosen before."""

    time: Fraction
    look: FrameStatistics
    score: float
    nearest: float = 1
    away: float = math.inf
    checked: bool = False

    def keep_off(self, chosen: "_Candidate") -> None:
        self.nearest = min(self.nearest, distance(self.look.small, chosen.look.small))
        self.away = min(self.away, abs(float(self.time - chosen.time)))

    def worth(self, gap: float) -> float:
        """The score, less the more alike it is to what was chosen, and less again within `gap` seconds of it."""
        novelty = (self.nearest + ALIKE) / (self.nearest + ALIKE + FAR)
        return self.score * novelty * (NEAR + (1 - NEAR) * min(1, self.away / gap))


def best_frames(
    source: Path, info: MediaInfo, count: int, *, progress: Advance = lambda fraction: None
) -> list[BestFrame]:
    """The `count` best frames, in order of time; fewer only where the recording does not have so many.

    They differ as far as the recording's frames do. `progress` gets 0 to 1 and may raise to stop the work. Raises
    InputError for a recording without video, or without one that can be decoded.
    """
    candidates = _candidates(source, info, count, lambda fraction: progress(0.8 * fraction))
    chosen: list[_Candidate] = []
    gap = float(info.duration) / (2 * count)
    with frame_reader.FrameReader.opened(source, info) as reader:
        while len(chosen) < count and candidates:
            best = max(candidates, key=lambda one: one.worth(gap))
            if not best.checked and _is_in_transition(_following(reader, info, best.time)):
                best.score *= IN_TRANSITION
                best.checked = True
                continue
            chosen.append(best)
            candidates.remove(best)
            for other in candidates:
                other.keep_off(best)
            progress(0.8 + 0.2 * len(chosen) / count)
    return sorted((BestFrame(one.time, one.score) for one in chosen), key=lambda one: one.time)


def look(image: Image.Image) -> FrameStatistics:
    """Judge an upright sRGB frame."""
    luma = np.asarray(image.convert("L"), np.float32)
    return FrameStatistics(sharpness(luma), light(luma), small(image, SMALL))


def sharpness(luma: Plane) -> float:
    """Standard deviation of the Laplacian; 0 for a flat frame, larger for finer detail."""
    if min(luma.shape) < 3:
        return 0
    inner = luma[1:-1, 1:-1]
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return float((around - 4 * inner).std())


def light(luma: Plane) -> float:
    """How well lit a frame is: 0 black or flat, 1 bright and with contrast."""
    bright = (float(luma.mean()) - DARK) / (BRIGHT - DARK)
    return min(max(bright, 0.0), 1.0) * min(float(luma.std()) / CONTRAST, 1.0)


def small(image: Image.Image, size: tuple[int, int]) -> Plane:
    """The frame averaged to `size` pixels, 0 to 1, flat."""
    return np.asarray(image.resize(size, Image.Resampling.BOX), np.float32).reshape(-1) / np.float32(255)


def distance(one: Plane, other: Plane) -> float:
    """Root mean square difference of two frames of one size, 0 to 1."""
    return float(np.sqrt(np.mean((one - other) ** 2)))


def _candidates(source: Path, info: MediaInfo, count: int, progress: Advance) -> list[_Candidate]:
    """Frames from all over the recording that can be chosen from, with their scores."""
    looks = {
        stamp: (shown.time, seen)
        for shown in _keyframes(source, info, max(TRIED, TRIED_EACH * count), lambda done: progress(done / 2))
        for stamp, seen in [shown.drawn]
    }
    if len(looks) < ENOUGH_EACH * count:
        times = thumbnails.even(info.duration, ENOUGH_EACH * count)
        for number, picture in enumerate(frame_picker.frames_at(source, info, times), 1):
            looks.setdefault(decoding_pass.shown_at(picture.frame), (picture.time, _looked(picture.frame, info)))
            progress((1 + number / len(times)) / 2)
    usual = float(np.median([seen.sharpness for _, seen in looks.values()])) or 1.0
    return [_Candidate(time, seen, _score(seen, usual)) for time, seen in looks.values()]


def _keyframes(source: Path, info: MediaInfo, count: int, progress: Advance) -> list[Judged]:
    """Of each of up to `count` keyframes the time, the time stamp, and what is seen of it."""

    def judge(frame: VideoFrame) -> tuple[int, FrameStatistics]:
        return decoding_pass.shown_at(frame), _looked(frame, info)

    found = keyframe_reader.keyframes_near(
        source, info, thumbnails.even(info.duration, count), judge, progress=progress
    )
    return [one for one in found if one]


def _score(seen: FrameStatistics, usual: float) -> float:
    """0 to 1; well lit and as sharp as usual in this recording is a half."""
    return seen.light * seen.sharpness / (seen.sharpness + usual)


def _looked(frame: VideoFrame, info: MediaInfo) -> FrameStatistics:
    return look(still.drawn(frame, info.require_video(), JUDGED_WIDTH))


def _following(reader: frame_reader.FrameReader, info: MediaInfo, time: Fraction) -> list[Plane]:
    """The frame at `time` and those one and two steps later; fewer at the end and where none comes."""
    wanted = time
    found: list[Plane] = []
    for shown, frame in reader.frames_between(time, 3 * STEP):
        if not found or shown >= wanted:
            found.append(small(still.drawn(frame, info.require_video(), JUDGED_WIDTH), FADED))
            wanted = shown + STEP
    return found[:3]


def _is_in_transition(pictures: Sequence[Plane]) -> bool:
    """Whether frames in equal steps are blends of the same two, ever more of the later one."""
    if len(pictures) < 3:
        return False
    first, second = pictures[1] - pictures[0], pictures[2] - pictures[1]
    lengths = float(np.linalg.norm(first)), float(np.linalg.norm(second))
    if min(lengths) < MOVED * np.sqrt(len(first)):
        return False
    return float(np.dot(first, second)) > STRAIGHT * lengths[0] * lengths[1]
