"""The whole encode in chunks: each picture the right one and in place, one header for all, and no chunk to be seen."""

import subprocess
import threading
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from jobs.engine.container import ffmpeg
from jobs.engine.model.segment import Segment
from jobs.engine.probe.inspection import inspect
from jobs.engine.video import chunked_encoder, frame_index, frame_schedule
from jobs.engine.video.chunked_encoder import chunks, encode_frames
from jobs.engine.video.source import Source
from jobs.errors import Cancelled
from tests.clips import Picture, make, number_of
from tests.splices import errors_of, pictures_by

NTSC = Fraction(30_000, 1001)
KEEP = [("0.21", "1.9"), ("2.04", "2.3"), ("2.9", "5.5")]
RECORDINGS = {
    "pyramids": ("a.mp4", Picture(NTSC, seconds=6, options={"preset": "veryfast", "g": "40", "bf": "3"})),
    "open groups": ("a.mkv", Picture(seconds=6, options={"g": "12", "bf": "3", "x264-params": "open-gop=1"})),
    "one keyframe": ("a.mp4", Picture(seconds=6, options={"preset": "ultrafast", "g": "250", "bf": "2"})),
    "variable rate": (
        "a.mp4",
        Picture(times=[Fraction(number, 30) + Fraction(number * 7 % 11, 400) for number in range(180)]),
    ),
    "no way to jump": ("a.ts", Picture(seconds=6, start=Fraction(7))),
}


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch):
    monkeypatch.setattr(chunked_encoder, "CHUNK_SECONDS", Fraction(1, 2))
    monkeypatch.setattr(chunked_encoder, "KEYFRAME_SECONDS", Fraction(1, 4))


def planned(source: Path, keep=KEEP) -> tuple[frame_index.FrameIndex, frame_schedule.Schedule]:
    index = frame_index.index_frames(source, inspect(source))
    segments = [Segment(*(index.frame_at_or_before(Fraction(edge)) for edge in span)) for span in keep]
    return index, frame_schedule.schedule(index, segments)


def encoded(source: Path, output: Path, progress=lambda fraction: None) -> tuple[frame_index.FrameIndex, list]:
    index, wanted = planned(source)
    lost = encode_frames(Source(source, inspect(source), index), wanted, output, progress=progress)
    assert lost.frames == 0
    return index, chunks(wanted, index, chunked_encoder.maximum_threads(inspect(source).require_video()))


def decoded(path: Path) -> dict[int, av.VideoFrame]:
    with av.open(str(path)) as container:
        return {frame.pts: frame for frame in container.decode(video=0)}


@pytest.mark.parametrize("name", RECORDINGS)
def test_chunks_are_joined_into_one_track_that_shows_each_picture_at_its_time(name, tmp_path):
    filename, made = RECORDINGS[name]
    source, output = make(tmp_path / filename, made), tmp_path / "picture.mp4"
    index, parts = encoded(source, output)
    assert len(parts) >= 6

    _, wanted = planned(source)
    before, after = decoded(source), decoded(output)
    assert [number_of(frame) for frame in after.values()] == [
        number_of(before[pts]) for pts in wanted.source_pts.tolist()
    ]
    clock = Fraction(1, index.clock_hz)
    assert [frame.pts * frame.time_base for frame in after.values()] == [
        at * clock for at in wanted.start_ticks.tolist()
    ]
    with av.open(str(output)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        assert not any(packet.has_sidedata("new_extradata") for packet in packets)
    assert all(left.dts < right.dts for left, right in pairwise(packets))
    keys = {packet.pts * packet.time_base for packet in packets if packet.is_keyframe}
    assert {int(wanted.start_ticks[first]) * clock for first, _ in parts} <= keys
    assert errors_of(output) == ""
    assert pictures_by("libopenh264", output) == pictures_by("h264", output)


def test_no_chunk_begins_with_a_worse_picture(tmp_path, monkeypatch):
    """Against one encoder for all: what moves and is grainy is as near to the source at each chunk's start."""
    source = tmp_path / "a.mp4"
    made = "testsrc2=size=320x180:rate=25:duration=6,noise=alls=12:allf=t"
    argv = [ffmpeg.program(), "-v", "error", "-f", "lavfi", "-i", made, "-g", "50", "-crf", "12", source]
    subprocess.run(argv, check=True)
    _, wanted = planned(source)
    _, parts = encoded(source, tmp_path / "chunks.mp4")
    monkeypatch.setattr(chunked_encoder, "CHUNK_SECONDS", 1000)
    monkeypatch.setattr(chunked_encoder, "maximum_threads", lambda track: 1)
    _, one = encoded(source, tmp_path / "one.mp4")
    assert (len(parts), len(one)) == (10, 1)

    before = decoded(source)
    originals = [before[pts] for pts in wanted.source_pts.tolist()]
    shared, alone = (
        np.array([psnr(left, right) for left, right in zip(originals, decoded(path).values(), strict=True)])
        for path in (tmp_path / "chunks.mp4", tmp_path / "one.mp4")
    )
    # Keyframes lie elsewhere, and are better than others: a few pictures at a time are compared.
    starts = [slice(first, first + 4) for first, _ in parts]
    assert min(shared[start].mean() - alone[start].mean() for start in starts) > -0.5
    assert shared.mean() > alone.mean() - 0.1


def psnr(left: av.VideoFrame, right: av.VideoFrame) -> float:
    difference = left.to_ndarray(format="gray").astype(float) - right.to_ndarray(format="gray").astype(float)
    return 10 * float(np.log10(255**2 / (difference**2).mean()))


def schedule_of(count: int, keys: list[int], first: tuple[int, ...] = (0,)) -> tuple:
    places = np.arange(count)
    index = frame_index.FrameIndex(places, places * 10, np.array(keys), count * 10, 1000)
    return frame_schedule.Schedule(places, places * 10, np.full(count, 10), first), index


def test_chunks_are_equal_shares_that_begin_where_decoding_can():
    shares = chunks(*schedule_of(1000, [0, 255, 520], first=(0, 740)), 2)
    edges = [first for first, _ in shares]
    assert [end for _, end in shares] == [*edges[1:], 1000]
    assert {0, 255, 740} <= set(edges)
    sizes = [end - first for first, end in shares]
    assert max(sizes) < 2 * min(sizes)
    assert len(shares) % 2 == 0


def test_what_is_short_is_one_chunk():
    assert chunks(*schedule_of(24, [0]), 2) == [(0, 24)]
    assert chunks(*schedule_of(1, [0]), 2) == [(0, 1)]


def test_progress_comes_from_within_chunks_and_ending_it_ends_every_thread(tmp_path):
    source = make(tmp_path / "a.mp4", Picture(seconds=6, size=(320, 192)))
    threads, told = threading.active_count(), []

    def stop(fraction):
        told.append(fraction)
        if fraction > 0.3:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        encoded(source, tmp_path / "picture.mp4", stop)
    assert threading.active_count() == threads
    assert told == sorted(told)
    assert told[-1] < 1
