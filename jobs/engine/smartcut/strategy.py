"""Whether a result is spliced together from copied and encoded pictures or encoded as a whole, and why."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from jobs.engine.container.muxers import MP4, Container
from jobs.engine.model.mediainfo import MediaInfo, VideoTrack, demuxer
from jobs.engine.runtime.threads import Halt
from jobs.engine.smartcut import copy_plan, packet_survey
from jobs.engine.smartcut.all_intra import Intra
from jobs.engine.smartcut.codec import CannotCopy, Quality
from jobs.engine.smartcut.copy_plan import Decoding, Stretch
from jobs.engine.smartcut.packet_survey import CodedOrder
from jobs.engine.smartcut.patch_encoder import fitting
from jobs.engine.smartcut.splicer import Splice
from jobs.engine.video.encoder_settings import encoder_spec_for
from jobs.engine.video.frame_index import FrameIndex, Schedule

Render = Literal["smart", "encode"]

# Containers whose packets can be gone to by time, or by their place in the file.
ENTERABLE = {"mov", "matroska", "mpegts", "flv"}
# What a copied picture costs, measured in pictures decoded (720p on one core).
COPYING = 0.02
# When more of the result than this is encoded, its size counts for more than the time.
BULK_SHARE = 1 / 3


@dataclasses.dataclass(frozen=True)
class Strategy:
    """`reason` is a sentence for the owner; `splice` says what is copied, None when all is encoded.

    `intra` when all of it is copied one by one.
    `is_second` when a result of copied and encoded pictures was made before, and did not come out as planned.
    """

    reason: str
    splice: Splice | None = None
    intra: Intra | None = None
    is_second: bool = False

    @property
    def render(self) -> Render:
        return "smart" if self.splice or self.intra else "encode"

    @property
    def copied(self) -> int:
        copying = self.splice or self.intra
        return copying.copied if copying else 0

    @property
    def untouched(self) -> str:
        """How much of the result's picture is copied: "87 %"."""
        copying = self.splice or self.intra
        return percent(copying.copied / len(copying.wanted.source_pts) if copying else 0)


SECOND = Strategy("The whole picture is encoded, because copying parts of it failed.", is_second=True)
"""The safe way, after the quick one has failed."""


def choose(
    info: MediaInfo,
    index: FrameIndex,
    wanted: Schedule,
    order: Callable[[], CodedOrder] | None,
    container: Container = MP4,
    whole: Callable[[], Intra] | None = None,
) -> Strategy:
    """The way that is expected to be quicker. `order` tells how the pictures are stored, or raises CannotCopy.

    With none the picture is encoded, whatever it costs. `whole` tells how all of them are copied one by one, or raises
    CannotCopy.
    """
    if container.codec != "h264":
        return Strategy(f"The whole picture is encoded, because {container.name} needs another kind.")
    if order is None:
        return Strategy("The whole picture is encoded, as asked for.")
    try:
        if whole:
            return Strategy(f"{percent(1)} of the picture is untouched.", intra=whole())
    except CannotCopy as why:
        if info.video and info.video.codec not in packet_survey.CODECS:
            return Strategy(f"The whole picture is encoded, because {why}.")
    try:
        return _spliced(info, index, wanted, order())
    except CannotCopy as why:
        return Strategy(f"The whole picture is encoded, because {why}.")


def enterable(source: Path, info: MediaInfo, index: FrameIndex, halt: Halt | None = None) -> CodedOrder:
    """How the pictures are stored, where they can be gone to one by one. Raises CannotCopy."""
    if info.video is not None and any(info.video.crop):
        raise CannotCopy("its container crops it, which not every player minds")
    if demuxer(info) not in ENTERABLE:
        raise CannotCopy("its container cannot be entered in the middle")
    order = packet_survey.survey(source, info, index, halt=halt)
    if info.video is not None and order.sequence.size != (info.video.width, info.video.height):
        raise CannotCopy("it is cropped in a rare way")
    return order


def _spliced(info: MediaInfo, index: FrameIndex, wanted: Schedule, order: CodedOrder) -> Strategy:
    assert info.video is not None
    stretches = copy_plan.stretches(order, index, wanted)
    copied = sum(stretch.count for stretch in stretches if stretch.stored is not None)
    if not copied:
        raise CannotCopy("no stretch of what is kept can be copied")
    decoding = Decoding(order, index, wanted)
    share = copied / len(wanted.source_pts)
    quality = order.codec.bulk if share < 1 - BULK_SHARE else order.codec.seam
    if smart_cost(stretches, decoding, quality) >= whole_cost(wanted, index, info.video):
        raise CannotCopy("copying parts of it would take longer")
    coding = fitting(order, info.video, index.clock_hz, quality)
    return Strategy(f"{percent(share)} of the picture is untouched.", Splice(wanted, order, stretches, coding))


def smart_cost(stretches: list[Stretch], decoding: Decoding, quality: Quality) -> float:
    """Expected cost of splicing, in pictures decoded."""
    encoded = [stretch for stretch in stretches if stretch.stored is None]
    copied = sum(stretch.count for stretch in stretches if stretch.stored is not None)
    decoded = sum(decoding.cost(stretch) for stretch in encoded)
    return decoded + quality.cost * sum(stretch.count for stretch in encoded) + COPYING * copied


def whole_cost(wanted: Schedule, index: FrameIndex, track: VideoTrack) -> float:
    """Expected cost of encoding everything: what lies between a keyframe and a kept range is decoded too."""
    shown = [(first, end) for first, end, _ in wanted.segments if first < end]
    places = np.searchsorted(index.pts, wanted.source_pts)
    firsts, lasts = places[[first for first, _ in shown]], places[[end - 1 for _, end in shown]]
    before = np.searchsorted(index.keyframe_pts, index.pts[firsts], "right") - 1
    keys = np.searchsorted(index.pts, index.keyframe_pts[before.clip(0)])
    decoded = (firsts - keys).clip(0).sum() + (lasts - firsts + 1).sum()
    return float(decoded + encoder_spec_for(track.pixel_format, is_hdr=track.hdr).cost * len(wanted.source_pts))


def percent(share: float) -> str:
    """A part of the whole; only all of it is 100 %."""
    return f"{min(99, round(100 * share)) if share < 1 else 100} %"
