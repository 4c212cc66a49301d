"""When each frame of a recording comes on show, read from the packets without decoding any.

Times count in ticks of the index's own clock, from the recording's start: integers, so that nothing is ever rounded
after this module. The clock is the stream's own time base, made finer by a whole factor when that is coarse.
"""

import dataclasses
import math
from array import array
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.video.frame import PictureType
from av.video.stream import VideoStream
from numpy.typing import NDArray

from jobs.engine.container import demuxing
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.runtime import array_cache, processors
from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.video.video_stream import open_video, readable_frames
from jobs.errors import InputError

Ticks = NDArray[np.int64]

# The mp4 writer doubles a coarser clock by itself; and a cut off the frames is placed to 1/16 ms at least.
MIN_CLOCK_HZ = 16_000
# A boundary moves to the next frame when that is no further off; a recording of slides must not gain its long frames.
MAXIMUM_SNAP_SECONDS = Fraction(1, 10)
VERSION = 3


@dataclasses.dataclass(frozen=True, eq=False)
class FrameIndex:
    """The frames of one recording in the order they are shown.

    `pts` are the stream's time stamps, `start_ticks` the same in ticks of `clock_hz` after the recording's start,
    strictly rising. `keyframe_pts` are time stamps of keyframes, also of those that an edit list hides. `end_tick` is
    when the last frame goes.
    """

    pts: Ticks
    start_ticks: Ticks
    keyframe_pts: Ticks
    end_tick: int
    clock_hz: int

    def on_clock(self, time: Fraction) -> Fraction:
        """The last instant of the clock at or before `time`."""
        return Fraction(math.floor(time * self.clock_hz), self.clock_hz)

    def ticks(self, time: Fraction) -> int:
        """An instant of the clock as ticks."""
        ticks = time * self.clock_hz
        if ticks.denominator != 1:
            raise ValueError(f"{time} is no instant of a clock of {self.clock_hz} Hz")
        return int(ticks)

    def frame_at_or_before(self, time: Fraction) -> Fraction:
        """When the frame on show at `time` came on show; `time` itself, on the clock, when that is too far off."""
        # Twice for each of thousands of ranges: numbers, not fractions.
        tick = time.numerator * self.clock_hz // time.denominator
        position = int(np.searchsorted(self.start_ticks, tick, "right")) - 1
        if position >= 0 and tick < self.end_tick:
            shown = max(int(self.start_ticks[position]), 0)
            if (tick - shown) * MAXIMUM_SNAP_SECONDS.denominator <= MAXIMUM_SNAP_SECONDS.numerator * self.clock_hz:
                tick = shown
        return Fraction(tick, self.clock_hz)

    def frame_at_or_after(self, time: Fraction) -> Fraction:
        """When the next frame after `time` comes on show, or the last one goes; `time` when that is too far off."""
        tick = -(-time.numerator * self.clock_hz // time.denominator)
        position = int(np.searchsorted(self.start_ticks, tick, "left"))
        shown = int(self.start_ticks[position]) if position < len(self.start_ticks) else self.end_tick
        is_near = (shown - tick) * MAXIMUM_SNAP_SECONDS.denominator <= MAXIMUM_SNAP_SECONDS.numerator * self.clock_hz
        return Fraction(shown if shown >= tick and is_near else tick, self.clock_hz)

    def keyframe_at_or_before(self, pts: int) -> int | None:
        """Time stamp of the last frame at or before `pts` from which decoding can start."""
        position = int(np.searchsorted(self.keyframe_pts, pts, "right")) - 1
        return int(self.keyframe_pts[position]) if position >= 0 else None


def index_frames(
    source: Path, info: MediaInfo, *, cache_dir: Path | None = None, token: CancellationToken | None = None
) -> FrameIndex:
    """The index of a recording with video. `cache_dir` is a folder that belongs to its bytes.

    Raises InputError when the frames carry no time stamps or there is none.
    """
    if cache_dir and (index := cached_index(info, cache_dir)):
        return index
    arrays = _read(source, info, token or CancellationToken())
    array_cache.save(cache_dir and _stored(cache_dir), arrays)
    return _index(info, arrays)


def cached_index(info: MediaInfo, cache_dir: Path) -> FrameIndex | None:
    """What `index_frames` read before of these bytes, as far as it is still there."""
    arrays = array_cache.load(_stored(cache_dir))
    return _index(info, arrays) if arrays and set(arrays) == {"pts", "keys", "end", "time_base"} else None


def _stored(cache_dir: Path) -> Path:
    return cache_dir / f"frames.v{VERSION}.npz"


Stamp = tuple[int | None, int, int]
"""Time stamp, KEY, HIDDEN and STILL (the frame before goes on) or not, duration (0: not told)."""
KEY, HIDDEN, STILL = 1, 2, 4
UNTOLD = np.iinfo(np.int64).min


def _read(source: Path, info: MediaInfo, token: CancellationToken) -> array_cache.Arrays:
    pts, flags, durations, time_base = _stamps(source, info, _from_packets, token)
    if (pts == UNTOLD).any():
        # Some containers do not store when a frame is shown: the decoder works it out.
        pts, flags, durations, time_base = _stamps(source, info, _from_frames, token)
    is_key = flags & KEY != 0
    first = int(is_key.argmax()) if is_key.any() else len(pts)
    told = np.flatnonzero(pts != UNTOLD)
    # What is stored or shown before the first key may need what is not there.
    is_early = (told < first) | (pts[told] < pts[first : first + 1].max(initial=UNTOLD))
    if not is_key.any() or is_early.any():
        until = int(pts[told[~is_early]].min()) if not is_early.all() else None
        whole, alone = _decodable(source, info, until, token)
        # Some decoders make up what others were predicted from, until there is a frame that stands alone.
        begun = np.cumsum(np.isin(pts[told], alone)) > 0
        told = told[~is_early | (begun & np.isin(pts[told], whole))]
    visible = told[flags[told] & HIDDEN == 0]
    shown = np.unique(pts[visible[flags[visible] & STILL == 0]])
    if not len(shown):
        raise InputError(
            "No picture of this recording can be placed in time. Export it again as MP4 and upload that.",
            code="no_picture",
        )
    last = visible[pts[visible].argmax()]
    end = int(pts[last]) + (int(durations[last]) or median_step(shown) or _told_step(info, time_base))
    return {
        "pts": shown,
        "keys": np.unique(pts[told[is_key[told]]]),
        "end": np.array(end, np.int64),
        "time_base": np.array([time_base.numerator, time_base.denominator], np.int64),
    }


def _stamps(
    source: Path,
    info: MediaInfo,
    read: Callable[[InputContainer, VideoStream], Iterator[Stamp]],
    token: CancellationToken,
) -> tuple[Ticks, NDArray[np.uint8], Ticks, Fraction]:
    """Time stamps (UNTOLD where there is none), flags and durations in the order of reading, and their unit."""
    # Hours of video have hundreds of thousands of frames: numbers in a row, not objects.
    pts, flags, durations = array("q"), bytearray(), array("q")
    container, stream = open_video(source, info)
    with container:
        assert stream.time_base is not None
        for stamp, marks, duration in read(container, stream):
            token.check()
            pts.append(UNTOLD if stamp is None else stamp)
            flags.append(marks)
            durations.append(duration)
        return np.array(pts, np.int64), np.frombuffer(flags, np.uint8), np.array(durations, np.int64), stream.time_base


def _from_packets(container: InputContainer, stream: VideoStream) -> Iterator[Stamp]:
    hides = stream.codec_context.name == "vp8"
    is_untimed = demuxing.is_untimed(container, stream)
    # A file that breaks off is indexed up to there.
    for packet in demuxing.packets(container, stream):
        if packet.size:
            # One to be discarded lies outside the edit list, and others may be predicted from it.
            is_hidden = packet.is_discard or (hides and not memoryview(packet)[0] >> 4 & 1)
            pts = None if is_untimed else packet.pts
            yield pts, KEY * packet.is_keyframe | HIDDEN * is_hidden, packet.duration or 0
        elif packet.pts is not None:
            yield packet.pts, STILL, packet.duration or 0


def _from_frames(container: InputContainer, stream: VideoStream) -> Iterator[Stamp]:
    stream.codec_context.thread_type = "AUTO"
    stream.codec_context.thread_count = processors.available()
    for frame in readable_frames(container, stream):
        yield frame.pts, KEY * frame.key_frame, frame.duration or 0


def _decodable(
    source: Path, info: MediaInfo, until: int | None, token: CancellationToken
) -> tuple[list[int], list[int]]:
    """Time stamps of the whole frames up to `until` (None: the end), and of those of them that stand alone."""
    whole: list[int] = []
    alone: list[int] = []
    container, stream = open_video(source, info)
    with container:
        for frame in readable_frames(container, stream):
            token.check()
            if frame.pts is None or frame.is_corrupt:
                continue
            whole.append(frame.pts)
            if frame.key_frame or frame.pict_type == PictureType.I:
                alone.append(frame.pts)
            if until is not None and frame.pts >= until:
                break
    return whole, alone


def median_step(stamps: Ticks) -> int:
    """The distance between most frames; 0 when there is only one."""
    return int(np.median(np.diff(stamps))) if len(stamps) > 1 else 0


def _told_step(info: MediaInfo, time_base: Fraction) -> int:
    rate = info.video.frame_rate if info.video else 0
    return max(1, round(1 / (rate * time_base))) if rate else 1


def _index(info: MediaInfo, arrays: array_cache.Arrays) -> FrameIndex:
    numerator, denominator = (int(part) for part in arrays["time_base"])
    finer = -(-MIN_CLOCK_HZ // denominator)
    clock_hz, step = denominator * finer, numerator * finer
    # Containers tell their start in microseconds; the clock holds the frame that it was rounded from.
    start = round(info.start * clock_hz)
    pts = arrays["pts"]
    return FrameIndex(
        pts=pts,
        start_ticks=pts * step - start,
        keyframe_pts=arrays["keys"],
        end_tick=int(arrays["end"]) * step - start,
        clock_hz=clock_hz,
    )
