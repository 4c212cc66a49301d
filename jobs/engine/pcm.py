"""The sound of a recording as plain samples, each at its place on the recording's clock.

Sample n of what is read here is what sounds n / rate seconds after the recording's start. Sound that starts late,
starts before the recording's start, or has a hole is filled or trimmed by ffmpeg's resampler, so that nothing after
such a place is shifted. Measured on made clips: right to the sample.
"""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.engine import process
from jobs.engine.media import AudioTrack, MediaInfo
from jobs.engine.parallel import Halt

Samples = NDArray[np.float32]
"""Shape (samples, channels); 1.0 is full scale, and lossy codecs go beyond it."""

# What AAC can carry; other rates become 48 kHz, other layouts stereo.
RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
# Time stamps jitter by a few milliseconds in many files; only more than this is a hole in the sound.
HOLE_SECONDS = 0.01
# ffmpeg hands each frame from thread to thread: large ones halve the time it takes.
FRAME_SAMPLES = 48_000
PIPE_BYTES = 1 << 20


def output_rate(track: AudioTrack) -> int:
    return track.sample_rate if track.sample_rate in RATES else 48_000


def output_channels(track: AudioTrack) -> int:
    return track.channels if track.channels in LAYOUTS else 2


def demuxer(info: MediaInfo) -> str:
    """The one name to force; libavformat lists several for some demuxers."""
    return info.format.split(",")[0]


def decode_argv(
    source: Path, info: MediaInfo, track: AudioTrack, rate: int | None = None, channels: int | None = None
) -> list[str]:
    """ffmpeg's command line for 32-bit float samples of one track, interleaved, on standard output."""
    rate, channels = rate or output_rate(track), channels or output_channels(track)
    # min_comp and min_hard_comp are where the resampler starts to fill and trim: at the start anything, later a hole.
    clock = f"async=1:min_comp=0.00001:min_hard_comp={HOLE_SECONDS}:first_pts=0"
    return [
        *(process.ffmpeg(), "-nostdin", "-hide_banner", "-loglevel", "warning"),
        # Damaged sound is silent; whether too much of it is, is for those to say who know what is kept.
        *("-max_error_rate", "1"),
        *process.SAFE_INPUT,
        # Time stamps as they are stored, and the start taken off them before the resampler, which would count it in
        # samples of a rate that is known only when the first of them is decoded.
        *("-copyts", "-f", demuxer(info), "-i", f"file:{source}", "-map", f"0:{track.index}"),
        "-af",
        f"asetpts=round(PTS-({info.start})/TB),aresample={rate}:{clock}:osf=flt:ochl={LAYOUTS[channels]}"
        f",asetnsamples={FRAME_SAMPLES}:pad=0",
        *("-f", "f32le", "pipe:1"),
    ]


class Pcm:
    """Samples of one track in the order of time, from the recording's start on."""

    def __init__(self, child: process.Child, rate: int, channels: int) -> None:
        self.rate = rate
        self.channels = channels
        self.position = 0
        """How many samples were read."""
        self._child = child
        self._ended = False

    def read(self, count: int) -> Samples:
        """The next `count` samples; fewer, down to none, only at the end of the track. Raises ToolError."""
        block = np.empty((count, self.channels), np.float32)
        view = memoryview(block.reshape(-1).view(np.uint8).data)
        filled = 0
        while filled < len(view) and not self._ended:
            taken = self._child.stdout.readinto(view[filled:])  # type: ignore[attr-defined]
            filled += taken
            if not taken:
                self._child.wait()
                self._ended = True
        samples = block[: filled // (4 * self.channels)]
        self.position += len(samples)
        return samples


@contextlib.contextmanager
def decoded(
    source: Path,
    info: MediaInfo,
    track: AudioTrack,
    *,
    rate: int | None = None,
    channels: int | None = None,
    log: process.CommandLog | None = None,
    halt: Halt | None = None,
) -> Iterator[Pcm]:
    """Decode one track, at its own rate and channels unless AAC cannot carry them, or at the ones given."""
    rate, channels = rate or output_rate(track), channels or output_channels(track)
    with process.started(decode_argv(source, info, track, rate, channels), log=log) as child:
        if halt:
            halt.watch(child)
        fcntl.fcntl(child.stdout.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        yield Pcm(child, rate, channels)
