"""Which way is up: how a stored frame is turned and mirrored to be seen as it should.

Containers tell it as a matrix. Of all that such a matrix can say, the eight ways in which a frame fills a rectangle
are known here: turned clockwise by a track's `rotation`, and then, where it is `mirrored`, its left and right changed.
"""

import math
import struct
from typing import Any

from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from jobs.engine.model.mediainfo import VideoTrack

MATRIX = struct.Struct("=9i")


def orientation_of(frame: VideoFrame) -> tuple[int, bool]:
    """Clockwise degrees (0, 90, 180, 270) to show a frame upright, and whether it is mirrored then."""
    side_data: Any = frame.side_data
    data = bytes(side_data[Type.DISPLAYMATRIX]) if Type.DISPLAYMATRIX in side_data else b""
    if len(data) < MATRIX.size:
        return 0, False
    # A point (x, y) as stored is shown at (ax + cy, bx + dy).
    a, b, _, c, d, *_ = MATRIX.unpack_from(data)
    is_mirrored = a * d < b * c
    if is_mirrored:
        a, c = -a, -c
    if not (a or c) or not (b or d):
        return 0, False
    angle = math.degrees(math.atan2(b / math.hypot(b, d), a / math.hypot(a, c)))
    return round(angle / 90) * 90 % 360, is_mirrored


def set_orientation(stream: VideoStream, track: VideoTrack) -> None:
    """Have a new stream say of its frames what the track does."""
    if track.rotation or track.mirrored:
        stream.set_display_rotation(-track.rotation, hflip=track.mirrored)
