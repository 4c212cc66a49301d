"""One pass of a decoder over a recording, from a keyframe on: the frames that can be relied on, and where none can."""

import collections
import itertools
from collections.abc import Iterator

from av.packet import Packet
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from jobs.engine.container import demuxing
from jobs.engine.model.mediainfo import ContainerCrop
from jobs.engine.probe.cropping import Cropper
from jobs.engine.video.keyframe_seeker import KeyframeSeeker

MAXIMUM_REORDER_FRAMES = 16
"""Frames that H.264 and HEVC may decode between a frame and its showing."""
# Decoders that give no frame for which others are missing; some make up what is missing.
REFUSES_MISSING_REFERENCES = {"h264", "hevc"}


class FrameDecoder:
    """A decoder whose frames are cropped and have times. `packets_decoded` counts the work done."""

    def __init__(self, stream: VideoStream, crop: ContainerCrop, *, is_timed: bool) -> None:
        self.context = stream.codec_context
        self.packets_decoded = 0
        self._cropper = Cropper(crop)
        self._is_timed = is_timed
        self._stamps: collections.deque[int | None] = collections.deque()

    def restart(self) -> None:
        """Forget the packets before, after a seek."""
        self._stamps.clear()

    def decode(self, packet: "Packet[VideoStream]", stamp: int | None) -> list[VideoFrame] | None:
        """Frames that come out when a packet goes in; None when it cannot be decoded."""
        self.packets_decoded += 1
        frames = demuxing.frames(self.context, packet)
        if frames is None:
            return None
        self._stamps.append(stamp)
        return self._finished(frames)

    def drain(self) -> list[VideoFrame]:
        """All frames that are left."""
        return self._finished(demuxing.frames(self.context, None) or [])

    def decode_alone(self, packet: "Packet[VideoStream]", stamp: int | None) -> list[VideoFrame]:
        """What a keyframe gives without any other packet."""
        self.restart()
        frames = [*(self.decode(packet, stamp) or []), *self.drain()]
        self.context.flush_buffers()
        return frames

    def _finished(self, frames: list[VideoFrame]) -> list[VideoFrame]:
        """Frames leave the decoder in order of showing: without times, the next one is shown at the next stamp."""
        for frame in frames:
            if not self._is_timed and self._stamps:
                frame.pts = self._stamps.popleft()
        return list(map(self._cropper, frames))


class DecodingPass:
    """Decodes from where the packets stand: from the next keyframe on, or with `opening` from the very next packet.

    A strict one gives no frame that the decoder had to patch up, nor one that was predicted from such a frame, and
    keeps in `damaged` the time stamps of those that it left out or that did not decode so far.
    """

    def __init__(self, seeker: KeyframeSeeker, decoder: FrameDecoder, *, strict: bool, opening: bool = False) -> None:
        self.damaged: set[int] = set()
        self._seeker = seeker
        self._decoder = decoder
        self._strict = strict
        self._opening = opening
        decoder.restart()

    def frames(self, until: int, needed: set[int] | None = None) -> Iterator[VideoFrame]:
        """The sound frames in order of showing, with all up to the time stamp `until` among them.

        With `needed`, frames that are neither in it nor needed for decoding it are left out.
        """
        is_sound = not self._opening or self._decoder.context.name in REFUSES_MISSING_REFERENCES
        for frame in self._decoded(until, needed):
            stamp = shown_at(frame)
            if frame.is_corrupt:
                self._note_damage(stamp)
            # What is predicted from a damaged frame is damaged too, up to the next frame that stands alone.
            stands_alone = frame.key_frame or (self._opening and frame.pict_type == PictureType.I)
            is_sound = stamp not in self.damaged and (is_sound or stands_alone)
            if is_sound:
                yield frame
            else:
                self._note_damage(stamp)

    def is_whole(self, after: int, until: int) -> bool:
        """Whether no frame is damaged after one time stamp, up to another."""
        return not any(after < stamp <= until for stamp in self.damaged)

    def _decoded(self, until: int, needed: set[int] | None) -> Iterator[VideoFrame]:
        """Whatever the decoder makes of the packets."""
        is_failing = False
        for packet in self._packets(until):
            stamp = self._seeker.stamp(packet)
            is_needed = needed is None or packet.pts in needed
            self._decoder.context.skip_frame = "DEFAULT" if is_needed else "NONREF"
            frames = self._decoder.decode(packet, stamp)
            is_failing = frames is None or (is_failing and not packet.is_keyframe)
            if is_failing:
                self._note_damage(stamp)
            yield from frames or []
        yield from self._decoder.drain()

    def _packets(self, until: int) -> "Iterator[Packet[VideoStream]]":
        """Those of all frames up to `until`, without leading frames of the keyframe at which they begin."""
        # A tick of containers that do not time frames is a frame.
        limit = until if self._seeker.is_timed else until + MAXIMUM_REORDER_FRAMES
        first: int | None = None
        packets = self._seeker.packets()
        for packet in itertools.dropwhile(lambda packet: not (self._opening or packet.is_keyframe), packets):
            if packet.dts is not None and packet.dts > limit:
                return
            stamp = self._seeker.stamp(packet)
            first = stamp if first is None else first
            # A leading frame is shown before the keyframe but stored after it: it refers to frames from before that.
            if self._opening or stamp is None or first is None or stamp >= first:
                yield packet

    def _note_damage(self, stamp: int | None) -> None:
        if self._strict and stamp is not None:
            self.damaged.add(stamp)


def shown_at(frame: VideoFrame) -> int:
    """The frame's time stamp; a few old formats only know when it was decoded."""
    return frame.pts if frame.pts is not None else frame.dts or 0
