"""The library."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.models import Tag
from jobs.services import shelf
from tests import factories
from tests.pages.rows import HTMX, S, artifact, link

pytestmark = pytest.mark.django_db
CARD_LINK = r'<a\s+class="(frame|clip medium)"[^>]*?\shref="([^"]+)"'


@pytest.fixture
def short_pages(monkeypatch):
    monkeypatch.setattr(shelf, "PAGE", 3)


def test_an_empty_library_says_what_to_do(client, ann):
    assert "No recordings yet" in client.get("/").content.decode()


def test_the_library_shows_the_owners_recordings_only(client, ann, eve):
    factories.video(ann, title="Garden walk")
    factories.video(eve, title="Secret plan")
    page = client.get("/").content.decode()
    assert "Garden walk" in page
    assert "Secret plan" not in page
    assert "1 recording, " in page


@pytest.mark.each_database
def test_the_search_finds_all_words_in_name_or_file(client, ann):
    factories.video(ann, title="Weekly review", name="a.mp4")
    factories.video(ann, title="Weekly plan", name="review.mp4")
    factories.video(ann, title="Garden", name="b.mp4")
    page = client.get("/", {"q": "REVIEW weekly"}, **HTMX).content.decode()  # the shelf alone
    assert "Weekly review" in page
    assert "Weekly plan" in page
    assert "Garden" not in page
    assert "No recording is called that" in client.get("/", {"q": "nothing"}).content.decode()


def test_the_library_has_pages_which_keep_the_search(client, ann, short_pages):
    for number in range(4):
        factories.video(ann, title=f"Talk {number}")
    page = client.get("/", {"q": "talk"}).content.decode()
    assert "Talk 3<" in page
    assert "Talk 0<" not in page
    older = link(page, "next")
    assert older.startswith("/?q=talk&older=")
    second = client.get(older).content.decode()
    assert "Talk 0<" in second
    assert "Talk 3<" not in second
    assert client.get(link(second, "prev")).headers["Location"] == "/?q=talk"
    assert client.get(link(second, "prev"), follow=True).content.decode().count("<article") == 3


def test_a_further_page_of_the_library_is_as_it_was_when_others_come(client, ann, short_pages):
    for number in range(8):
        factories.video(ann, title=f"Talk {number}")
    older = link(client.get("/").content.decode(), "next")
    before = client.get(older, **HTMX).content.decode()
    factories.video(ann)
    after = client.get(older, **HTMX).content.decode()
    assert re.findall("Talk [0-9]+<", after) == re.findall("Talk [0-9]+<", before) != []
    third = client.get(link(after, "next")).content.decode()
    assert client.get(link(third, "prev")).headers["Location"] == older


def test_the_number_that_a_page_once_had_leads_to_the_newest(client, ann, short_pages):
    for number in range(4):
        factories.video(ann, title=f"Talk {number}")
    assert "Talk 3<" in client.get("/?page=2").content.decode()


def test_a_poster_shows_how_far_the_work_is(client, ann):
    factories.job(ann, status=S.RUNNING, progress=0.62)
    page = client.get("/").content.decode()
    assert 'value="0.6200"' in page
    assert "Thumbnails, 62 %" in page


def test_htmx_gets_the_recordings_alone(client, ann):
    page = client.get("/", **HTMX).content.decode()
    assert page.strip().startswith("<section")


def queries(client):
    with CaptureQueriesContext(connection) as found:
        client.get("/")
    return len(found)


def test_the_number_of_queries_does_not_grow_with_the_library(client, ann):
    def add(status):
        artifact(factories.job(ann, status=status, operation="silence-cut"), "video")

    for status in S.values:
        add(status)
    client.get("/")  # notes where the session is used
    few = queries(client)
    for status in S.values:
        add(status)
        add(status)
    assert queries(client) == few


def test_the_newest_finished_version_plays_first_and_the_title_leads_to_the_recording(client, ann):
    video = factories.video(ann)
    cuts = [
        artifact(factories.job(ann, video=video, status=S.SUCCEEDED, operation=slug), "video")
        for slug in ("silence-cut", "watermark", "preview")
    ]
    artifact(factories.job(ann, video=video, status=S.RUNNING, operation="trim"), "video")
    page = client.get("/").content.decode()
    links = re.findall(CARD_LINK, page)
    assert links == [("frame", f"/videos/{cuts[1].pk}/"), ("clip medium", video.get_absolute_url())], (
        "a trailer is no version"
    )
    assert "3 versions" in page


def test_a_recording_without_versions_plays_itself(client, ann):
    video = factories.video(ann)
    page = client.get("/").content.decode()
    assert [address for _, address in re.findall(CARD_LINK, page)] == [video.get_absolute_url()] * 2
    assert "versions" not in page


def test_cards_or_a_list_is_remembered_in_this_browser_without_a_script(client, ann):
    factories.video(ann)
    assert "<tbody" not in client.get("/").content.decode()
    answer = client.get("/", {"view": "list", "q": "weekly"})
    assert answer.headers["Location"] == "/?q=weekly"
    assert "<tbody" in client.get("/").content.decode()
    assert "<tbody" not in client.get("/", {"look": "cards"}, **HTMX).content.decode(), "an open page keeps its own"
    client.get("/", {"view": "cards"})
    assert "<tbody" not in client.get("/").content.decode()


def test_more_recordings_can_be_seen_at_once(client, ann, short_pages, monkeypatch):
    monkeypatch.setattr(shelf, "MANY", 5)
    for number in range(6):
        factories.video(ann, title=f"Talk {number}")
    assert "Show 5" in client.get("/").content.decode()
    assert client.get("/", {"at_once": "1", "q": "talk"}).headers["Location"] == "/?q=talk"
    page = client.get("/").content.decode()
    assert (page.count("<article"), "1 to 5 of 6" in page, "Show 3" in page) == (5, True, True)
    told = client.get("/queue/rows/", {"view": "library", "many": "1"}).content.decode()
    assert f'data-state="{shelf.shelf(ann, many=True).state}"' in told
    assert client.get(link(client.get(link(page, "next")).content.decode(), "prev")).headers["Location"] == "/"


@pytest.mark.parametrize("look", ["cards", "list"])
def test_a_recording_is_chosen_opened_and_deleted_from_its_card_and_from_its_row(client, ann, look):
    video = factories.video(ann, title="Garden walk", size=5000)
    page = client.get("/", {"look": look}).content.decode()
    assert 'aria-label="Choose Garden walk"' in page
    assert 'data-bytes="5000"' in page
    assert f'formaction="/videos/{video.pk}/delete/"' in page
    assert page.count(f'href="{video.get_absolute_url()}"') == (2 if look == "cards" else 1)


def test_a_meter_of_room_leads_to_where_it_is_made(client, ann, settings):
    assert "Make room" not in client.get("/").content.decode()
    settings.QUOTA_BYTES = 10**9
    assert "Make room" in client.get("/").content.decode()


def test_what_filters_find_comes_without_the_rest_of_the_page(client, ann):
    factories.video(ann, title="Garden walk")
    factories.video(ann, title="Podcast", facts=factories.info(video=None))
    answer = client.get("/", {"kind": "audio", "q": "pod"}, **HTMX, HTTP_HX_BOOSTED="true")
    page = answer.content.decode()
    assert answer["Cache-Control"] == "no-store", "no browser takes it for the page of this address"
    assert re.findall(r'id="(\w[\w-]*)"[^>]*hx-swap-oob="true"', page) == [
        "find-rest",
        "said",
        "shelf-total",
        "room",
        "chosen-back",
    ]
    assert "Podcast" in page and "Garden walk" not in page
    assert 'name="kind" value="audio"' in page, "the next search keeps it"
    assert 'value="/?kind=audio&amp;q=pod"' in page, "whoever chooses some comes back to it"
    assert 'data-view="view=library&amp;q=pod&amp;kind=audio' in page, "what it wants to be told of"
    assert 'id="upload"' not in page and 'name="q"' not in page, "what is typed stays"


def test_every_filter_has_a_name_of_its_own(client, ann):
    video = factories.video(ann)
    for number in range(5):
        tag = Tag.objects.create(owner=ann, name=f"Tag {number}", key=f"tag {number}")
        tag.taggings.create(video=video)
    page = client.get("/", {"length": "long", "added": "year", "tag": "Tag 1,gone"}).content.decode()
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
