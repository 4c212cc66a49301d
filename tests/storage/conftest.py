"""The two kinds of store, each with what lies beside it on this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs import storage
from jobs.storage.address import parsed
from jobs.storage.s3 import S3Store
from tests.bucket.faults import Faults
from tests.servers import ObjectStorage


@pytest.fixture
def site_in_bucket(
    settings: pytest.FixtureRequest,
    bucket: ObjectStorage,
    faults: Faults,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Faults]:
    """The storage of this install is the bucket, by way of `faults`; its scratch is a folder of the test."""
    for name, value in bucket.env.items():
        monkeypatch.setenv(name, value)
    settings.STORAGE_URL = bucket.url("site", faults.endpoint)
    settings.SCRATCH_DIR = tmp_path / "scratch-dir"
    settings.SCRATCH_DIR.mkdir()
    yield faults


@pytest.fixture
def s3(site_in_bucket: Faults, settings: pytest.FixtureRequest) -> S3Store:
    return S3Store(parsed(settings.STORAGE_URL), settings.SCRATCH_DIR)


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> storage.Store:
    """Each of the two."""
    if request.param == "bucket":
        return request.getfixturevalue("s3")
    return storage.FolderStore(tmp_path / "kept")
