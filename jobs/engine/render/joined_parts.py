"""Recordings that are to follow each other in one result: each part's length on a clock that all have in common."""

import contextlib
import dataclasses
import functools
import math
from collections.abc import Sequence
from fractions import Fraction

import av.error
import numpy as np

from jobs.engine.audio import decoder
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.decoder import output_rate
from jobs.engine.container import demuxing
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo, VideoTrack, demuxer
from jobs.engine.model.segment import Segment
from jobs.engine.model.timeline import Timeline
from jobs.engine.probe import mp4_boxes
from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.video.frame_index import FrameIndex, Ticks
from jobs.engine.video.frame_schedule import Schedule, schedule
from jobs.engine.video.source import Source

MAXIMUM_CLOCK_HZ = 10_000_000
"""Finer than this no clock of ours is: some of a part's frames are rounded to it then."""
MAXIMUM_AUDIO_OVERHANG = Fraction(1, 10)
"""By how much a part's audio may go on behind its last frame for the next part to follow that frame at once: cameras
end both where they have room, and the audio at the end of a packet."""
BLACK = -1
"""Time stamp of a frame that is in no recording."""
BLACK_RATE = Fraction(30)
TELLS_ENDS = {"mov", "wav", "flac", "aiff", "w64"}
"""Demuxers whose packets tell to the sample when they end."""
END_ROUNDING = Fraction(2, 1000)
"""Seconds: what an MP4 file's header says of a track's end is most often rounded to one of these thousandths."""


@dataclasses.dataclass(frozen=True)
class Part:
    """A recording in a join, by what its owner calls it."""

    source: Source
    name: str

    @property
    def info(self) -> MediaInfo:
        return self.source.info

    @functools.cached_property
    def frames_end(self) -> Fraction | None:
        """When its last frame goes, in seconds; None without a picture."""
        index = self.source.index
        return Fraction(index.end_tick, index.clock_hz) if index else None


@dataclasses.dataclass(frozen=True)
class Joined:
    """The parts in order, with the length of each in ticks of `clock_hz`.

    `lead` is the number of the part whose shape the picture has: the first with one, None where no part has any.
    """

    parts: tuple[Part, ...]
    lengths: tuple[int, ...]
    clock_hz: int
    lead: int | None

    @functools.cached_property
    def timeline(self) -> Timeline:
        """Of the whole result: each part is a source of its own."""
        lengths = [Fraction(length, self.clock_hz) for length in self.lengths]
        segments = (Segment(Fraction(0), length, source=number) for number, length in enumerate(lengths))
        return Timeline(tuple(segments), tuple(lengths))

    def alone(self, number: int) -> Timeline:
        """Of one part, as if there were no other."""
        length = self.timeline.segments[number].end
        return Timeline((Segment(Fraction(0), length),), (length,))

    def frames_timeline(self, number: int) -> Timeline:
        """The same of a part with frames, up to the last instant of its own clock."""
        index = self.parts[number].source.require_index()
        end = index.on_clock(Fraction(self.lengths[number], self.clock_hz))
        # A part is no shorter than one tick.
        return Timeline((Segment(Fraction(0), max(end, Fraction(1, index.clock_hz))),), (end,))

    @property
    def starts(self) -> Sequence[Fraction]:
        """When each part begins in the result, in seconds."""
        return self.timeline.starts

    @functools.cached_property
    def start_ticks(self) -> list[int]:
        return np.cumsum([0, *self.lengths[:-1]]).tolist()

    @property
    def video(self) -> VideoTrack:
        """The track whose shape the picture has; only where there is any."""
        assert self.lead is not None
        return self.parts[self.lead].info.require_video()

    @functools.cached_property
    def audio(self) -> tuple[AudioTrack, ...]:
        """The tracks of the result: each is like the first part's that has so many."""
        count = max(len(part.info.audio) for part in self.parts)
        first = (next(part for part in self.parts if len(part.info.audio) > number) for number in range(count))
        tracks = [part.info.audio[number] for number, part in enumerate(first)]
        # Stream indexes, which are of several files, tell them apart all the same.
        begin = 1 + max((part.info.video.index for part in self.parts if part.info.video), default=-1)
        return tuple(dataclasses.replace(track, index=begin + number) for number, track in enumerate(tracks))

    @property
    def info(self) -> MediaInfo:
        """The facts about the result that are known before it is there."""
        lead = self.parts[self.lead or 0].info
        video = None if self.lead is None else self.video
        size = sum(part.info.size_bytes for part in self.parts)
        duration = self.timeline.duration
        return dataclasses.replace(
            lead, video=video, audio=self.audio, duration=duration, size_bytes=size, start=Fraction(0)
        )


def joined(parts: Sequence[Part], token: CancellationToken) -> Joined:
    """Where each part lies. Their sources have an index where they have a picture that counts. Raises InputError."""
    lead = next((number for number, part in enumerate(parts) if part.source.index), None)
    clock_hz = _clock_hz(parts, lead)
    if lead is None:
        lengths = [max(1, round(heard_end(part, token) * clock_hz)) for part in parts]
    else:
        last = len(parts) - 1
        lengths = [_length(part, is_last=number == last, clock_hz=clock_hz) for number, part in enumerate(parts)]
    return Joined(tuple(parts), tuple(lengths), clock_hz, lead)


