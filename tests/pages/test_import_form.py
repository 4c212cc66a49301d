"""The form for addresses without JavaScript, and the rows of what is on its way."""

import re

import pytest

from jobs.models import Import, Video
from jobs.services import imports
from tests import factories, media

pytestmark = pytest.mark.django_db
URL = "https://example.org/talk.mp4"


def test_the_plain_form_takes_an_address_with_the_work_on_it(client, ann):
    fields = {"url": f" {URL} ", "operations": "thumbnails", "thumbnails-count": "2"}
    response = client.post("/submit/", fields)
    assert (response.status_code, response["Location"]) == (302, "/")
    row = Import.objects.get()
    assert (row.url, row.owner, row.pipeline, row.work["thumbnails"]["count"]) == (URL, ann, "", 2)
    page = client.get("/").content.decode()
    assert "Waiting its turn" in page
    assert f"/imports/{row.pk}/cancel/" in page


def test_a_chain_goes_before_what_is_ticked(client, ann):
    client.post("/submit/", {"url": URL, "operations": "thumbnails", "pipeline": "podcast"})
    row = Import.objects.get()
    assert (row.pipeline, row.work) == ("podcast", {})


def test_an_address_and_a_file_come_together(client, ann, settings, tmp_path):
    settings.FILE_UPLOAD_TEMP_DIR.mkdir(parents=True, exist_ok=True)
    with media.video(tmp_path / "garden.mp4", seconds=1).open("rb") as file:
        assert client.post("/submit/", {"url": URL, "file": file}).status_code == 302
    assert (Video.objects.count(), Import.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"url": "nonsense"}, "begin with https:// or http://"),
        ({"url": URL, "pipeline": "unknown"}, "This chain is not there any more"),
        ({"url": URL, "operations": "thumbnails", "thumbnails-count": "0"}, "Thumbnails"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(client, ann, fields, said):
    response = client.post("/submit/", fields)
    assert response.status_code == 422
    page = response.content.decode()
    assert said in page
    assert f'value="{fields["url"]}"' in page
    assert not Import.objects.exists()


def test_the_script_is_told_what_is_wrong_and_gets_the_rows(client, ann):
    headers = {"HX-Request": "true"}
    response = client.post("/imports/", {"url": "nonsense"}, headers=headers)
    assert response.status_code == 422
    assert "https://" in response.json()["error"]["message"]
    response = client.post("/imports/", {"url": URL}, headers=headers)
    assert response.status_code == 200
    assert "Waiting its turn" in response.content.decode()
    assert client.get("/imports/", headers=headers).content.decode().count("<article") == 1
    assert client.get("/imports/")["Location"] == "/"


def test_one_that_failed_shows_why_and_can_be_tried_again_and_removed(client, ann):
    client.post("/submit/", {"url": URL})
    row = Import.objects.get()
    first = factories.video(ann, title="Weekly review")
    row.fail(imports.BusyElsewhere("This recording is already there.", code="duplicate"), video=first)
    page = client.get("/").content.decode()
    assert "This recording is already there." in page
    assert f'href="/videos/{first.pk}/"' in page
    assert client.post(f"/imports/{row.pk}/retry/").status_code == 302
    row.refresh_from_db()
    assert (row.status, row.video) == ("queued", None)
    client.post(f"/imports/{row.pk}/cancel/")
    row.refresh_from_db()
    assert row.status == "cancelled"
    assert "<article" not in client.get("/imports/", headers={"HX-Request": "true"}).content.decode()
    client.post(f"/imports/{row.pk}/remove/")
    assert not Import.objects.exists()


def test_how_far_it_is_is_told_in_words(client, ann):
    client.post("/submit/", {"url": URL})
    Import.objects.update(
        status="running",
        received_bytes=12 << 20,
        size_bytes=640 << 20,
        bytes_per_second=3.2 * (1 << 20),
        name="talk.mp4",
    )
    page = client.get("/").content.decode()
    assert "12 MB of 640 MB, 3.2 MB/s, " in page
    assert " left" in page
    assert re.search(r'<progress\s+max="1"\s+value="0.01', page)
    Import.objects.update(received_bytes=640 << 20)
    assert "All there, being checked" in client.get("/").content.decode()


def test_the_state_of_the_page_follows_what_it_shows(client, ann):
    before = client.get("/queue/rows/?view=library").content.decode()
    client.post("/submit/", {"url": URL})
    after = client.get("/queue/rows/?view=library").content.decode()
    assert 'id="imports-state"' in before
    assert before != after
