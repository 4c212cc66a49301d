"""Samples to AAC in a file of its own, in one stream from the first sample to the last."""

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet

from jobs.engine.audio.dual_mono import channel_pair
from jobs.engine.audio.sample_clock import Samples
from jobs.engine.container.audio_files import AAC_CODER
from jobs.engine.model.audio_layout import LAYOUTS
from jobs.engine.runtime import libav_errors

# ffmpeg's AAC is transparent enough for speech at these.
BITS_PER_CHANNEL = 80_000
MONO_BITS = 96_000
# Of two channels that are the same: less noise than in ffmpeg's own choice for two channels at 160 000.
DUAL_MONO_BITS = 128_000
# Few samples at low rates hold few bits.
MAXIMUM_BITS_PER_SAMPLE = 6
# At one quality a frame is coded once; to meet a rate up to six times, most often in pauses. 120 is the quality that
# spends about the bits above where audio is rich, with the same noise or less, and fewer where it is not.
SINGLE_CODER = {**AAC_CODER, "flags": "+qscale", "global_quality": "120"}


class ChannelsDiffer(Exception):
    """Raised for samples that are not the same in both channels, where they were said to be."""


class AudioEncoder:
    """Takes the samples of one track in order. Raises ToolError, ResourceError."""

    def __init__(self, container: OutputContainer, stream: AudioStream) -> None:
        self.written = 0
        """How many samples it was given."""
        self._container = container
        self._stream = stream
        self._codec = stream.codec_context

    def write(self, block: Samples) -> None:
        if len(block):
            self._mux(self._codec.encode(self._frame(block)))
            self.written += len(block)

    def finish(self) -> None:
        """Give out what the encoder still holds."""
        self._mux(self._codec.encode(None))

    def _frame(self, block: Samples) -> AudioFrame:
        flat = np.ascontiguousarray(block, np.float32).reshape(1, -1)
        frame = AudioFrame.from_ndarray(flat, format="flt", layout=self._codec.layout.name)
        frame.sample_rate = self._codec.sample_rate
        frame.pts, frame.time_base = self.written, Fraction(1, self._codec.sample_rate)
        return frame

    def _mux(self, packets: list[Packet]) -> None:
        for packet in packets:
            packet.stream = self._stream
            self._container.mux_one(packet)


class DualMonoEncoder(AudioEncoder):
    """Takes samples that are the same in both channels, at half the cost. Raises ChannelsDiffer for others."""

    def __init__(self, container: OutputContainer, stream: AudioStream) -> None:
        super().__init__(container, stream)
        rate = stream.codec_context.sample_rate
        mono = av.CodecContext.create("aac", "w")
        assert isinstance(mono, AudioCodecContext)
        mono.sample_rate, mono.layout, mono.format = rate, "mono", "fltp"
        mono.time_base = Fraction(1, rate)
        mono.bit_rate = min(DUAL_MONO_BITS, MAXIMUM_BITS_PER_SAMPLE * rate)
        # Else the first frame begins with the encoder's name.
        mono.flags |= Flags.bitexact
        # What decoders apply to one channel of a pair alone (TNS, PNS) is left out by them.
        mono.options = SINGLE_CODER
        self._codec = mono

    def _frame(self, block: Samples) -> AudioFrame:
        if not np.array_equal(block[:, 0], block[:, 1]):
            raise ChannelsDiffer
        return super()._frame(block[:, 0])

    def _mux(self, packets: list[Packet]) -> None:
        super()._mux([_paired(packet) for packet in packets])


def _paired(packet: Packet) -> Packet:
    twin = Packet(channel_pair(bytes(packet)))
    twin.pts, twin.dts, twin.duration, twin.time_base = packet.pts, packet.dts, packet.duration, packet.time_base
    twin.is_keyframe = True
    return twin


def bit_rate(rate: int, channels: int) -> int:
    """Bits a second for so many samples a second and channels."""
    wanted = MONO_BITS if channels == 1 else BITS_PER_CHANNEL * channels
    return min(wanted, MAXIMUM_BITS_PER_SAMPLE * rate * channels)


def _options(channels: int) -> dict[str, str]:
    return SINGLE_CODER if channels == 1 else AAC_CODER


@contextlib.contextmanager
def encoder(output: Path, rate: int, channels: int, *, dual_mono: bool = False) -> Iterator[AudioEncoder]:
    """Write an MP4 file of one track; it is whole when the block ends well. Raises ToolError, ResourceError.

    `dual_mono` says that both channels are the same.
    """
    with libav_errors.errors("sound"), av.open(f"file:{output}", "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=rate, layout=LAYOUTS[channels], options=_options(channels))
        stream.bit_rate = bit_rate(rate, channels)
        made = DualMonoEncoder(container, stream) if dual_mono else AudioEncoder(container, stream)
        yield made
        made.finish()
