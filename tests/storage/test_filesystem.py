"""What a folder's filesystem is asked to do, before people find out that it cannot."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.checks import bucket, filesystem
from jobs.storage import filesystem as tried


def test_this_one_can_all_and_nothing_is_left_of_trying(tmp_path):
    assert tried.lacking(tmp_path) == [] and tried.has_second_names(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_done_is_said_in_words(settings, tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(95, os.strerror(95))

    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(Path, "replace", refuse)
    told = [message.msg for message in filesystem(None)]
    assert told == [
        f"The filesystem of {tmp_path} cannot {words}: Operation not supported."
        for words in ("put a file into another one's place in one step", "lock files (flock)")
    ]


def test_locks_that_hold_nobody_off_are_none(tmp_path, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    assert tried.lacking(tmp_path) == ["lock files (flock): two locked the same file at once"]


def test_a_bucket_takes_the_place_of_the_folder_and_its_address_is_looked_at(settings, monkeypatch):
    settings.STORAGE_URL = "s3://b?endpoint=http://127.0.0.1:1&region=x"
    monkeypatch.setattr(tried, "lacking", lambda root: ["be asked"])
    assert filesystem(None) == [] and bucket(None) == []
    settings.STORAGE_URL = "s3://b?regoin=x"
    assert [message.id for message in bucket(None)] == ["jobs.E006"]


@pytest.mark.parametrize("url", ["", "s3://b?region=x"])
def test_only_who_keeps_files_in_a_bucket_loads_what_speaks_to_it(url):
    """boto3 takes half a second to load, and 30 MB."""
    asked = "from jobs import storage; storage.store(); import sys; print('boto3' in sys.modules)"
    code = f"import django; django.setup(); {asked}"
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "videoservice.settings", "STORAGE_URL": url}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.strip() == str(bool(url))
