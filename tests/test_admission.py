"""How much may come in one request, by where it goes."""

import pytest

from jobs.engine.probe.image_sanitizer import MAXIMUM_BYTES
from videoservice.admission import Admission

MIB = 1024**2


@pytest.mark.parametrize("path", ["/submit/", "/api/v1/videos", "/api/v1/images"])
def test_files_come_in_forms_as_large_as_they_may_be(path):
    known = Admission(b"POST", path.encode(), is_known=True)
    assert known.refusal(MAXIMUM_BYTES) is None
    assert Admission(b"POST", path.encode()).refusal(MAXIMUM_BYTES) is not None


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/api/v1/imagesx", "/account/"])
def test_all_else_is_short(path):
    known = Admission(b"POST", path.encode(), is_known=True)
    assert known.refusal(MIB) is None
    assert known.refusal(MIB + 1) is not None
