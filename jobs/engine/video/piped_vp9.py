"""VP9 of more than 8 bits, encoded by ffmpeg in a process of its own: the libvpx that PyAV carries makes 8 alone."""

import contextlib
import dataclasses
import functools
import io
import os
import subprocess
from collections.abc import Iterator
from fractions import Fraction

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from jobs.engine.container import ffmpeg
from jobs.engine.runtime import subprocess_runner
from jobs.errors import ToolError


@dataclasses.dataclass(frozen=True)
class PipedVp9:
    """An encoder for frames of one size and format, with its arguments. Takes the place of one of PyAV's.

    `matrix` is matrix_coefficients of ITU-T H.273.
    """

    width: int
    height: int
    pixel_format: str
    rate: Fraction
    full_range: bool
    matrix: int
    arguments: tuple[str, ...]

    extradata = b""
    """VP9 has no header of a track."""

    def packets(self, frames: Iterator[VideoFrame]) -> Iterator[Packet]:
        """Those of these frames, in whose order they come, with their time stamps. Raises ToolError, ResourceError."""
        times: list[tuple[int | None, Fraction]] = []
        with self._started() as (child, encoded):
            with contextlib.suppress(BrokenPipeError):  # it ended, and `wait` tells why
                for frame in frames:
                    times.append((frame.pts, frame.time_base or 1 / self.rate))
                    for samples in _planes(frame):
                        child.stdin.write(samples)
                child.stdin.close()
            child.wait()
            made = _read(encoded)
        if len(made) != len(times):
            raise ToolError(
                "The pictures of this recording could not be encoded. Tell the operator, who can see why.",
                detail=f"libvpx gave {len(made)} packets for {len(times)} frames",
            )
        for (data, is_key), (pts, time_base) in zip(made, times, strict=True):
            packet = Packet(data)
            packet.pts, packet.time_base, packet.is_keyframe = pts, time_base, is_key
            yield packet

    def try_out(self) -> None:
        """Raises ToolError where the ffmpeg at hand has no such encoder."""
        _sample(self, ffmpeg.program())

    @contextlib.contextmanager
    def as_stored(self) -> Iterator[VideoStream]:
        """A track of a frame that it has made, to make others like it. Raises ToolError, ResourceError."""
        with _opened(io.BytesIO(_sample(self, ffmpeg.program()))) as container:
            yield container.streams.video[0]

    @contextlib.contextmanager
    def _started(self) -> Iterator[tuple[subprocess_runner.Child, io.BufferedRandom]]:
        """The program, and the file in memory that it writes: nobody has to read while frames are written."""
        with (
            os.fdopen(os.memfd_create("vp9"), "w+b") as encoded,
            subprocess_runner.started(self._argv(), stdin=subprocess.PIPE, stdout=encoded.fileno()) as child,
        ):
            yield child, encoded

    def _argv(self) -> list[str]:
        size, rate = f"{self.width}x{self.height}", f"{self.rate.numerator}/{self.rate.denominator}"
        # Of what ffmpeg is told of colours only what frames say gets to the encoder.
        said = f"setparams=range={'pc' if self.full_range else 'tv'}:colorspace={self.matrix}"
        frames = ["-f", "rawvideo", "-pix_fmt", self.pixel_format, "-s", size, "-framerate", rate, "-i", "pipe:0"]
        coding = ["-vf", said, "-c:v", "libvpx-vp9", "-pix_fmt", self.pixel_format, *self.arguments]
        return [*ffmpeg.writing(), *frames, *coding, "-fps_mode", "passthrough", "-f", "nut", "pipe:1"]


@functools.lru_cache(maxsize=16)
def _sample(encoder: PipedVp9, program: str) -> bytes:
    """A file with one frame that a program has made of zeros. Raises ToolError, ResourceError."""
    with encoder._started() as (child, encoded):
        with contextlib.suppress(BrokenPipeError):
            for samples in _planes(VideoFrame(encoder.width, encoder.height, encoder.pixel_format)):
                child.stdin.write(bytes(len(samples)))
            child.stdin.close()
        child.wait()
        encoded.seek(0)
        return encoded.read()


def _planes(frame: VideoFrame) -> Iterator[bytes]:
    """The samples of a frame as `rawvideo` has them, without what pads its lines."""
    for plane in frame.planes:
        lines = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        yield lines[:, : plane.width * 2].tobytes()


def _read(encoded: io.BufferedRandom) -> list[tuple[bytes, bool]]:
    """What each frame has become, and whether that is a key frame."""
    encoded.seek(0)
    with _opened(encoded) as container:
        return [(bytes(packet), packet.is_keyframe) for packet in container.demux(video=0) if packet.size]


def _opened(file: io.BufferedRandom | io.BytesIO) -> InputContainer:
    try:
        return av.open(file, "r", format="nut")
    except av.error.FFmpegError as error:
        raise ToolError(
            "The pictures of this recording could not be encoded. Tell the operator, who can see why.",
            detail=repr(error),
        ) from error
