"""Programs and libraries that count processors by themselves are told how many there are for this process."""

import os
from fractions import Fraction
from pathlib import Path

import pytest

from jobs.engine.captions import recogniser_pool
from jobs.engine.container import ffmpeg
from jobs.engine.pipelines.convert import formats
from jobs.engine.pipelines.convert.formats import Rate
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime import cgroup, processors, sandbox
from jobs.engine.video import frame_index
from jobs.engine.video.frame_cursor import FrameCursor
from jobs.engine.video.source import Source
from tests import media


@pytest.fixture(autouse=True)
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """One with the time of three processors, on a machine of 64."""
    (tmp_path / "own").write_text("0::/site\n")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "cpu.max").write_text("300000 100000\n")
    monkeypatch.setattr(cgroup, "OWN", tmp_path / "own")
    monkeypatch.setattr(cgroup, "ROOT", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)))
    monkeypatch.setenv(processors.SHARED_BY, "1")
    processors.machine.cache_clear()
    yield
    processors.machine.cache_clear()


class Shape:
    rate = Fraction(25)


@pytest.mark.parametrize(
    ("encoder", "told"),
    [
        (formats.H264, ["-threads:v:0", "3"]),
        (formats.HEVC, ["-x265-params", "log-level=error:pools=3"]),
        (formats.AV1, ["-svtav1-params", "lp=3"]),
        (formats.VP9, ["-threads:v:0", "3"]),
    ],
)
def test_each_encoder_is_told(encoder: formats.VideoEncoder, told: list[str]):
    argv = encoder.argv(Rate(), Shape())
    assert argv[argv.index(told[0]) :][:2] == told


def test_workers_that_share_them_have_a_part_each(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(processors.SHARED_BY, "3")
    argv = formats.HEVC.argv(Rate(), Shape())
    assert "log-level=error:pools=1" in argv


def test_decoders_and_filters_of_ffmpeg_are_told():
    assert ffmpeg.threads() == ["-filter_threads", "3", "-filter_complex_threads", "3", "-threads", "3"]


def test_a_decoder_of_ours_takes_no_more(tmp_path: Path):
    path = media.video(tmp_path / "talk.mp4", seconds=1)
    source = Source(path, inspect(path), frame_index.index_frames(path, inspect(path)))
    with FrameCursor.opened(source, alone=True) as cursor:
        assert cursor._stream.codec_context.thread_count == 3


def test_children_know_among_how_many_they_are_shared(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(processors.SHARED_BY, "2")
    assert sandbox.environment()[processors.SHARED_BY] == "2"
    assert recogniser_pool.environment()[processors.SHARED_BY] == "2"
