"""Decoded frames of a recording by their time stamps, whole ones, reading no more of it than is needed."""

import collections
import contextlib
from collections.abc import Iterator
from typing import Self

import av.error
from av.codec.context import ThreadType
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from jobs.engine.container import demuxing
from jobs.engine.model.mediainfo import ContainerCrop, MediaInfo, demuxer
from jobs.engine.probe.cropping import all_cropped
from jobs.engine.runtime import processors
from jobs.engine.video.deinterlace import deinterlaced
from jobs.engine.video.frame_index import FrameIndex
from jobs.engine.video.frame_schedule import Schedule
from jobs.engine.video.source import Source
from jobs.engine.video.video_stream import open_video, readable_frames
from jobs.errors import ToolError

# Containers with an index of keyframes; others seek by guessing, and are decoded from the start.
KEYFRAME_INDEXED = {"mov", "matroska"}
# By so many frames times may run back, and be known to.
REMEMBERED_FRAMES = 64


def can_jump(info: MediaInfo) -> bool:
    """Whether frames in the middle of the recording can be had without those before."""
    return demuxer(info) in KEYFRAME_INDEXED


class FrameCursor:
    """Goes through the frames of one recording, forwards only."""

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        index: FrameIndex,
        *,
        can_seek: bool,
        alone: bool,
        crop: ContainerCrop,
    ) -> None:
        self._container = container
        self._stream = stream
        self._index = index
        self._can_seek = can_seek
        self._alone = alone
        self._crop = crop
        self._decoded = self._frames()
        self._shown: tuple[int, VideoFrame] | None = None
        self._ahead: tuple[int, VideoFrame] | None = None
        self._given: collections.deque[int] = collections.deque(maxlen=REMEMBERED_FRAMES)
        self.unplanned: list[int] = []
        """After which frames the decoder gave others that the index does not have."""

    @classmethod
    @contextlib.contextmanager
    def opened(cls, source: Source, *, alone: bool) -> Iterator[Self]:
        """At the start of a recording. `alone`: there is no other beside it to keep the cores busy."""
        path, info = source.path, source.info
        container, stream = open_video(path, info)
        with container:
            context = stream.codec_context
            if alone:
                context.thread_count, context.thread_type = processors.available(), ThreadType.AUTO
            else:
                context.thread_count, context.thread_type = 1, ThreadType.NONE
            demuxing.prime(stream, lambda: demuxing.recording(path, demuxer(info)))
            # Times of showing that are counted have to be counted from the start.
            can_seek = can_jump(info) and not demuxing.is_untimed(container, stream)
            crop = info.require_video().crop
            yield cls(container, stream, source.require_index(), can_seek=can_seek, alone=alone, crop=crop)

    def scheduled(self, wanted: Schedule, first: int, end: int) -> Iterator[tuple[VideoFrame, bool]]:
        """The frames of a schedule from its number `first` up to `end`, and whether each is right."""
        begins = {first, *wanted.segment_firsts}.union(*(range(*part[:2]) for part in wanted.segments if part[2]))
        for place in range(first, end):
            pts = int(wanted.source_pts[place])
            if place in begins:
                self.go_to(pts)
                yield self.at(pts)
            else:
                yield self.at(pts, after=int(wanted.source_pts[place - 1]))

    def go_to(self, pts: int) -> None:
        """Jump to the last keyframe before `pts` when that leaves something out."""
        key = self._index.keyframe_at_or_before(pts)
        position = self._ahead or self._shown
        # At the start it stands at the first keyframe, which not every container's index knows to be one.
        known = position[0] if position else int(self._index.keyframe_pts[0]) if len(self._index.keyframe_pts) else 0
        if not self._can_seek or key is None or key <= known:
            return
        while key is not None and self._can_seek:
            self._seek(key)
            if self._ahead and self._ahead[0] <= pts:
                return
            # The demuxer landed too late, or the decoder could not start there.
            key = self._index.keyframe_at_or_before(key - 1)
        if self._can_seek:
            self._seek(int(self._index.pts[0]))
        self._can_seek = False

    def _seek(self, pts: int) -> None:
        try:
            self._container.seek(pts, stream=self._stream, backward=True)
        except av.error.FFmpegError:
            # The container's own index has no keyframe up to there, as when the first is one by its contents alone.
            self._can_seek = False
            self._container.seek(-self._index.end_tick, stream=self._stream, backward=True, any_frame=True)
        self._decoded = self._frames()
        self._shown = None
        self._ahead = self._next()

    def _frames(self) -> Iterator[VideoFrame]:
        frames = deinterlaced(readable_frames(self._container, self._stream), alone=self._alone)
        return all_cropped(frames, self._crop)

    def _next(self) -> tuple[int, VideoFrame] | None:
        return next(((frame.pts, frame) for frame in self._decoded if frame.pts is not None), None)

    def at(self, pts: int, *, after: int | None = None) -> tuple[VideoFrame, bool]:
        """The frame with this time stamp; where the decoder has none for it, the one before, or failing that after.

        And whether it is the one asked for, undamaged as far as the decoder tells. `after` is the one that the index
        has before it, if that was shown. Raises ToolError when nothing can be decoded.
        """
        while self._ahead is None or self._ahead[0] <= pts:
            if self._ahead:
                self._shown = self._ahead
                if after is not None and self._is_unplanned(self._shown, after, pts):
                    self.unplanned.append(after)
                if self._shown[0] == pts:
                    self._ahead = None
                    break
            self._ahead = self._next()
            if self._ahead is None:
                break
        found = self._shown or self._ahead
        if not found:
            raise ToolError(
                "No picture of this recording could be decoded. Export it again, for example as MP4, and upload that."
            )
        self._given.append(pts)
        return found[1], found[0] == pts and not found[1].is_corrupt

    def _is_unplanned(self, decoded: tuple[int, VideoFrame], after: int, pts: int) -> bool:
        """Whether a frame comes on show between two that follow each other, or at a time at which another one did.

        One with the time of the frame before it is on show for no time.
        """
        stamp, frame = decoded
        repeats = stamp < after and stamp in self._given
        return (repeats or after < stamp < pts) and not frame.is_corrupt
