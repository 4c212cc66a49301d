"""Samples to FLAC, 24 bits each, for what is to be read again."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame

from jobs.engine.audio.sample_clock import Samples
from jobs.engine.model.audio_layout import LAYOUTS
from jobs.engine.runtime import libav_errors

FULL_SCALE = 2.0**31
LARGEST = 1 - 2.0**-24


def write(output: Path, blocks: Iterable[Samples], rate: int, channels: int) -> None:
    """Write the blocks, one after the other; beyond full scale they are clipped. Raises ToolError, ResourceError."""
    with libav_errors.errors("sound"), av.open(f"file:{output}", "w", format="flac") as container:
        stream = container.add_stream("flac", rate=rate, layout=LAYOUTS[channels])
        stream.codec_context.format = "s32"
        position = 0
        for block in filter(len, blocks):
            whole = (np.clip(block, -1, LARGEST).astype(np.float64) * FULL_SCALE).astype(np.int32)
            frame = AudioFrame.from_ndarray(whole.reshape(1, -1), format="s32", layout=LAYOUTS[channels])
            frame.sample_rate, frame.pts, frame.time_base = rate, position, Fraction(1, rate)
            position += len(block)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
