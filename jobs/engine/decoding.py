"""Decoded pictures at given times of a recording, at the cost of the groups of pictures they lie in.

The demuxer is asked for the keyframe before each time. Of the packets after it only the time stamps are read first;
they tell which frame is on show at the time. Then the group is decoded up to that frame, leaving out what no other
frame refers to, and stops there.
"""

import contextlib
import itertools
import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from jobs.engine.media import MediaInfo
from jobs.errors import InputError

# Frame threads each hold pictures of their own: more of them cost memory and gain nothing on one group of pictures.
THREADS = min(4, os.cpu_count() or 1)
# Codecs whose bitstream says per frame that nothing refers to it, so that leaving it out changes no other frame.
# Not HEVC: there the mark speaks only for one temporal layer.
MARKS_UNREFERENCED = {"h264", "mpeg1video", "mpeg2video", "mpeg4"}

type_Found = tuple[Fraction, VideoFrame]


class Reader:
    """One open recording, for pictures only. Times are exact seconds after the recording's start.

    A strict reader gives no frame that the decoder had to patch up, nor one that was predicted from such a frame; a
    lenient one gives what the decoder makes of it. `packets_decoded` counts the work done.
    """

    def __init__(self, container: InputContainer, info: MediaInfo, *, strict: bool) -> None:
        assert info.video is not None
        self.container = container
        self.start = info.start
        self.strict = strict
        self.packets_decoded = 0
        self.stream: VideoStream = container.streams[info.video.index]  # type: ignore[assignment]
        # Without this the demuxer would read the sound as well, only to drop it.
        for other in container.streams:
            if other is not self.stream:
                other.discard = "ALL"
        context = self.stream.codec_context
        context.thread_type = "AUTO"  # type: ignore[assignment]
        context.thread_count = THREADS
        if strict:
            context.options = {"err_detect": "explode"}
        self._can_skip = context.name in MARKS_UNREFERENCED

    @classmethod
    @contextlib.contextmanager
    def opened(cls, source: Path, info: MediaInfo, *, strict: bool = True) -> Iterator[Self]:
        """Open `source` as the format that probing found, and as nothing else. Raises InputError."""
        if info.video is None:
            raise InputError("This recording has no picture, only sound. Choose one with a picture.", code="no_picture")
        try:
            # The file protocol alone: nothing inside the file may make the demuxer open another file or the network.
            container = av.open(
                f"file:{source}",
                format=info.format.split(",")[0],
                container_options={"protocol_whitelist": "file"},
                metadata_errors="replace",
            )
        except (av.error.FFmpegError, ValueError) as error:
            raise InputError(
                "The recording could not be opened. Upload it again.", detail=repr(error), code="unreadable"
            ) from error
        with container:
            yield cls(container, info, strict=strict)

    def groups(self, times: Sequence[Fraction]) -> Iterator[list[Fraction]]:
        """The times in ascending order, those that lie after the same keyframe together. Decodes nothing."""
        keyed = [(self._keyframe(time), time) for time in sorted(times)]
        for _, group in itertools.groupby(keyed, key=lambda pair: pair[0]):
            yield [time for _, time in group]

    def on_show(self, group: Sequence[Fraction]) -> Iterator[type_Found]:
        """For each time of one group, ascending, the frame that is on show then; nothing for those it cannot give."""
        waiting = list(group)
        needed = self._needed(group) if self._can_skip else None
        shown: VideoFrame | None = None
        self._keyframe(group[0])
        for frame in self._decoded(until=self._ticks(group[-1]), needed=needed):
            while waiting and self._seconds(frame) > waiting[0]:
                # Before the first frame of a recording there is only that first frame to show.
                yield waiting.pop(0), shown or frame
            if not waiting:
                return
            shown = frame
        if shown is not None:
            yield from ((time, shown) for time in waiting)

    def after(self, time: Fraction) -> VideoFrame | None:
        """The first keyframe after `time` that decodes."""
        self._keyframe(time)
        floor = self._ticks(time)
        for packet in self._packets():
            if packet.is_keyframe and packet.pts is not None and packet.pts >= floor:
                for frame in (*self._decode(packet), *self._decode(None)):
                    return frame
                self.stream.codec_context.flush_buffers()
        return None

    def before(self, time: Fraction) -> VideoFrame | None:
        """A keyframe before `time` that decodes, looked for in growing steps back to the start."""
        for step in itertools.count():
            earlier = max(time - 2**step, Fraction(0))
            self._keyframe(earlier)
            for frame in self._decoded(until=self._ticks(time)):
                return frame
            if earlier == 0:
                return None
        return None

    def position(self, frame: VideoFrame) -> Fraction:
        """Seconds after the recording's start at which the frame comes on show."""
        return max(self._seconds(frame), Fraction(0))

    def _keyframe(self, time: Fraction) -> int | None:
        """Seek to the last keyframe at or before `time`, or to the first of all; its time stamp."""
        target = self._ticks(time)
        for step in itertools.count():
            # Demuxers seek by decoding time or, without an index, by guessing: what they find may lie too late.
            aim = target if step == 0 else self._ticks(time - 2 ** (step - 1))
            at_start = aim <= self._ticks(Fraction(0))
            found = self._seek(aim, target)
            if at_start or (found is not None and found <= target):
                self._seek(aim, None)
                return found
        return None

    def _seek(self, aim: int, limit: int | None) -> int | None:
        """Seek to `aim`; with a `limit`, read on to the first keyframe until there. Returns its time stamp."""
        with contextlib.suppress(av.error.FFmpegError):
            self.container.seek(aim, stream=self.stream, backward=True)
        if limit is None:
            return None
        for packet in self._packets():
            if packet.is_keyframe:
                return packet.pts if packet.pts is not None else packet.dts
            if packet.dts is not None and packet.dts > limit:
                break
        return None

    def _needed(self, group: Sequence[Fraction]) -> set[int] | None:
        """Time stamps of the frames on show at the times of a group; None when the packets do not tell."""
        limits = [self._ticks(time) for time in group]
        needed: dict[int, int] = {}
        self._keyframe(group[0])
        for packet in self._packets():
            if packet.pts is None or packet.dts is None:
                return None
            for limit in limits:
                if needed.get(limit, packet.pts) <= packet.pts <= limit:
                    needed[limit] = packet.pts
            # No later packet is shown before it is decoded.
            if packet.dts > limits[-1]:
                break
        return set(needed.values())

    def _decoded(self, *, until: int, needed: set[int] | None = None) -> Iterator[VideoFrame]:
        """Frames from here on, in order of showing, until all that are shown up to `until` are out."""
        context = self.stream.codec_context
        started = False
        broken = False
        for packet in itertools.chain(self._packets(), [None]):
            started = started or packet is None or packet.is_keyframe
            if not started:
                continue
            late = packet is not None and packet.dts is not None and packet.dts > until
            if packet is not None:
                context.skip_frame = "DEFAULT" if needed is None or packet.pts in needed else "NONREF"
            for frame in self._decode(None if late else packet):
                if frame is None or frame.is_corrupt and self.strict:
                    broken = True
                elif frame.key_frame or not broken:
                    broken = False
                    yield frame
            if late:
                return
