"""Ordinary recordings, made once for each module."""

from pathlib import Path

import pytest

from tests import media


@pytest.fixture(scope="module")
def shelf(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture(scope="module")
def mp4(shelf) -> Path:
    """4 s at 29.97, index at the end."""
    return media.video(shelf / "talk.mp4", rate="30000/1001")


@pytest.fixture(scope="module")
def mkv(mp4, shelf) -> Path:
    return media.remuxed(mp4, shelf / "talk.mkv")


@pytest.fixture(scope="module")
def webm(shelf) -> Path:
    return media.video(shelf / "talk.webm", "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus")
