"""The page where what was said is found, and the library's part of it."""

import pytest

from jobs.services import transcripts
from tests import factories, transcribed

pytestmark = pytest.mark.django_db


@pytest.fixture
def talk(ann, settings):
    video = factories.video(ann, title="Weekly talk")
    lines = [(number * 3.0, f"the harvest number {number} <b>") for number in range(1, 8)]
    transcripts.index_of(transcribed.keep(video, transcribed.transcript(*lines), settings.MEDIA_ROOT))
    return video


def test_each_place_leads_to_the_player_there(client, talk):
    page = client.get("/search/", {"q": "harvest"}).content.decode()
    assert "7 places" in page
    assert page.count("harvest</mark>") == 7
    assert f'href="/videos/{talk.pk}/?t=3.00"' in page
    assert "&lt;b&gt;" in page
    assert "#t=3.00" in client.get(f"/videos/{talk.pk}/?t=3.00").content.decode()


@pytest.mark.parametrize("t", ["", "x", "nan", "inf", "-1", "1e999", '"><b>'])
def test_a_time_that_is_none_begins_at_the_start(client, talk, t):
    page = client.get(f"/videos/{talk.pk}/", {"t": t})
    assert page.status_code == 200
    assert "#t=" not in page.content.decode()


def test_the_library_shows_names_and_a_few_places(client, ann, talk):
    factories.video(ann, title="Harvest")
    page = client.get("/", {"q": "harvest"}).content.decode()
    assert "Said in recordings" in page
    assert page.count("harvest</mark>") == 5
    assert "All 7" in page
    assert 'aria-label="Open Harvest, 0:10"' in page
    assert "Said in recordings" not in client.get("/").content.decode()


def test_what_is_only_said_is_not_told_as_nothing_found(client, talk):
    page = client.get("/", {"q": "harvest"}).content.decode()
    assert page.index("Said in recordings") < page.index("it is said in some")


def test_nothing_found_says_what_to_do(client, talk):
    assert "Nobody says that" in client.get("/search/", {"q": "winter"}).content.decode()
    assert "Find where something was said" in client.get("/search/").content.decode()


def test_others_find_nothing(client, eve, talk):
    client.force_login(eve)
    assert "Weekly talk" not in client.get("/search/", {"q": "harvest"}).content.decode()
    assert "Weekly talk" not in client.get("/", {"q": "harvest"}).content.decode()
