"""Recordings whose cut plan is looked at."""

import hashlib
import uuid

import pytest

from jobs.engine.pipelines import probe
from jobs.models import Account
from tests import clips, factories
from tests.browser.cut_plan.page import LOUD, settled


@pytest.fixture
def add(site, email, tmp_path):
    """Puts a recording on the site: add(picture, *sounds) gives its row."""

    def add(picture, *sounds, **fields):
        key = f"videos/{uuid.uuid4()}/source.{'mp4' if picture else 'm4a'}"
        path = site.media / key
        path.parent.mkdir(parents=True)
        clips.make(path, picture, *sounds)
        info, digest = probe.probe(path).info, hashlib.sha256(path.read_bytes()).hexdigest()
        values = {"key": key, "facts": info, "sha256": digest, "size": path.stat().st_size, "title": "Talk"} | fields
        with site.orm():
            return factories.video(Account.objects.get(email=email), **values)

    return add


@pytest.fixture
def talk(client, add):
    return add(clips.Picture(seconds=10), clips.Sound(loud=LOUD, seconds=10, floor_db=-60))


@pytest.fixture
def open_plan(new_page, site, client):
    """Opens the page of a recording, and waits for the plan."""

    def open_plan(video, **options):
        page = new_page(site, client, **options)
        page.goto(f"/videos/{video.pk}/")
        settled(page)
        return page

    return open_plan
