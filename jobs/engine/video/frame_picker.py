"""The frame on show at each of given times, whatever the damage."""

import contextlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from av.video.frame import VideoFrame

from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.video.frame_reader import FrameReader
from jobs.errors import InputError


class FrameOnShow(NamedTuple):
    """`asked` is the time asked for, `time` one at which `frame` is on show: seconds after the recording's start."""

    asked: Fraction
    time: Fraction
    frame: VideoFrame


def frames_at(source: Path, info: MediaInfo, times: Sequence[Fraction]) -> Iterator[FrameOnShow]:
    """The frame on show at each time, in ascending order.

    In a damaged stretch the next sound frame is taken, failing that the last before it, and only when the whole
    recording has none, what the decoder makes of the damage. Raises InputError when nothing decodes at all.
    """
    with FrameReader.opened(source, info) as strict:
        for group in strict.times_by_keyframe(times):
            waiting = list(group)
            with _reader(source, info, strict, group) as reader:
                for time, frame in reader.frames_on_show(group, opening=reader is not strict):
                    waiting.remove(time)
                    yield FrameOnShow(time, max(time, reader.time_of(frame)), frame)
            for time in waiting:
                yield _salvaged(source, info, strict, time)


@contextlib.contextmanager
def _reader(source: Path, info: MediaInfo, strict: FrameReader, group: Sequence[Fraction]) -> Iterator[FrameReader]:
    """The reader itself, or a new one at the file's start for what lies before all keyframes: seeks go to those."""
    if strict.is_before_keyframes(group[0]):
        with FrameReader.opened(source, info) as fresh:
            yield fresh
    else:
        yield strict


def _salvaged(source: Path, info: MediaInfo, strict: FrameReader, time: Fraction) -> FrameOnShow:
    if frame := strict.first_keyframe_after(time) or strict.last_frame_before(time):
        return FrameOnShow(time, strict.time_of(frame), frame)
    with FrameReader.opened(source, info, strict=False) as lenient:
        shown = next((frame for _, frame in lenient.frames_on_show([time])), None)
        if frame := shown or lenient.first_keyframe_after(time) or lenient.last_frame_before(time):
            return FrameOnShow(time, lenient.time_of(frame), frame)
    raise InputError(
        "No picture of this recording can be decoded. Export it again, for example as MP4 with H.264, and upload that.",
        detail=str(source),
        code="damaged",
    )
