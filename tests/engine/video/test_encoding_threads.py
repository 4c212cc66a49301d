"""Threads that encode are as many as processors, and fewer where frames are large."""

from fractions import Fraction

import pytest

from jobs.engine.model.mediainfo import VideoTrack
from jobs.engine.runtime import processors
from jobs.engine.smartcut.packet_survey import CODECS
from jobs.engine.video.encoding_threads import (
    FRAMES_EACH,
    MEMORY_BYTES,
    are_huge,
    are_large,
    frame_bytes,
    maximum_threads,
)


def track(width: int, height: int, pixel_format: str = "yuv420p") -> VideoTrack:
    return VideoTrack(
        index=0, codec="hevc", width=width, height=height, frame_rate=Fraction(24), pixel_format=pixel_format
    )


@pytest.fixture(params=[1, 2, 64])
def count(request, monkeypatch):
    monkeypatch.setattr(processors, "available", lambda: request.param)
    return request.param


def test_small_frames_keep_all_processors_busy(count):
    assert maximum_threads(track(160, 96)) == count


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le"])
@pytest.mark.parametrize("size", [(1920, 1080), (3840, 2160), (7680, 4320)])
def test_the_frames_of_all_fit_into_memory_unless_one_is_alone(count, size, pixel_format):
    threads = maximum_threads(track(*size, pixel_format))
    assert 1 <= threads <= count
    assert threads == 1 or threads * FRAMES_EACH * frame_bytes(track(*size, pixel_format)) <= MEMORY_BYTES


def test_a_frame_of_more_than_8_bits_takes_twice_the_memory():
    assert frame_bytes(track(3840, 2160)) == 12_441_600
    assert frame_bytes(track(3840, 2160, "yuv420p10le")) == 24_883_200


@pytest.mark.parametrize(
    ("size", "pixel_format", "expected"),
    [
        ((1920, 1080), "yuv420p10le", (False, False)),
        ((3840, 2160), "yuv420p", (True, False)),
        ((3840, 2160), "yuv420p10le", (True, False)),
        ((7680, 4320), "yuv420p", (True, True)),
    ],
)
def test_4k_is_large_and_8k_is_huge(size, pixel_format, expected):
    assert (are_large(track(*size, pixel_format)), are_huge(track(*size, pixel_format))) == expected


def test_of_8k_x265_alone_does_without_frames_that_refer_to_others():
    huge, large = (track(7680, 4320), track(3840, 2160))
    assert [name for name, codec in CODECS.items() if codec.encodes_intra_only(huge)] == ["hevc"]
    assert not any(codec.encodes_intra_only(large) for codec in CODECS.values())
