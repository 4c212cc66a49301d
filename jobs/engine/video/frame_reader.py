"""Decoded pictures at given times of a recording, at the cost of the groups of pictures they lie in.

The demuxer is asked for the keyframe before each time. Of the packets after it only the time stamps are read first;
they tell which frame is on show at the time. Then the group is decoded up to that frame, leaving out what no other
frame refers to, and stops there.
"""

import collections
import contextlib
import itertools
import math
import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Self

import av.error
from av.codec.context import ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from jobs.engine.container import demuxing
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.probe import demuxer_allowlist
from jobs.engine.probe.cropping import Cropper
from jobs.errors import InputError

MULTITHREADED_PIXELS = 1920 * 1088
"""Pixels; what is larger takes long enough to decode to be worth several threads."""
THREADS = min(4, os.cpu_count() or 1)
"""For large pictures. Each thread holds some of its own, so more of them cost memory."""
MAXIMUM_REORDER_FRAMES = 16
"""Frames that H.264 and HEVC may decode between a frame and its showing."""
# Codecs whose bitstream says per frame that nothing refers to it, so that leaving it out changes no other frame.
# Not HEVC: there the mark speaks only for one temporal layer.
MARKS_UNREFERENCED = {"h264", "mpeg1video", "mpeg2video", "mpeg4"}
# Decoders that give no frame for which others are missing; some make up what is missing.
REFUSES_MISSING_REFERENCES = {"h264", "hevc"}

Found = tuple[Fraction, VideoFrame]


