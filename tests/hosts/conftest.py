"""`install` is one on several hosts, shared by all tests here, which leave it whole: see tests/hosts/install.py."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import media
from tests.hosts import network
from tests.hosts.install import Install

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = network.missing()
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("hosts")
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Install]:
    folder = tmp_path_factory.mktemp("install")
    (folder / "log").mkdir()
    net = network.Network(folder / "log")
    made = None
    try:
        net.start()
        made = Install(net, folder)
        made.start()
        yield made
    finally:
        if made:
            made.stop()
        net.stop()


@pytest.fixture
def install(installed: Install) -> Iterator[Install]:
    yield installed
    installed.mend()


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """20 s with picture and sound; a cut of it that encodes takes some seconds."""
    path = tmp_path_factory.mktemp("recording") / "talk.mp4"
    media.run_ffmpeg(
        *media.picture(20, 30, "640x360"), *media.tone(20), *media.FAST_X264, "-c:a", "aac", media.url(path)
    )
    return path.read_bytes()
