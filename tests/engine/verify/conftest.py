"""Right results, made once for each module."""

import pytest

from tests.clips import Picture, Sound
from tests.engine.verify.cuts import LOUD, Cut, cut_of


@pytest.fixture(scope="module")
def right(tmp_path_factory) -> Cut:
    return cut_of(tmp_path_factory.mktemp("right"), "a.mp4", Picture(seconds=6), Sound(LOUD, seconds=6))


@pytest.fixture(scope="module", params=["smart", "encode"])
def either(request, tmp_path_factory) -> Cut:
    """The same cut, with copied pictures and with none."""
    folder = tmp_path_factory.mktemp(request.param)
    return cut_of(folder, "a.mp4", Picture(seconds=6), Sound(LOUD, seconds=6), way=request.param)