class FrameReader:
    """One open recording, for pictures only. Times are exact seconds after the recording's start.

    A strict reader gives no frame that the decoder had to patch up, nor one that was predicted from such a frame; a
    lenient one gives what the decoder makes of it. `packets_decoded` counts the work done.
    """

    def __init__(self, container: InputContainer, info: MediaInfo, *, strict: bool, threads: int | None = None) -> None:
        assert info.video is not None
        self.container = container
        self.start = info.start
        self.strict = strict
        self.packets_decoded = 0
        self._cropper = Cropper(info.video.crop)
        self._aim = 0
        self._stamps: collections.deque[int | None] = collections.deque()
        self._damaged: set[int] = set()
        self.stream: VideoStream = container.streams[info.video.index]  # type: ignore[assignment]
        # Without this the demuxer would read the sound as well, only to drop it.
        for other in container.streams:
            if other is not self.stream:
                other.discard = Discard.all
        context = self.stream.codec_context
        # Two threads tell of damage in what they decode too late for it to be seen every time.
        large = context.width * context.height > MULTITHREADED_PIXELS
        context.thread_type = ThreadType.FRAME
        context.thread_count = threads or (THREADS if large else 1)
        assert self.stream.time_base is not None
        self._time_base = self.stream.time_base
        self._stamped = not demuxing.is_untimed(container, self.stream)
        self._delay = 0 if self._stamped else MAXIMUM_REORDER_FRAMES
        self._can_skip = self._stamped and context.name in MARKS_UNREFERENCED

    @classmethod
    @contextlib.contextmanager
    def opened(
        cls, source: Path, info: MediaInfo, *, strict: bool = True, threads: int | None = None
    ) -> Iterator[Self]:
        """Open `source` for its pictures. `threads` decode, by themselves as many as help. Raises InputError."""
        if info.video is None:
            raise no_picture()
        with demuxer_allowlist.opened(source) as container:
            reader = cls(container, info, strict=strict, threads=threads)
            demuxing.prime(reader.stream, lambda: demuxer_allowlist.opened(source))
            yield reader

    def times_by_keyframe(self, times: Sequence[Fraction]) -> Iterator[list[Fraction]]:
        """The times in ascending order, those that lie after the same keyframe together. Decodes nothing."""
        keyed = [(self._keyframe(time), time) for time in sorted(times)]
        for _, group in itertools.groupby(keyed, key=lambda pair: pair[0]):
            yield [time for _, time in group]

    def is_before_keyframes(self, time: Fraction) -> bool:
        """Whether the time lies before all keyframes: what can be decoded there is so from the file's start alone."""
        key = self._keyframe(time)
        return key is None or key > self._ticks(time)

    def preroll(self, time: Fraction) -> Fraction:
        """For how long before `time` decoding has to begin: from the last keyframe, or else from the start."""
        key = self._keyframe(time)
        since = time if key is None else self.start + time - key * self._time_base
        return since if since >= 0 else time

    def frames_on_show(self, group: Sequence[Fraction], *, opening: bool = False) -> Iterator[Found]:
        """For each time of one group, ascending, the frame that is on show then; nothing for those it cannot give.

        Where the frame itself is damaged, the next sound one of the group stands in for it. `opening`: decode from
        where the reader stands, which has to be the file's start, whether that is a keyframe or not.
        """
        waiting = list(group)
        needed = self._needed(group) if self._can_skip and not opening else None
        shown: VideoFrame | None = None
        if not opening:
            self._keyframe(group[0])
        for frame in self._decoded(until=self._ticks(group[-1]), needed=needed, opening=opening):
            while waiting and shown_at(frame) > self._ticks(waiting[0]):
                time = waiting.pop(0)
                # Without a sound frame before it, at the very start or after damage, the next one has to do.
                yield time, shown if shown and self._lasts(shown, time) else frame
            if not waiting:
                return
            shown = frame
        if shown:
            yield from ((time, shown) for time in waiting if self._lasts(shown, time))

    def keyframe(self, time: Fraction, known: int | None = None) -> VideoFrame | None:
        """The last keyframe at or before `time`, or the first of all, decoded alone: the work of one packet.

        None when it does not decode, and when it is the one whose time stamp is `known` already.
        """
        packet = self._key_packet(time)
        if packet is None or (known is not None and self._stamp(packet) == known):
            return None
        self._stamps.clear()
        self._stamps.append(self._stamp(packet))
        frames = list(self._timed([*(self._decode(packet) or []), *(self._decode(None) or [])]))
        self.stream.codec_context.flush_buffers()
        return next((frame for frame in frames if not (frame.is_corrupt and self.strict)), None)

    def frames_between(self, begin: Fraction, length: Fraction) -> Iterator[Found]:
        """The sound frames on show from `begin` to `length` seconds later, each with the time when it comes on show."""
        first, until = self._ticks(begin), self._ticks(begin + length)
        shown: VideoFrame | None = None
        self._keyframe(begin)
        for frame in self._decoded(until=until):
            if shown and shown_at(frame) > first:
                yield self.time_of(shown), shown
            shown = frame
            if shown_at(frame) > until:
                return
        if shown:
            yield self.time_of(shown), shown

    def first_keyframe_after(self, time: Fraction) -> VideoFrame | None:
        """The first keyframe after `time` that decodes."""
        self._keyframe(time)
        for packet in self._packets():
            if packet.is_keyframe and (self._stamp(packet) or 0) > self._ticks(time):
                for frame in (*(self._decode(packet) or []), *(self._decode(None) or [])):
                    if not (frame.is_corrupt and self.strict):
                        return frame
                self.stream.codec_context.flush_buffers()
        return None

    def last_frame_before(self, time: Fraction) -> VideoFrame | None:
        """The last frame before `time` that decodes, looked for in growing steps back to the start."""
        for step in itertools.count():
            earlier = max(time - 2**step, Fraction(0))
            self._keyframe(earlier)
            found = None
            for frame in self._decoded(until=self._ticks(time)):
                found = frame
            if found or earlier == 0:
                return found
        return None

    def time_of(self, frame: VideoFrame) -> Fraction:
        """Seconds after the recording's start at which the frame comes on show."""
        return max(shown_at(frame) * self._time_base - self.start, Fraction(0))

    def _ticks(self, time: Fraction) -> int:
        """The last time stamp of the stream at or before `time`."""
        return math.floor((self.start + time) / self._time_base)

    def _stamp(self, packet: "Packet[VideoStream]") -> int | None:
        return packet.pts if self._stamped else packet.dts

    def _keyframe(self, time: Fraction) -> int | None:
        """Seek to the last keyframe at or before `time`, or to the first of all. Returns its time stamp."""
        packet = self._key_packet(time)
        self._seek(self._aim)
        return None if packet is None else self._stamp(packet)

    def _key_packet(self, time: Fraction) -> "Packet[VideoStream] | None":
        """The last keyframe at or before `time`, or the first of all, as stored. `_aim` is where a seek finds it."""
        target = self._ticks(time)
        for step in itertools.count():
            # Demuxers seek by decoding time or, without an index, by guessing: what they find may lie too late.
            # The last step goes to before the start, since the first frame is decoded before it is shown.
            back = 0 if step == 0 else 2 ** (step - 1)
            self._aim = self._ticks(time - back)
            self._seek(self._aim)
            found = self._next_keyframe(target)
            stamp = None if found is None else self._stamp(found)
            if back > time + 1 or (stamp is not None and stamp <= target):
                return found
        return None

    def _seek(self, aim: int) -> None:
        # Refused by a few formats for times before their first frame, where they stand already.
        with contextlib.suppress(av.error.FFmpegError):
            self.container.seek(aim, stream=self.stream, backward=True)

    def _next_keyframe(self, limit: int) -> "Packet[VideoStream] | None":
        """Read on to the next keyframe, no further than `limit`."""
        for packet in self._packets():
            if packet.is_keyframe:
                return packet
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

    def _lasts(self, shown: VideoFrame, time: Fraction) -> bool:
        """Whether a frame is still on show at `time`, with no damaged one between."""
        return not any(shown_at(shown) < stamp <= self._ticks(time) for stamp in self._damaged)

    def _decoded(self, *, until: int, needed: set[int] | None = None, opening: bool = False) -> Iterator[VideoFrame]:
        """The sound frames from here on, in order of showing, with all up to `until` among them.

        With `needed`, frames that are neither in it nor needed for decoding it are left out.
        """
        sound = not opening or self.stream.codec_context.name in REFUSES_MISSING_REFERENCES
        for frame in self._fed(until, needed, opening):
            stamp = shown_at(frame)
            if frame.is_corrupt and self.strict:
                self._damaged.add(stamp)
            # What is predicted from a damaged frame is damaged too, up to the next frame that stands alone.
            alone = frame.key_frame or (opening and frame.pict_type == PictureType.I)
            sound = stamp not in self._damaged and (sound or alone)
            if sound:
                yield frame
            elif self.strict:
                self._damaged.add(stamp)

    def _fed(self, until: int, needed: set[int] | None, opening: bool) -> Iterator[VideoFrame]:
        """What the decoder makes of the packets from the next keyframe, or the very next, to `until`."""
        context = self.stream.codec_context
        first: int | None = None
        failed = False
        self._stamps.clear()
        self._damaged.clear()
        for packet in itertools.dropwhile(lambda packet: not (opening or packet.is_keyframe), self._packets()):
            if packet.dts is not None and packet.dts > until + self._delay:
                break
            stamp = self._stamp(packet)
            first = stamp if first is None else first
            if not opening and stamp is not None and first is not None and stamp < first:
                # Shown before the keyframe but stored after it: refers to frames from before the seek.
                continue
            context.skip_frame = "DEFAULT" if needed is None or packet.pts in needed else "NONREF"
            frames = self._decode(packet)
            failed = frames is None or (failed and not packet.is_keyframe)
            if failed and self.strict and stamp is not None:
                self._damaged.add(stamp)
            if frames is not None:
                self._stamps.append(stamp)
            yield from self._timed(frames or [])
        yield from self._timed(self._decode(None) or [])

    def _timed(self, frames: list[VideoFrame]) -> Iterator[VideoFrame]:
        """Frames leave the decoder in order of showing: without times, the next one is shown at the next stamp."""
        for frame in frames:
            if not self._stamped and self._stamps:
                frame.pts = self._stamps.popleft()
            yield frame

    def _decode(self, packet: "Packet[VideoStream] | None") -> list[VideoFrame] | None:
        """Frames that come out when `packet` goes in (None: all that are left); None when it cannot be decoded."""
        self.packets_decoded += packet is not None
        frames = demuxing.frames(self.stream.codec_context, packet)
        return frames and list(map(self._cropper, frames))

    def _packets(self) -> "Iterator[Packet[VideoStream]]":
        """The stream's packets from here to the end, or to where the container can be read no further."""
        return (packet for packet in demuxing.packets(self.container, self.stream) if packet.size)


def shown_at(frame: VideoFrame) -> int:
    """The frame's time stamp; a few old formats only know when it was decoded."""
    return frame.pts if frame.pts is not None else frame.dts or 0


def no_picture() -> InputError:
    return InputError("This recording has no picture, only sound. Choose one with a picture.", code="no_picture")
