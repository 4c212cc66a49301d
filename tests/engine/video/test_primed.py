"""Decoders that begin in the middle of a recording whose first packet tells how all others are coded."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from jobs.engine.probe.inspection import inspect
from jobs.engine.video import frame_index
from jobs.engine.video.frame_cursor import FrameCursor
from jobs.engine.video.frame_reader import FrameReader
from jobs.engine.video.source import Source
from tests.media import run_ffmpeg


@pytest.fixture
def source(tmp_path) -> Path:
    """4:4:4 that says that it was coded by an x264 of before build 151: decoders then read all of it in another way."""
    path = tmp_path / "a.mp4"
    params = "keyint=25:scenecut=0:8x8dct=1:cabac=1:partitions=none"
    coder = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv444p", "-qp", 48, "-x264-params", params)
    run_ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x36:rate=25:duration=4", *coder, path)
    data = path.read_bytes()
    place = data.index(b"x264 - core ") + len(b"x264 - core ")
    path.write_bytes(data[:place] + b"142" + data[place + 3 :])
    return path


def keyframes(path: Path) -> dict[int, np.ndarray]:
    """As a decoder gives them that reads on from the start."""
    with av.open(str(path)) as container:
        return {frame.pts: frame.to_ndarray() for frame in container.decode(video=0) if frame.key_frame}


def test_stills_are_what_reading_from_the_start_shows(source):
    right = keyframes(source)
    with FrameReader.opened(source, inspect(source), strict=False) as reader:
        for second in (3, 1, 2):
            frame = reader.keyframe(Fraction(second))
            assert (frame.to_ndarray() == right[frame.pts]).all()


@pytest.mark.parametrize("alone", [False, True])
def test_pictures_of_a_cut_are_what_reading_from_the_start_shows(source, alone):
    right = keyframes(source)
    info = inspect(source)
    index = frame_index.index_frames(source, info)
    with FrameCursor.opened(Source(source, info, index), alone=alone) as playhead:
        for pts in list(right)[2:]:
            playhead.go_to(pts)
            frame, _ = playhead.at(pts)
            assert (frame.to_ndarray() == right[pts]).all()
