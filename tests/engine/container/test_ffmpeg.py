"""The ffmpeg that is run."""

import imageio_ffmpeg

from jobs.engine.container import ffmpeg


def test_it_is_the_one_that_imageio_ffmpeg_carries():
    assert ffmpeg.program() == imageio_ffmpeg.get_ffmpeg_exe()


def test_it_is_the_one_that_the_environment_names(monkeypatch):
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/opt/ffmpeg")
    assert ffmpeg.program() == "/opt/ffmpeg"
