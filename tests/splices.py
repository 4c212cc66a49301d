"""Recordings spliced whatever it costs, and what has to hold for the result."""

import dataclasses
import functools
import itertools
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from jobs.engine.container import ffmpeg
from jobs.engine.edit.cut_params import CutParams
from jobs.engine.edit.cut_plan import plan as planned
from jobs.engine.edit.cut_plan import snap
from jobs.engine.probe.inspection import inspect
from jobs.engine.smartcut import strategy
from jobs.engine.smartcut.copy_plan import plan_runs
from jobs.engine.smartcut.patch_encoder import fitting_coding
from jobs.engine.smartcut.splicer import Splice, splice_track
from jobs.engine.video import frame_index, frame_schedule
from jobs.engine.video.source import Source
from tests.clips import number_of

# Ends of ranges between frames, single frames, a range over several groups, the first and the last frame.
KEEP = (("0", "0.31"), ("0.5", "0.52"), ("0.7", "2.113"), ("2.31", "2.9"), ("3.05", "9"))

SECOND_DECODERS = {
    # Stricter than FFmpeg's: it drops and disorders pictures where parameter sets do not go together.
    "h264": "libopenh264",
    "vp9": "libvpx-vp9",
    "av1": "libaom-av1",
}


@dataclasses.dataclass
class Result:
    splice: Splice
    index: frame_index.FrameIndex
    source: Path
    output: Path


def spliced(source: Path, keep=KEEP, *, bulk: bool = False) -> Result:
    """Splice whatever it costs; the planner is tested by itself."""
    info = inspect(source)
    index = frame_index.index_frames(source, info)
    end = Fraction(index.end_tick, index.clock_hz)
    ranges = tuple((start, min(Fraction(stop), end)) for start, stop in keep if Fraction(start) < end)
    wanted = frame_schedule.schedule(index, snap(planned(None, end, CutParams(keep=ranges)), index).timeline.segments)
    order = strategy.survey_seekable(Source(source, info, index))
    step = order.codec.steps(None, info.video)[-1 if bulk else 0]
    coding = fitting_coding(order, info.video, index.clock_hz, step.at(min(step.finest, 19)))
    splice = Splice(wanted, order, plan_runs(order, index, wanted), coding)
    output = source.with_name("spliced.mp4")
    splice_track(Source(source, info, index), splice, output, progress=lambda fraction: None)
    return Result(splice, index, source, output)


def spliced_as_chosen(source: Path, keep=KEEP) -> Result:
    """Spliced with the settings that the engine chooses."""
    splice = chosen(source, keep).splice
    info = inspect(source)
    index = frame_index.index_frames(source, info)
    output = source.with_name("spliced.mp4")
    splice_track(Source(source, info, index), splice, output, progress=lambda fraction: None)
    return Result(splice, index, source, output)


def spliced_again(result: Result, keep=KEEP) -> Result:
    """A result spliced once more."""
    source = result.output.rename(result.output.with_name(f"{result.output.stat().st_ino}.mp4"))
    return spliced(source, keep)


def frames_of(path: Path) -> dict[int, av.VideoFrame]:
    with av.open(str(path)) as container:
        return {frame.pts: frame for frame in container.decode(video=0)}


def samples(frame: av.VideoFrame) -> np.ndarray:
    """All of a frame's, one plane after the other."""
    kind = np.dtype(np.uint16 if frame.format.components[0].bits > 8 else np.uint8)
    planes = [(plane, np.frombuffer(memoryview(plane), kind).reshape(plane.height, -1)) for plane in frame.planes]
    return np.concatenate([lines[:, : plane.width].ravel() for plane, lines in planes])


def pixels(frame: av.VideoFrame) -> bytes:
    return samples(frame).tobytes()


def psnr(left: av.VideoFrame, right: av.VideoFrame) -> float:
    difference = samples(left).astype(float) - samples(right).astype(float)
    peak = 2 ** left.format.components[0].bits - 1
    return 10 * float(np.log10(peak**2 / max(1e-9, (difference**2).mean())))


