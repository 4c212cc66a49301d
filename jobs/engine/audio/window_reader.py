"""Short windows of a track's audio, each decoded by itself, at their positions on the recording's clock."""

import contextlib
import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Self

import av.error
import numpy as np
from av.audio.frame import AudioFrame

from jobs.engine.audio import decoder
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.decoder import OpenTrack
from jobs.engine.audio.sample_clock import Positioned, Samples, positioned
from jobs.engine.container import demuxing
from jobs.engine.runtime.threads import CancellationToken

# Decoders need some audio before they give it right: most of all Opus (80 ms) and MP3 with its reservoir of bits.
PREROLL_SECONDS = Fraction(1, 5)
BLOCK_SECONDS = Fraction(1, 20)


class WindowReader:
    """One track of a recording, open for windows. `rate` and `channels` are what every window comes in.

    `start` is the time stamp, in seconds, that counts as zero. With `can_seek=False` the track is decoded from its
    start on, and windows have to be asked for in rising order.
    """

    def __init__(
        self,
        track: OpenTrack,
        rate: int,
        channels: int,
        *,
        start: Fraction,
        can_seek: bool,
        token: CancellationToken | None,
    ) -> None:
        self.rate = rate
        self.channels = channels
        self.damaged = False
        """Whether some audio of the last window, or shortly before it, could not be decoded."""
        self._container, self._stream = track
        self._start = start
        self._can_seek = can_seek
        self._token = token
        self._frames = self._positioned()
        self._decoded_blocks: list[Positioned] = []
        self._damage: list[Fraction] = []
        self._until: Fraction | None = None

    @classmethod
    @contextlib.contextmanager
    def opened(
        cls,
        audio: AudioSource,
        *,
        rate: int,
        channels: int,
        can_seek: bool = True,
        token: CancellationToken | None = None,
    ) -> Iterator[Self]:
        """Open a track. Raises InputError."""
        with decoder.opened(audio) as track:
            yield cls(track, rate, channels, start=audio.start, can_seek=can_seek, token=token)

    def window(self, begin: Fraction, count: int) -> Samples:
        """`count` samples from `begin` seconds on; silence where the track has none."""
        first = round((self._start + begin) * self.rate)
        end = begin + Fraction(count, self.rate)
        if self._can_seek:
            # Where nothing decodes, the rest of the file is not searched for something that does.
            self._until = self._start + end
            self._seek(begin - PREROLL_SECONDS)
        block = np.zeros((count, self.channels), np.float32)
        self._decoded_blocks = [
            (position, samples) for position, samples in self._decoded_blocks if position + len(samples) > first
        ]
        for position, samples in self._decoded_blocks:
            _copy(block, samples, position - first)
        if not self._decoded_blocks or self._reached < first + count:
            for position, samples in self._frames:
                self._decoded_blocks.append((position, samples))
                _copy(block, samples, position - first)
                if self._reached >= first + count:
                    break
        self.damaged = any(begin - PREROLL_SECONDS <= time - self._start < end for time in self._damage)
        return block

    @property
    def _reached(self) -> int:
        position, samples = self._decoded_blocks[-1]
        return position + len(samples)

    def _seek(self, time: Fraction) -> None:
        assert self._stream.time_base is not None
        aim = math.floor((self._start + time) / self._stream.time_base)
        # Refused by a few formats for times before their first audio.
        with contextlib.suppress(av.error.FFmpegError):
            self._container.seek(max(aim, self._stream.start_time or aim), stream=self._stream, backward=True)
        self._decoded_blocks = []
        self._damage.clear()
        self._frames = self._positioned()

    def _positioned(self) -> Iterator[Positioned]:
        """Audio decoded from here on, with its positions."""
        frames = self._decoded()
        if self._can_seek:
            # Of several frames in one packet the first alone tells its time.
            frames = itertools.dropwhile(lambda frame: frame.pts is None, frames)
        return decoder.raising_tool_errors(
            positioned(frames, self.rate, self.channels, block=round(BLOCK_SECONDS * self.rate))
        )

    def _decoded(self) -> Iterator[AudioFrame]:
        assert self._stream.time_base is not None
        until = None if self._until is None else self._until / self._stream.time_base
        for packet in demuxing.packets(self._container, self._stream):
            if self._token:
                self._token.check()
            if until is not None and packet.pts is not None and packet.pts > until:
                return
            frames = demuxing.frames(self._stream.codec_context, packet)
            if frames is None and packet.pts is not None:
                self._damage.append(packet.pts * packet.time_base)
            yield from frames or []


def _copy(block: Samples, samples: Samples, offset: int) -> None:
    """Put `samples` where they belong in `block`, which begins `offset` samples before them."""
    begin, end = max(0, offset), min(len(block), offset + len(samples))
    if begin < end:
        block[begin:end] = samples[begin - offset : end - offset]
