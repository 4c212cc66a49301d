"""Decoded frames at given times of a recording, at the cost of the GOPs they lie in.

The demuxer is asked for the keyframe before each time. Of the packets after it only the time stamps are read first;
they tell which frame is on show at the time. Then the GOP is decoded up to that frame, leaving out what no other frame
refers to, and stops there.
"""

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Self

from av.codec.context import ThreadType
from av.container import InputContainer
from av.stream import Discard
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from jobs.engine.container import demuxing
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.probe import demuxer_allowlist
from jobs.engine.runtime import processors
from jobs.engine.video.decoding_pass import DecodingPass, FrameDecoder, shown_at
from jobs.engine.video.keyframe_seeker import KeyframeSeeker

MULTITHREADED_PIXELS = 1920 * 1088
"""What is larger takes long enough to decode to be worth several threads."""
THREADS = min(4, processors.available())
"""For large frames. Each thread holds some of its own, so more of them cost memory."""
# Codecs whose bitstream says per frame that nothing refers to it, so that leaving it out changes no other frame.
# Not HEVC: there the mark speaks only for one temporal layer.
MARKS_UNREFERENCED = {"h264", "mpeg1video", "mpeg2video", "mpeg4"}

Found = tuple[Fraction, VideoFrame]


class FrameReader:
    """One open recording, for its frames only. Times are exact seconds after the recording's start.

    A strict reader gives no frame that the decoder had to patch up, nor one that was predicted from such a frame; a
    lenient one gives what the decoder makes of it.
    """

    def __init__(self, container: InputContainer, info: MediaInfo, *, strict: bool, threads: int | None = None) -> None:
        video = info.require_video()
        self.stream: VideoStream = container.streams[video.index]  # type: ignore[assignment]
        # Without this the demuxer would read the audio as well, only to drop it.
        for other in container.streams:
            if other is not self.stream:
                other.discard = Discard.all
        context = self.stream.codec_context
        # Two threads tell of damage in what they decode too late for it to be seen every time.
        is_large = context.width * context.height > MULTITHREADED_PIXELS
        context.thread_type = ThreadType.FRAME
        context.thread_count = threads or (THREADS if is_large else 1)
        self._strict = strict
        self._seeker = KeyframeSeeker(container, self.stream, info.start)
        self._decoder = FrameDecoder(self.stream, video.crop, is_timed=self._seeker.is_timed)
        self._can_skip = self._seeker.is_timed and context.name in MARKS_UNREFERENCED

    @classmethod
    @contextlib.contextmanager
    def opened(
        cls, source: Path, info: MediaInfo, *, strict: bool = True, threads: int | None = None
    ) -> Iterator[Self]:
        """Open `source` for its frames. `threads` decode, by themselves as many as help. Raises InputError."""
        with demuxer_allowlist.opened(source) as container:
            reader = cls(container, info, strict=strict, threads=threads)
            demuxing.prime(reader.stream, lambda: demuxer_allowlist.opened(source))
            yield reader

    @property
    def packets_decoded(self) -> int:
        """The work done so far."""
        return self._decoder.packets_decoded

    def times_by_keyframe(self, times: Sequence[Fraction]) -> Iterator[list[Fraction]]:
        """The times in ascending order, those that lie after the same keyframe together. Decodes nothing."""
        keyed = [(self._seeker.go_to(time), time) for time in sorted(times)]
        for _, group in itertools.groupby(keyed, key=lambda pair: pair[0]):
            yield [time for _, time in group]

    def is_before_keyframes(self, time: Fraction) -> bool:
        """Whether the time lies before all keyframes: what can be decoded there is so from the file's start alone."""
        keyframe = self._seeker.go_to(time)
        return keyframe is None or keyframe > self._seeker.ticks(time)

    def preroll(self, time: Fraction) -> Fraction:
        """For how long before `time` decoding has to begin: from the last keyframe, or else from the start."""
        keyframe = self._seeker.go_to(time)
        since = time if keyframe is None else time - self._seeker.time_of(keyframe)
        return since if since >= 0 else time

    def frames_on_show(self, times: Sequence[Fraction], *, opening: bool = False) -> Iterator[Found]:
        """For each time after one keyframe, ascending, the frame on show then; nothing for those it cannot give.

        Where the frame itself is damaged, the next sound one stands in for it. `opening`: decode from where the reader
        stands, which has to be the file's start, whether that is a keyframe or not.
        """
        waiting = list(times)
        needed = self._seeker.stamps_on_show(times) if self._can_skip and not opening else None
        if not opening:
            self._seeker.go_to(times[0])
        decoding = self._decoding(opening=opening)
        shown: VideoFrame | None = None

        def lasts(time: Fraction) -> bool:
            """Whether a frame is still on show, with no damaged one since."""
            return shown is not None and decoding.is_whole(shown_at(shown), self._seeker.ticks(time))

        for frame in decoding.frames(self._seeker.ticks(times[-1]), needed):
            while waiting and shown_at(frame) > self._seeker.ticks(waiting[0]):
                time = waiting.pop(0)
                # Without a sound frame before it, at the very start or after damage, the next one has to do.
                yield time, shown if shown and lasts(time) else frame
            if not waiting:
                return
            shown = frame
        if shown:
            yield from ((time, shown) for time in waiting if lasts(time))

    def keyframe(self, time: Fraction, known: int | None = None) -> VideoFrame | None:
        """The last keyframe at or before `time`, or the first of all, decoded alone: the work of one packet.

        None when it does not decode, and when it is the one whose time stamp is `known` already.
        """
        packet = self._seeker.keyframe(time)
        if packet is None or (known is not None and self._seeker.stamp(packet) == known):
            return None
        return self._first_sound(self._decoder.decode_alone(packet, self._seeker.stamp(packet)))

    def frames_between(self, begin: Fraction, length: Fraction) -> Iterator[Found]:
        """The sound frames on show from `begin` to `length` seconds later, each with the time when it comes on show."""
        first, until = self._seeker.ticks(begin), self._seeker.ticks(begin + length)
        shown: VideoFrame | None = None
        self._seeker.go_to(begin)
        for frame in self._decoding().frames(until):
            if shown and shown_at(frame) > first:
                yield self.time_of(shown), shown
            shown = frame
            if shown_at(frame) > until:
                return
        if shown:
            yield self.time_of(shown), shown

    def first_keyframe_after(self, time: Fraction) -> VideoFrame | None:
        """The first keyframe after `time` that decodes."""
        self._seeker.go_to(time)
        for packet in self._seeker.packets():
            stamp = self._seeker.stamp(packet)
            if not packet.is_keyframe or (stamp or 0) <= self._seeker.ticks(time):
                continue
            if frame := self._first_sound(self._decoder.decode_alone(packet, stamp)):
                return frame
        return None

    def last_frame_before(self, time: Fraction) -> VideoFrame | None:
        """The last frame before `time` that decodes, looked for in growing steps back to the start."""
        for step in itertools.count():
            earlier = max(time - 2**step, Fraction(0))
            self._seeker.go_to(earlier)
            found = None
            for frame in self._decoding().frames(self._seeker.ticks(time)):
                found = frame
            if found or earlier == 0:
                return found
        return None

    def time_of(self, frame: VideoFrame) -> Fraction:
        """Seconds after the recording's start at which the frame comes on show."""
        return max(self._seeker.time_of(shown_at(frame)), Fraction(0))

    def _decoding(self, *, opening: bool = False) -> DecodingPass:
        return DecodingPass(self._seeker, self._decoder, strict=self._strict, opening=opening)

    def _first_sound(self, frames: list[VideoFrame]) -> VideoFrame | None:
        return next((frame for frame in frames if not (frame.is_corrupt and self._strict)), None)
