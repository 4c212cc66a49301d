"""What an HDR recording says of the display that it was made on and of its brightest light, as x265 takes it.

FFmpeg hands both on as C structures (libavutil/mastering_display_metadata.h).
"""

import struct
from fractions import Fraction
from typing import Any

from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

DISPLAY = struct.Struct("=22i")
"""AVMasteringDisplayMetadata: red, green, blue and white as x and y, darkest and brightest light, each a fraction; then
whether the colours and the light are told."""
LIGHT = struct.Struct("=2I")
"""AVContentLightMetadata: the brightest pixel and the brightest mean of a frame, in nits."""
COLOUR_STEPS, NIT_STEPS = 50_000, 10_000
"""In which x265, like the message in the stream, counts."""


def x265_options(frame: VideoFrame) -> list[str]:
    """Options `master-display` and `max-cll` that say what the frame says; none when it says nothing."""
    options = []
    if len(display := _told(frame, Type.MASTERING_DISPLAY_METADATA)) >= DISPLAY.size:
        options += _display(display)
    if len(light := _told(frame, Type.CONTENT_LIGHT_LEVEL)) >= LIGHT.size:
        brightest, mean = (min(value, 65_535) for value in LIGHT.unpack_from(light))
        options.append(f"max-cll={brightest},{mean}")
    return options


def _told(frame: VideoFrame, kind: Type) -> bytes:
    # PyAV's stubs know of motion vectors only.
    held: Any = frame.side_data
    return bytes(held[kind]) if kind in held else b""


def _display(data: bytes) -> list[str]:
    *parts, has_colours, has_light = DISPLAY.unpack_from(data)
    if not (has_colours and has_light) or not all(parts[1::2]):
        return []
    values = [Fraction(*parts[place : place + 2]) for place in range(0, len(parts), 2)]
    if min(values) < 0:
        return []
    red, green, blue, white = (
        ",".join(str(round(value * COLOUR_STEPS)) for value in values[place : place + 2]) for place in range(0, 8, 2)
    )
    darkest, brightest = (round(value * NIT_STEPS) for value in values[8:])
    return [f"master-display=G({green})B({blue})R({red})WP({white})L({brightest},{darkest})"]
