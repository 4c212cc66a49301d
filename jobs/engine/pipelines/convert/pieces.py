"""A picture that is converted in pieces, each by a command of its own and kept, so that an interrupted one goes on.

Only what one command would do to the very same frames: each keeps its time. The filter that looks at the frames beside
one, which makes whole pictures of half ones, is given some more than the piece has. Which frame a packet shows tells
its place among the others, and its time is the source's. What does not come out like that is left to the one command.
"""

import dataclasses
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from jobs.engine.container import demuxing
from jobs.engine.model.progress import Advance
from jobs.engine.model.segment import Segment
from jobs.engine.pipelines.convert.conversion import ConversionPlan
from jobs.engine.pipelines.convert.ffmpeg_args import Job, follow, opened, video_options
from jobs.engine.runtime import libav_errors
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video import deinterlace, frame_index, frame_schedule
from jobs.engine.video.encoded_packets import EncodedPacket, EncodedRun
from jobs.engine.video.frame_cursor import can_jump
from jobs.engine.video.frame_index import FrameIndex
from jobs.engine.video.frame_schedule import Schedule
from jobs.engine.video.kept_runs import KeptRuns
from jobs.engine.video.track_writer import TrackWriter
from jobs.errors import InputError, ToolError

PIECE_SECONDS = 30
"""What is lost at most. An encoder needs a second or so to begin and to end."""
LARGE_PIXELS, LARGE_SHARE = 1920 * 1088, Fraction(1, 3)
"""Of larger pictures a piece, which is held in memory when it is done, is so much shorter."""
EARLIER_SECONDS = 0.2
"""How much before its first frame a piece is read, as containers know the places of frames roughly."""
MOST_REORDERED = 4
"""How many pictures the encoders store at most before one that is shown before them."""


class Unfit(Exception):
    """The pieces do not make one track. Says why."""


def wanted_frames(job: Job, plan: ConversionPlan, work: Workspace) -> tuple[FrameIndex, Schedule] | None:
    """All frames at their own times, where it pays to make them in pieces; None elsewhere."""
    info = job.info
    changes_times = job.options.shape.frame_rate
    if not work.kept or plan.framing is None or plan.rate.kbps or changes_times or not can_jump(info):
        return None
    if info.duration < 2 * PIECE_SECONDS:
        return None
    try:
        index = frame_index.index_frames(job.source.path, info, cache_dir=work.cache)
    except InputError:
        return None
    every = frame_schedule.schedule(index, [Segment(Fraction(0), Fraction(index.end_tick, index.clock_hz))])
    return (index, every) if len(every.source_pts) == len(index.pts) else None


@dataclasses.dataclass(frozen=True)
class PicturePieces:
    """A recording's picture, which is made in pieces: the frames of `every`, as a plan has it."""

    job: Job
    plan: ConversionPlan
    index: FrameIndex
    every: Schedule
    work: Workspace


def encode(picture: PicturePieces, output: Path, progress: Advance) -> None:
    """Write the picture alone to an MP4 file, with the times of the recording. `progress` gets a fraction.

    Raises Unfit, InputError, ToolError, ResourceError, and what `progress` raises.
    """
    job, plan, index, every = picture.job, picture.plan, picture.index, picture.every
    assert plan.framing
    making, count = _Making(picture), len(every.start_ticks)
    with libav_errors.errors("pictures"), av.open(f"file:{making.sample}", format="mov") as sample:
        like = sample.streams.video[0]
        header = bytes(like.codec_context.extradata or b"")
        how = (job.info, job.options, plan, job.colours, header)
        runs = KeptRuns(picture.work.kept, every, "pieces", *how)
        options = {"movie_timescale": str(index.clock_hz)}
        with av.open(f"file:{output}", "w", format="mp4", options=options) as container:
            stream = container.add_stream_from_template(like, opaque=True)
            stream.time_base = Fraction(1, index.clock_hz)
            depth = MOST_REORDERED if like.codec_context.name in ("h264", "hevc") else 0
            track = TrackWriter(container, stream, every, reorder_frames=depth, clock_hz=index.clock_hz)
            for first, end in runs.planned(edges_of(index, every, plan.framing.size)):

                def make(first: int = first, end: int = end) -> EncodedRun:
                    return making.piece(
                        first, end, header, lambda done: progress((first + done * (end - first)) / count)
                    )

                run, _ = runs.made(first, end, make)
                require_order(run, every, first, depth)
                track.mux_run(run.packets)
                progress(end / count)