def pictures_by(decoder: str, path: Path) -> list[str]:
    """Checksums of the pictures in the order in which ffmpeg gets them from a decoder."""
    argv = [
        ffmpeg.program(),
        "-v",
        "error",
        "-c:v",
        decoder,
        "-i",
        str(path),
        "-map",
        "0:v",
        "-fps_mode",
        "passthrough",
    ]
    done = subprocess.run([*argv, "-f", "framemd5", "-"], capture_output=True, text=True, check=True)
    return [line.split(",")[-1].strip() for line in done.stdout.splitlines() if not line.startswith("#")]


def errors_of(path: Path) -> str:
    """What ffmpeg finds wrong when it decodes everything and looks closely."""
    argv = [ffmpeg.program(), "-v", "warning", "-err_detect", "crccheck+bitstream+buffer", "-i", str(path)]
    done = subprocess.run([*argv, "-map", "0:v", "-f", "null", "-"], capture_output=True, text=True, check=True)
    # Pictures of a variable rate may lie closer together than the clock of nothing is fine.
    return "\n".join(line for line in done.stderr.splitlines() if "[null @" not in line)


def assert_faithful(result: Result) -> None:
    wanted = result.splice.wanted
    before, after = frames_of(result.source), frames_of(result.output)
    expected = [before[pts] for pts in wanted.source_pts.tolist()]
    found = list(after.values())
    assert [number_of(frame) for frame in found] == [number_of(frame) for frame in expected]
    clock = Fraction(1, result.index.clock_hz)
    assert [frame.pts * frame.time_base for frame in found] == [at * clock for at in wanted.start_ticks.tolist()]
    for stretch in result.splice.runs:
        for left, right in list(zip(expected, found, strict=True))[stretch.first : stretch.end]:
            if stretch.copied_from is None:
                assert psnr(left, right) >= 45
            else:
                assert pixels(left) == pixels(right)
    assert_decodable(result)


def encoded_pairs(result: Result) -> list[tuple[av.VideoFrame, av.VideoFrame]]:
    """Of the pictures that were encoded those of the source and ours."""
    before, after = frames_of(result.source), list(frames_of(result.output).values())
    places = [place for one in result.splice.runs if one.copied_from is None for place in range(one.first, one.end)]
    return [(before[int(result.splice.wanted.source_pts[place])], after[place]) for place in places]


def least_psnr(result: Result) -> float:
    """Of the pictures that were encoded, against those of the source."""
    return min(psnr(left, right) for left, right in encoded_pairs(result))


def assert_decodable(result: Result) -> None:
    assert_in_order(result)
    assert errors_of(result.output) == ""
    codec = result.splice.coded.codec
    # libopenh264 reads eight bits of 4:2:0 alone.
    is_read = codec.name != "h264" or inspect(result.output).video.pixel_format in ("yuv420p", "yuvj420p")
    if codec.name in SECOND_DECODERS and is_read:
        first = pictures_by(codec.decoder or codec.name, result.output)
        assert pictures_by(SECOND_DECODERS[codec.name], result.output) == first


def assert_in_order(result: Result) -> None:
    with av.open(str(result.output)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        video = container.streams.video[0]
        end = (video.start_time + video.duration) * video.time_base
        assert len(container.streams) == 1
    assert len(packets) == len(result.splice.wanted.source_pts)
    assert all(left.dts < right.dts for left, right in itertools.pairwise(packets))
    assert all(packet.dts <= packet.pts for packet in packets)
    wanted = result.splice.wanted
    assert abs(
        end - Fraction(int(wanted.start_ticks[-1] + wanted.duration_ticks[-1]), result.index.clock_hz)
    ) < Fraction(1, 1000)


def chosen(source: Path, keep=KEEP, render="smart") -> strategy.Strategy:
    info = inspect(source)
    index = frame_index.index_frames(source, info)
    end = Fraction(index.end_tick, index.clock_hz)
    ranges = tuple((start, min(Fraction(stop), end)) for start, stop in keep)
    wanted = frame_schedule.schedule(index, snap(planned(None, end, CutParams(keep=ranges)), index).timeline.segments)
    indexed = Source(source, info, index)
    order = functools.partial(strategy.survey_seekable, indexed) if render == "smart" else None
    return strategy.choose(indexed, wanted, order)
