"""All-intra video, whose every picture is a keyframe (ProRes, MJPEG, FFV1, some H.264), copied one by one.

Whatever a schedule shows can then be a copy: a cut needs nothing encoded, on which frame ever it lies.
"""

import contextlib
import dataclasses
import itertools
import zlib
from array import array
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from jobs.engine.container import demuxing
from jobs.engine.container.muxers import MOV, Container
from jobs.engine.model.mediainfo import MediaInfo, demuxer
from jobs.engine.model.progress import Advance
from jobs.engine.probe import display_matrix
from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.smartcut.codec import CannotCopy
from jobs.engine.smartcut.packet_reader import Unsound
from jobs.engine.video.chunked_encoder import exact_start_options
from jobs.engine.video.frame_schedule import Schedule
from jobs.engine.video.source import Source
from jobs.engine.video.track_writer import TrackWriter
from jobs.engine.video.video_stream import open_video

ALL_INTRA_OR_NOT = {"h264", "hevc", "ffv1"}
"""Codecs that may predict pictures from others, and are known to mark those that do not."""
FORMATS = {".mov": "mov", ".nut": "nut"}
"""Of tracks on the way: NUT holds what PyAV's QuickTime does not (FFV1, HuffYUV), to the tick, which ffmpeg's does."""
MARKS_KEYFRAMES = {"mov", "matroska"}
"""Demuxers that tell of every picture whether it does."""


@dataclasses.dataclass(frozen=True, eq=False)
class IntraCopy:
    """A result whose every picture is a copy; `checksums` are those of their packets in the order of showing."""

    wanted: Schedule
    checksums: NDArray[np.uint32]

    @property
    def copied(self) -> int:
        return len(self.wanted.source_pts)


@dataclasses.dataclass(frozen=True, eq=False)
class IntraPictures:
    """The pictures of a recording in the order of showing, in which they are stored: time stamps, checksums, bytes."""

    pts: NDArray[np.int64]
    checksums: NDArray[np.uint32]
    sizes: NDArray[np.uint32]


def survey(source: Source, token: CancellationToken | None = None) -> IntraPictures:
    """The pictures, of a codec that `require_intra` lets pass. Raises CannotCopy."""
    pts, checksums, sizes = array("q"), array("I"), array("I")
    for packet in _packets(source, token or CancellationToken()):
        if packet.pts is None or not packet.is_keyframe or packet.has_sidedata("new_extradata"):
            raise CannotCopy("not all of its pictures stand for themselves")
        pts.append(packet.pts)
        checksums.append(zlib.crc32(memoryview(packet)))
        sizes.append(packet.size)
    stored = np.array(pts, np.int64)
    if (np.diff(stored) <= 0).any():
        raise CannotCopy("its pictures are not stored in the order of showing")
    return IntraPictures(stored, np.array(checksums, np.uint32), np.array(sizes, np.uint32))


IntraSurvey = Callable[[Source], IntraPictures]
"""Tells what `survey` does."""


def plan_intra_copy(source: Source, wanted: Schedule, container: Container, survey: IntraSurvey = survey) -> IntraCopy:
    """How to copy all that is wanted. Raises CannotCopy."""
    require_intra(source.info, container)
    stored = survey(source)
    positions = np.searchsorted(stored.pts, wanted.source_pts)
    if not len(stored.pts) or (stored.pts[positions.clip(0, len(stored.pts) - 1)] != wanted.source_pts).any():
        raise CannotCopy("not all of its pictures can be found")
    return IntraCopy(wanted, stored.checksums[positions])


def require_intra(info: MediaInfo, container: Container) -> None:
    """Raise CannotCopy unless its codec is all-intra or marks keyframes, and the container holds it."""
    video = info.require_video()
    if any(video.crop):
        raise CannotCopy("its container crops it, which not every player minds")
    codec = video.codec
    if codec == "h264" and "444" in video.pixel_format:
        raise CannotCopy("its first picture tells how all others are coded")
    if codec in ALL_INTRA_OR_NOT:
        if demuxer(info) not in MARKS_KEYFRAMES:
            raise CannotCopy("its container does not tell which pictures stand for themselves")
    elif not av.Codec(codec, "r").intra_only:
        raise CannotCopy("its pictures need each other")
    if not container.holds_video(codec):
        raise CannotCopy(f"{container.name} does not hold it in a way that players know")


def suffix_for(info: MediaInfo) -> str:
    """The ending of a file of a track of such pictures alone."""
    return ".mov" if info.video and MOV.holds_video(info.video.codec) else ".nut"


def _packets(source: Source, token: CancellationToken, begin: int | None = None) -> "Iterator[Packet[VideoStream]]":
    """The pictures as they are stored, to where damage ends them: all, or from one with the time stamp `begin`, or
    before it, on."""
    container, stream = open_video(source.path, source.info)
    with container:
        packets = demuxing.packets(container, stream)
        if begin is not None:
            with contextlib.suppress(av.error.FFmpegError):
                container.seek(begin, stream=stream, backward=True)
            first = next(packets, None)
            if first is None or first.pts is None or first.pts > begin:
                # The demuxer knows no better than from the start.
                yield from _packets(source, token)
                return
            packets = itertools.chain([first], packets)
        for packet in packets:
            token.check()
            if packet.size:
                yield packet


def copy_intra(source: Source, intra: IntraCopy, output: Path, *, progress: Advance) -> None:
    """Write the wanted pictures in a file without audio, named with `suffix_for`.

    `progress` gets a fraction; what it raises ends the work. Raises Unsound where the file cannot hold them.
    """
    video, index = source.info.require_video(), source.require_index()
    wanted, done = intra.wanted, 0
    original, stream = open_video(source.path, source.info)
    try:
        format = FORMATS[output.suffix]
        options = exact_start_options(index) if format == "mov" else {}
        with original, av.open(f"file:{output}", "w", format=format, options=options) as container:
            copied_stream = container.add_stream_from_template(stream)
            if video.codec == "hevc":
                copied_stream.codec_context.codec_tag = "hvc1"
            copied_stream.time_base = Fraction(1, index.clock_hz)
            display_matrix.set_orientation(copied_stream, video)
            track = TrackWriter(container, copied_stream, wanted, reorder_frames=0, clock_hz=index.clock_hz)
            for packet in _packets(source, CancellationToken(), int(wanted.source_pts[0])):
                data = bytes(packet)
                while done < len(wanted.source_pts) and packet.pts == wanted.source_pts[done]:
                    copy = Packet(data)
                    copy.is_keyframe = True
                    track.mux(copy, done)
                    done += 1
                    progress(done / len(wanted.source_pts))
                if done == len(wanted.source_pts):
                    break
    except (av.error.FFmpegError, CannotCopy, ValueError) as error:
        raise _unsound(repr(error)) from error
    if done < len(wanted.source_pts):
        raise _unsound(f"{done} of {len(wanted.source_pts)} pictures were found again")


def _unsound(detail: str) -> Unsound:
    return Unsound(
        "The pictures of the recording could not be copied. Choose to encode the whole picture.", detail=detail
    )