def edges_of(index: FrameIndex, every: Schedule, size: tuple[int, int]) -> list[tuple[int, int]]:
    """Pieces of about PIECE_SECONDS, which begin at keyframes, so that nothing is decoded for nothing."""
    seconds = PIECE_SECONDS * (LARGE_SHARE if size[0] * size[1] > LARGE_PIXELS else 1)
    count = len(every.start_ticks)
    keys = np.flatnonzero(np.isin(every.source_pts, index.keyframe_pts))
    firsts = [0]
    for key in keys.tolist():
        if every.start_ticks[key] - every.start_ticks[firsts[-1]] >= seconds * index.clock_hz:
            firsts.append(key)
    return list(zip(firsts, [*firsts[1:], count], strict=True))


def require_order(run: EncodedRun, every: Schedule, first: int, depth: int) -> None:
    """Raise Unfit when frames are stored further out of order than the track allows."""
    numbers = np.searchsorted(every.start_ticks, [at for at, _, _ in run.packets]) - first
    if (np.arange(len(numbers)) - numbers).max(initial=0) > depth:
        raise Unfit("pictures are stored further out of order than was expected")


class _Making:
    def __init__(self, picture: PicturePieces) -> None:
        self.picture = picture
        self.sample = picture.job.folder / "sample.mp4"
        self._run(0, min(2, len(picture.every.start_ticks)), self.sample, lambda done: None)

    def piece(self, first: int, end: int, header: bytes, progress: Advance) -> EncodedRun:
        file = self.picture.job.folder / "piece.mp4"
        try:
            self._run(first, end, file, progress)
            return read(file, self.picture.every.start_ticks[first:end].tolist(), header)
        finally:
            file.unlink(missing_ok=True)

    def _run(self, first: int, end: int, output: Path, progress: Advance) -> None:
        job, index, every = self.picture.job, self.picture.index, self.picture.every
        info = job.info
        begin = max(0.0, int(every.start_ticks[first]) / index.clock_hz - EARLIER_SECONDS)
        until = f":end_pts={int(every.source_pts[end])}" if end < len(every.source_pts) else ""
        cut = f"trim=start_pts={int(every.source_pts[first])}{until},setpts=PTS-STARTPTS"
        program, *reading = opened(job.source)
        at = reading.index("-f")  # what follows is said of the input
        command = [program, *reading[:at], "-copyts", "-noaccurate_seek", "-ss", f"{begin:.6f}", *reading[at:]]
        command += ["-map", f"0:{info.require_video().index}", "-map_metadata", "-1", "-map_chapters", "-1"]
        command += _cutting(video_options(job, self.picture.plan), cut)
        command += ["-video_track_timescale", str(index.clock_hz), "-progress", "pipe:1", "-f", "mp4", f"file:{output}"]
        seconds = Fraction(int(every.start_ticks[end - 1] - every.start_ticks[first]) + 1, index.clock_hz)
        part = dataclasses.replace(info, duration=seconds)
        follow(command, part, progress, self.picture.work.log)


def _cutting(options: list[str], cut: str) -> list[str]:
    """ffmpeg's options for a picture, with a filter before its others; after the one that looks at the frames beside
    one, which counts time in halves of what it is given."""
    place = options.index("-filter:v:0") + 1
    whole, comma, others = options[place].partition(",")
    if whole.startswith(deinterlace.BWDIF):
        filters = f"{whole},settb=intb*2,{cut}{comma}{others}"
    else:
        filters = f"{cut},{options[place]}"
    return [*options[:place], filters, *options[place + 1 :]]


def read(file: Path, times: list[int], header: bytes) -> EncodedRun:
    """The packets of a piece whose frames are shown at these times. Raises Unfit."""
    with av.open(f"file:{file}", format="mov") as container:
        stream: VideoStream = container.streams.video[0]
        if bytes(stream.codec_context.extradata or b"") != header:
            raise Unfit("the encoder describes its pictures in another way")
        stored = [
            (int(packet.pts), bytes(packet), packet.is_keyframe)
            for packet in demuxing.packets(container, stream)
            if packet.size and packet.pts is not None
        ]
    places = {pts: place for place, pts in enumerate(sorted(pts for pts, _, _ in stored))}
    if len(places) != len(times):
        raise Unfit(f"{len(places)} frames came of {len(times)}")
    packets: list[EncodedPacket] = [(times[places[pts]], data, is_key) for pts, data, is_key in stored]
    return EncodedRun(packets)


def or_none(make: Callable[[], None], work: Workspace) -> bool:
    """Whether pieces made one track; why they did not is noted."""
    try:
        make()
    except (Unfit, ToolError) as error:
        work.log.line(f"not in pieces: {error}")
        if work.kept:
            work.kept.forget()
        return False
    return True
