"""The audio of a recording as plain samples, each at its position on the recording's clock.

Sample n of what is read here is what sounds n / rate seconds after the recording's start. Audio that starts late,
starts before the recording's start, or has a gap is filled or trimmed, so that nothing after it is shifted.
Measured on made clips: right to the sample.
"""

import contextlib
from collections.abc import Generator, Iterator

import av
import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Discard

from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.gapless_decoder import NotGapless, decoded_gapless
from jobs.engine.audio.sample_clock import Positioned, Samples, positioned
from jobs.engine.container import demuxing
from jobs.engine.model.audio_layout import LAYOUTS
from jobs.engine.model.mediainfo import AudioTrack
from jobs.engine.runtime.threads import CancellationToken
from jobs.errors import ToolError

# What AAC can carry; other rates become 48 kHz, other layouts stereo.
RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
BLOCK_SAMPLES = 48_000


def output_rate(track: AudioTrack) -> int:
    return track.sample_rate if track.sample_rate in RATES else 48_000


def output_channels(track: AudioTrack) -> int:
    return track.channels if track.channels in LAYOUTS else 2


OpenTrack = tuple[InputContainer, AudioStream]


@contextlib.contextmanager
def opened(audio: AudioSource) -> Iterator[OpenTrack]:
    """Open a track, to read it alone. Raises InputError."""
    with demuxing.recording(audio.path, audio.format) as container:
        stream = container.streams[audio.track.index]
        assert isinstance(stream, AudioStream)
        for other in container.streams:
            if other is not stream:
                other.discard = Discard.all
        yield container, stream


class PcmReader:
    """Samples of one track in the order of time, from the recording's start on."""

    def __init__(self, blocks: Iterator[Positioned], rate: int, channels: int) -> None:
        self.rate = rate
        self.channels = channels
        self.position = 0
        """How many samples were read."""
        self._blocks = blocks
        self._ahead: Positioned | None = None

    def read(self, count: int) -> Samples:
        """The next `count` samples; fewer, down to none, only at the end of the track. Raises ToolError."""
        begin, end = self.position, self.position + count
        block = np.zeros((count, self.channels), np.float32)
        while self.position < end and (ahead := self._next()):
            offset, samples = ahead
            part = samples[: max(0, end - offset)]
            block[offset - begin : offset - begin + len(part)] = part
            self.position = min(end, offset + len(part))
        return block[: self.position - begin]

    def skip(self, count: int) -> None:
        """Leave out the next `count` samples, or all there are."""
        end = self.position + count
        while self.position < end and (ahead := self._next()):
            offset, samples = ahead
            self.position = min(end, offset + len(samples))

    @property
    def next_begins(self) -> int | None:
        """At which position there is audio next, none of it before `position`; None at the end of the track."""
        ahead = self._next()
        return ahead[0] if ahead else None

    def _next(self) -> Positioned | None:
        """The next audio that is not read yet, none of it before `position`."""
        while True:
            if self._ahead is None:
                self._ahead = next(self._blocks, None)
            if self._ahead is None:
                return None
            offset, samples = self._ahead
            if offset + len(samples) > self.position:
                passed = max(0, self.position - offset)
                return offset + passed, samples[passed:]
            self._ahead = None


@contextlib.contextmanager
def decoded(
    audio: AudioSource,
    *,
    rate: int | None = None,
    channels: int | None = None,
    token: CancellationToken | None = None,
) -> Iterator[PcmReader]:
    """Decode a track, at its own rate and channels unless AAC cannot carry them, or at the ones given."""
    rate, channels = rate or output_rate(audio.track), channels or output_channels(audio.track)
    start = round(audio.start * rate)
    blocks = _blocks(audio, rate, channels, token or CancellationToken())
    with contextlib.closing(blocks):
        yield PcmReader(((offset - start, samples) for offset, samples in blocks), rate, channels)


def _blocks(audio: AudioSource, rate: int, channels: int, token: CancellationToken) -> Generator[Positioned]:
    """The audio with its positions; what was given before may come once more. Raises InputError, ToolError."""
    # Left before the next way begins: what is raised holds on to an open file.
    with contextlib.suppress(NotGapless):
        yield from decoded_gapless(audio, rate, channels, block=BLOCK_SAMPLES, token=token)
        return
    with opened(audio) as (container, stream):
        yield from raising_tool_errors(
            positioned(_frames(container, stream, token), rate, channels, block=BLOCK_SAMPLES)
        )


def raising_tool_errors(blocks: Iterator[Positioned]) -> Iterator[Positioned]:
    """The blocks. Raises ToolError where libavfilter cannot make them of the audio."""
    try:
        yield from blocks
    except av.error.FFmpegError as error:
        raise ToolError(
            "The sound of this recording could not be decoded. Export it again, for example as MP4, and upload that.",
            detail=repr(error),
        ) from error


def _frames(container: InputContainer, stream: AudioStream, token: CancellationToken) -> Iterator[AudioFrame]:
    for packet in demuxing.packets(container, stream):
        token.check()
        # Damaged audio is silent; whether too much of it is, is for those to say who know what is kept.
        yield from demuxing.frames(stream.codec_context, packet) or []
