"""Whether a result is spliced together from copied and encoded pictures or encoded as a whole, and why."""

import dataclasses
from collections.abc import Callable
from typing import Literal

import numpy as np

from jobs.engine.container.muxers import MP4, Container
from jobs.engine.model.mediainfo import demuxer
from jobs.engine.model.share import percent
from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.smartcut import copy_plan, packet_survey, patch_quality
from jobs.engine.smartcut.all_intra import IntraCopy
from jobs.engine.smartcut.codec import CannotCopy, PatchSettings
from jobs.engine.smartcut.copy_plan import Decoding, Run
from jobs.engine.smartcut.packet_survey import CodedPictures
from jobs.engine.smartcut.splicer import Splice
from jobs.engine.video.encoder_settings import H264, encoder_spec_for
from jobs.engine.video.frame_schedule import Schedule
from jobs.engine.video.source import Source

Render = Literal["smart", "encode"]

# Containers whose packets can be sought by time, or by their offset in the file.
SEEKABLE = {"mov", "matroska", "mpegts", "mpeg", "flv"}
PLAYED_FORMATS = {"yuv420p", "yuvj420p"}
"""Of H.264 in every browser."""
# What a copied picture costs, measured in pictures decoded (720p on one core).
COPYING = 0.02


@dataclasses.dataclass(frozen=True)
class Strategy:
    """`reason` is a sentence for the owner; `splice` says what is copied, None when all is encoded.

    `intra` when all of it is copied one by one.
    `everywhere_cost` is what encoding all of it as H.264 of 8 bits, which every browser plays, would cost against this
    way; None where it is that already, or does not become it.
    `is_second` when a result of copied and encoded pictures was made before, and did not come out as planned.
    """

    reason: str
    splice: Splice | None = None
    intra: IntraCopy | None = None
    is_second: bool = False
    everywhere_cost: float | None = None

    @property
    def render(self) -> Render:
        return "smart" if self.splice or self.intra else "encode"

    @property
    def copied(self) -> int:
        copying = self.splice or self.intra
        return copying.copied if copying else 0

    def everywhere_seconds(self, render_seconds: float) -> float | None:
        """How long encoding all of it would take about, where this way took so long."""
        return self.everywhere_cost and round(self.everywhere_cost * render_seconds, 1)

    @property
    def untouched(self) -> str:
        """How much of the result's picture is copied: "87 %"."""
        copying = self.splice or self.intra
        return percent(copying.copied / len(copying.wanted.source_pts) if copying else 0)


ENCODE_ALL = Strategy("")
"""Where nobody needs to be told why, as where there is no picture at all."""
SECOND = Strategy("The whole picture is encoded, because copying parts of it failed.", is_second=True)
"""The safe way, after the quick one has failed."""


def choose(
    source: Source,
    wanted: Schedule,
    coded: Callable[[], CodedPictures] | None,
    container: Container = MP4,
    whole: Callable[[], IntraCopy] | None = None,
) -> Strategy:
    """The way that is expected to be quicker. `coded` tells how the pictures are coded, or raises CannotCopy.

    With none the picture is encoded, whatever it costs. `whole` tells how all of them are copied one by one, or raises
    CannotCopy.
    """
    if coded is None:
        return Strategy("The whole picture is encoded, as asked for.")
    try:
        if whole:
            return Strategy(f"{percent(1)} of the picture is untouched.", intra=whole())
    except CannotCopy as why:
        if source.info.require_video().codec not in packet_survey.CODECS:
            return Strategy(f"The whole picture is encoded, because {why}.")
    try:
        if wanted.all_stretched:
            raise CannotCopy("all of it runs at another speed")
        if not container.can_copy(source.info):
            raise CannotCopy(f"{container.name} needs another kind")
        return _spliced(source, wanted, coded(), container)
    except CannotCopy as why:
        return Strategy(f"The whole picture is encoded, because {why}.")


def survey_seekable(
    source: Source, token: CancellationToken | None = None, *, open_groups: bool = True
) -> CodedPictures:
    """How the pictures are coded, where their packets can be sought one by one. Raises CannotCopy.

    `open_groups`: those of H.264 are entered, too.
    """
    video = source.info.require_video()
    if any(video.crop):
        raise CannotCopy("its container crops it, which not every player minds")
    if demuxer(source.info) not in SEEKABLE:
        raise CannotCopy("its container cannot be entered in the middle")
    coded = packet_survey.survey(source, token, open_groups=open_groups)
    if coded.sps.size != (video.width, video.height):
        raise CannotCopy("it is cropped in a rare way")
    return coded


def _spliced(source: Source, wanted: Schedule, coded: CodedPictures, container: Container) -> Strategy:
    video, index = source.info.require_video(), source.require_index()
    runs = copy_plan.plan_runs(coded, index, wanted)
    copied = sum(run.count for run in runs if run.copied_from is not None)
    if not copied:
        raise CannotCopy("no stretch of what is kept can be copied")
    share = copied / len(wanted.source_pts)
    coding = patch_quality.chosen_coding(source, coded, runs, wanted)
    cost = smart_cost(runs, Decoding(coded, index, wanted), coding.settings)
    if cost >= whole_cost(source, wanted, container):
        raise CannotCopy("copying parts of it would take longer")
    becomes_h264 = encoder_spec_for(video.pixel_format, is_hdr=video.hdr) is H264
    is_played = video.codec == "h264" and video.pixel_format in PLAYED_FORMATS
    return Strategy(
        f"{percent(share)} of the picture is untouched.",
        Splice(wanted, coded, runs, coding),
        everywhere_cost=whole_cost(source, wanted) / cost if becomes_h264 and not is_played else None,
    )


def smart_cost(runs: list[Run], decoding: Decoding, quality: PatchSettings) -> float:
    """Expected cost of splicing, in pictures decoded."""
    encoded = [run for run in runs if run.copied_from is None]
    copied = sum(run.count for run in runs if run.copied_from is not None)
    decoded = sum(decoding.cost(run) for run in encoded)
    return decoded + quality.cost * sum(run.count for run in encoded) + COPYING * copied


def whole_cost(source: Source, wanted: Schedule, container: Container = MP4) -> float:
    """Expected cost of encoding everything: what lies between a keyframe and a kept range is decoded too."""
    video, index = source.info.require_video(), source.require_index()
    shown = [(first, end) for first, end, _ in wanted.segments if first < end]
    places = np.searchsorted(index.pts, wanted.source_pts)
    firsts, lasts = places[[first for first, _ in shown]], places[[end - 1 for _, end in shown]]
    before = np.searchsorted(index.keyframe_pts, index.pts[firsts], "right") - 1
    keys = np.searchsorted(index.pts, index.keyframe_pts[before.clip(0)])
    decoded = (firsts - keys).clip(0).sum() + (lasts - firsts + 1).sum()
    encoder = encoder_spec_for(video.pixel_format, is_hdr=video.hdr, codec=container.video_codec)
    return float(decoded + encoder.cost * len(wanted.source_pts))
