"""Timecode: frames counted as hours, minutes, seconds and frames, with and without dropped numbers (SMPTE ST 12).

At 29.97 and 59.94 frames a second, timecode that counts 30 or 60 runs slow by 3.6 s an hour. Drop-frame timecode, known
by its semicolon, keeps up with the clock: it leaves out the first 2 (or 4) numbers of each minute but the tenth.
"""

import math
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import av.error

from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.video import video_stream
from jobs.errors import InputError

RATES = tuple(Fraction(rate, 1001) for rate in (24_000, 30_000, 48_000, 60_000)) + tuple(
    Fraction(rate) for rate in (24, 25, 30, 48, 50, 60)
)
"""The frame rates that editing programs have timelines for."""
DROP_RATES = (Fraction(30_000, 1001), Fraction(60_000, 1001))
AUDIO_ONLY_RATE = Fraction(30)
MINIMUM_VARIABLE_RATE = Fraction(24)
SAME_RATE = Fraction(1, 2000)
"""Rates this close are one: half the distance between 24 and 23.976."""
TIMECODE = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.])(\d\d)", re.ASCII)


def timeline_rate(info: MediaInfo) -> Fraction:
    """The frame rate of a timeline for this recording: one that editing programs know.

    The recording's own, or the lowest of which its own is a whole part (15 goes into 30), so that each frame is a
    whole number of frames. The nearest one where there is none, and where frames come at a variable rate; 30 for
    audio alone.
    """
    rate = info.video.frame_rate if info.video else AUDIO_ONLY_RATE
    if info.video and info.video.variable_rate:
        return _nearest(rate) if rate >= MINIMUM_VARIABLE_RATE * (1 - SAME_RATE) else AUDIO_ONLY_RATE
    if not rate:
        return AUDIO_ONLY_RATE
    return next((known for known in sorted(RATES) if is_multiple(known, rate)), _nearest(rate))


def is_multiple(rate: Fraction, own: Fraction) -> bool:
    """Whether each frame of a recording at its `own` rate lasts a whole number of frames at `rate`."""
    times = round(rate / own) if own else 0
    return times > 0 and abs(own * times - rate) <= rate * SAME_RATE


def _nearest(rate: Fraction) -> Fraction:
    return min(RATES, key=lambda known: abs(known - rate))


def to_text(frames: int, rate: Fraction, drop: bool) -> str:
    """The timecode of a frame, counted from 0 and starting anew after 24 hours: 01:00:00:00, with drop 01:00:00;00."""
    whole = math.ceil(rate)
    frames %= _day(whole, drop)
    if drop:
        dropped, ten = _dropped(whole), _ten_minutes(whole)
        tens, rest = divmod(frames, ten)
        minutes = max(0, rest - dropped) // (whole * 60 - dropped)
        frames += dropped * (9 * tens + minutes)
    seconds, frame = divmod(frames, whole)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{';' if drop else ':'}{frame:02}"


def to_frames(text: str, rate: Fraction) -> int:
    """How many frames after midnight a timecode stands. Raises ValueError when it is none at this rate."""
    match = TIMECODE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is no timecode")
    hours, minutes, seconds, frame = (int(match[group]) for group in (1, 2, 3, 5))
    whole = math.ceil(rate)
    if hours > 23 or minutes > 59 or seconds > 59 or frame >= whole:
        raise ValueError(f"{text!r} is no timecode at {float(rate):.5g} frames a second")
    frames = whole * (3600 * hours + 60 * minutes + seconds) + frame
    passed = 60 * hours + minutes
    return frames - _dropped(whole) * (passed - passed // 10) if is_drop(text) and rate in DROP_RATES else frames


def is_drop(text: str) -> bool:
    """Whether a timecode says that it drops numbers; some programs write a point for the semicolon."""
    return len(text) > 3 and text[-3] in ";."


def _dropped(whole: int) -> int:
    return whole // 15


def _ten_minutes(whole: int) -> int:
    return whole * 600 - 9 * _dropped(whole)


def _day(whole: int, drop: bool) -> int:
    return 144 * (_ten_minutes(whole) if drop else whole * 600)


def of_recording(source: Path, info: MediaInfo) -> str:
    """The timecode that the camera gave the first frame, as MP4, MOV and MXF files carry it; empty without one."""
    if not info.video:
        return ""
    try:
        container, stream = video_stream.open_video(source, info)
        with container:
            holders: list[Any] = [stream, container, *container.streams]
            labels = [holder.metadata.get("timecode", "") for holder in holders]
    except (InputError, av.error.FFmpegError):
        # It only labels frames: what cannot be read is not there.
        return ""
    return next((text.strip() for text in labels if TIMECODE.fullmatch(text.strip())), "")