def _clock_hz(parts: Sequence[Part], lead: int | None) -> int:
    """One that has every instant of all clocks, where that is not too fine."""
    if lead is None:
        return output_rate(parts[0].info.audio[0])
    own = parts[lead].source.require_index().clock_hz
    common = math.lcm(own, *(part.source.index.clock_hz for part in parts if part.source.index))
    return common if common <= MAXIMUM_CLOCK_HZ else own


def _length(part: Part, *, is_last: bool, clock_hz: int) -> int:
    """How long a part is, in ticks: to its last frame, or to the end of audio that goes on for longer."""
    duration, frames_end = part.info.duration, part.frames_end
    if frames_end is not None:
        is_overhang = not is_last and duration - frames_end <= MAXIMUM_AUDIO_OVERHANG
        duration = frames_end if is_overhang else max(duration, frames_end)
    return max(1, math.floor(duration * clock_hz))


@dataclasses.dataclass(frozen=True, eq=False)
class PartFrames:
    """The frames that a part shows: `own` by time stamps of the source, with their times in ticks of the join's clock
    after the part's start; `first` is the number of its first one in the result."""

    number: int
    first: int
    own: Schedule

    @property
    def count(self) -> int:
        return len(self.own.source_pts)


def frames_of(joined: Joined, number: int, first: int, *, resampled: bool) -> PartFrames:
    """The frames of a part: at its own times, or with `resampled` at the rate of the lead."""
    part, length = joined.parts[number], joined.lengths[number]
    index = part.source.index
    if index is None:
        at = _even(joined.video.frame_rate or BLACK_RATE, length, joined.clock_hz)
        return PartFrames(number, first, _schedule(np.full(len(at), BLACK), at, length))
    own = schedule(index, joined.frames_timeline(number).segments)
    at = _on_clock(own.start_ticks, index, joined.clock_hz)
    if not resampled:
        return PartFrames(number, first, _schedule(own.source_pts, at, length))
    steady = _even(joined.video.frame_rate, length, joined.clock_hz)
    shown = np.searchsorted(at, steady, "right") - 1
    sampled = _schedule(own.source_pts[shown.clip(0)], steady, length)
    # Frames in between are left out on purpose.
    return PartFrames(number, first, dataclasses.replace(sampled, segment_is_stretched=(True,)))


def _even(rate: Fraction, length: int, clock_hz: int) -> Ticks:
    """Ticks at a rate, up to a length."""
    count = max(1, math.ceil(Fraction(length, clock_hz) * rate))
    at = np.array([round(Fraction(place * clock_hz) / rate) for place in range(count)], np.int64)
    return at[at < length]


def _on_clock(ticks: Ticks, index: FrameIndex, clock_hz: int) -> Ticks:
    return (2 * ticks * clock_hz + index.clock_hz) // (2 * index.clock_hz)


def _schedule(pts: Ticks, at: Ticks, length: int) -> Schedule:
    # Where clocks do not fit, two frames could come to one instant.
    kept = np.flatnonzero(np.diff(at, append=max(length, int(at[-1]) + 1)) > 0)
    return Schedule(pts[kept], at[kept], np.diff(at[kept], append=length), (0,))


def is_resampled(joined: Joined, number: int) -> bool:
    """Whether a part that is encoded has to come at the lead's rate instead of its own."""
    lead, own = joined.video, joined.parts[number].info.video
    if own is None or not lead.frame_rate or lead.variable_rate:
        return False
    return own.variable_rate or own.frame_rate != lead.frame_rate


def whole(joined: Joined, parts: Sequence[PartFrames]) -> Schedule:
    """The frames of the whole result; their `source_pts` are but their numbers."""
    at = np.concatenate([frames.own.start_ticks + joined.start_ticks[frames.number] for frames in parts])
    lasts = np.diff(at, append=sum(joined.lengths))
    return Schedule(np.arange(len(at)), at, lasts, tuple(frames.first for frames in parts))


def audio_source(part: Part, number: int) -> AudioSource:
    """One of its audio tracks."""
    return AudioSource(part.source.path, part.info, part.info.audio[number])


def told_end(part: Part, number: int) -> Fraction | None:
    """When a track ends as its packets say it, in seconds after the recording's start; None in containers
    whose packets do not."""
    if demuxer(part.info) not in TELLS_ENDS:
        return None
    end: Fraction | None = None
    with decoder.opened(audio_source(part, number)) as (container, stream):
        clock = stream.time_base or Fraction(1)
        with contextlib.suppress(av.error.FFmpegError):
            container.seek(stream.duration or 0, stream=stream, backward=True)
        for packet in demuxing.packets(container, stream):
            if packet.size and packet.pts is not None and packet.duration:
                end = max(end or Fraction(0), (packet.pts + packet.duration) * clock)
        track_id = stream.id
    if demuxer(part.info) == "mov":
        shown = mp4_boxes.track_ends(part.source.path).get(track_id, Fraction(0))
        end = shown if end is None or (shown and shown + END_ROUNDING < end) else end
    return None if end is None else end - part.info.start


def heard_end(part: Part, token: CancellationToken) -> Fraction:
    """When the first track of a recording of audio alone ends, to the sample. Raises InputError."""
    end = told_end(part, 0)
    if end is None:
        with decoder.decoded(audio_source(part, 0), token=token) as pcm:
            while pcm.read(decoder.BLOCK_SAMPLES).size:
                pass
            end = Fraction(pcm.position, pcm.rate)
    return end
