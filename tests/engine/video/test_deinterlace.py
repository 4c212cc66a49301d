"""Interlaced recordings come out of the whole encode as whole pictures, each the right one and at its time."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from jobs.engine.edit.cut_plan import CutParams
from jobs.engine.pipelines import silence_cut as cutting
from jobs.engine.pipelines import watermark
from jobs.engine.pipelines.timeline_render import RenderOptions
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video import chunked_encoder, deinterlace, frame_index, frame_schedule
from jobs.engine.video.overlay import OverlayOptions
from jobs.engine.video.source import Source
from tests import pictures
from tests.clips import Picture, Sound, make
from tests.media import run_ffmpeg, url

WIDTH, STEP, SECONDS = 320, 6, 5
KEEP = CutParams(
    keep=((Fraction("0.4"), Fraction("1.32")), (Fraction("2.2"), Fraction("3.5")), (Fraction(4), Fraction(5)))
)
MPEG2 = "mpeg2video -flags +ildct+ilme -b:v 8M -g 12 -bf 2"
RECORDINGS = {
    "DVD": ("a.mkv", MPEG2, "top"),
    "transport stream": ("a.ts", MPEG2, "top"),
    "bottom field first": ("a.mkv", MPEG2, "bottom"),
    "H.264": ("a.mp4", "libx264 -preset veryfast -flags +ildct+ilme -x264-params tff=1 -crf 12 -g 20 -bf 2", "top"),
}


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch):
    monkeypatch.setattr(chunked_encoder, "CHUNK_SECONDS", Fraction(1, 2))
    monkeypatch.setattr(chunked_encoder, "KEYFRAME_SECONDS", Fraction(1, 4))


def interlaced(path: Path, codec: str, first: str) -> Path:
    """Fifty upright edges a second, each moved on, as the rows of twenty-five pictures."""
    edge = f"geq=lum='if(lt(mod(X-{STEP}*N,{WIDTH}),{WIDTH // 2}),40,210)':cb=128:cr=128"
    made = f"color=s={WIDTH}x96:r=50:d={SECONDS},format=yuv420p,{edge},tinterlace=interleave_{first}"
    field = {"top": "tff", "bottom": "bff"}[first]
    run_ffmpeg(
        "-f", "lavfi", "-i", f"{made},setfield={field}", "-c:v", *codec.split(), "-pix_fmt", "yuv420p", url(path)
    )
    return path


def luma(frame: av.VideoFrame) -> np.ndarray:
    return frame.to_ndarray(format="gray").astype(float)


def combing(frame: av.VideoFrame) -> float:
    """How much each row differs from the next one; nothing in whole pictures of upright edges."""
    return float(np.abs(np.diff(luma(frame), axis=0)).mean())


def off(frame: av.VideoFrame, number: int) -> float:
    """How far a picture is from the one of this number, as its first half shows it."""
    edge = np.where((np.arange(WIDTH) - STEP * 2 * number) % WIDTH < WIDTH // 2, 40, 210)
    # Coded in limited range, and shown in full.
    return float(np.abs(np.median(luma(frame), axis=0) - (edge - 16) * 255 / 219).mean())


@pytest.mark.parametrize("name", RECORDINGS)
def test_pictures_are_whole_and_each_is_the_right_one_at_its_time(name, tmp_path):
    filename, codec, first = RECORDINGS[name]
    source = interlaced(tmp_path / filename, codec, first)
    info = inspect(source)
    index = frame_index.index_frames(source, info)
    whole = RenderOptions(way="encode")
    result = cutting.cut(Source(source, info), KEEP, tmp_path / "cut.mp4", Workspace(tmp_path), whole)
    assert (result.render, result.report.ok) == ("encode", True)
    wanted = frame_schedule.schedule(index, result.plan.timeline.segments)
    with av.open(str(source)) as container:
        assert np.median([combing(frame) for frame in container.decode(video=0)]) > 3
    with av.open(str(tmp_path / "cut.mp4")) as container:
        after = list(container.decode(video=0))
    assert [frame.pts * frame.time_base for frame in after] == [
        Fraction(int(at), index.clock_hz) for at in wanted.start_ticks
    ]
    assert not any(frame.interlaced_frame for frame in after)
    assert max(combing(frame) for frame in after) < 1
    for frame, number in zip(after, np.searchsorted(index.pts, wanted.source_pts).tolist(), strict=True):
        assert off(frame, number) < min(off(frame, number - 1), off(frame, number + 1)) / 3


def test_pictures_under_a_mark_are_whole_too(tmp_path):
    source = interlaced(tmp_path / "a.mp4", RECORDINGS["H.264"][1], "top")
    mark = watermark.Mark(image=pictures.written(tmp_path / "logo.png", pictures.logo((16, 16), (255, 0, 0, 255))))
    look = OverlayOptions(scale=0.05, corner="bottom-right")
    output = tmp_path / "b.mp4"
    watermark.watermark(Source(source, inspect(source)), mark, look, output, Workspace(tmp_path))
    with av.open(str(output)) as container:
        after = list(container.decode(video=0))
    assert [frame.time for frame in after] == [pytest.approx(number / 25, abs=1e-4) for number in range(len(after))]
    assert len(after) == 25 * SECONDS
    # Above the mark.
    assert max(np.abs(np.diff(luma(frame)[:60], axis=0)).mean() for frame in after) < 1
    assert all(off(frame, number) < off(frame, number + 1) / 3 for number, frame in enumerate(after))


def test_pictures_of_which_only_some_are_interlaced_all_come_out_once(tmp_path):
    source = interlaced(tmp_path / "a.mkv", MPEG2, "top")
    plain = make(tmp_path / "b.mkv", Picture(seconds=1, size=(WIDTH, 96)))
    small = make(tmp_path / "c.mkv", Picture(seconds=1))
    before = []
    for path in (plain, source, plain, small, source):
        with av.open(str(path)) as container:
            before += list(container.decode(video=0))
    for number, frame in enumerate(before):
        frame.pts, frame.time_base = 7 * number, Fraction(1, 175)
    after = list(deinterlace.deinterlaced(iter(before), alone=True))
    assert [(frame.pts, frame.time_base) for frame in after] == [(frame.pts, frame.time_base) for frame in before]
    assert [(frame.width, frame.height) for frame in after] == [(frame.width, frame.height) for frame in before]
    assert not any(frame.interlaced_frame for frame in after)


def test_a_recording_of_whole_pictures_passes_no_filter(tmp_path, monkeypatch):
    monkeypatch.delattr(deinterlace, "Deinterlacer")
    source = make(tmp_path / "a.mp4", Picture(), Sound([(0, 4)]))
    params = CutParams(keep=((0, 1), (2, 3)))
    assert cutting.cut(
        Source(source, inspect(source)), params, tmp_path / "b.mp4", Workspace(tmp_path), RenderOptions(way="encode")
    ).report.ok
