"""Choosing several in the library: what their bar leads to."""

import html
import io
import re
import zipfile

import pytest
from asgiref.sync import async_to_sync

from jobs import storage
from jobs.models import Job, Removal, Run, Tag, Video
from jobs.services import presets, tags
from tests import factories
from tests.test_possible import done, quoted

pytestmark = pytest.mark.django_db
S = Job.Status


@pytest.fixture
def videos(ann):
    return [
        factories.video(ann, title="One", key="videos/1/source.mp4"),
        factories.video(ann, title="Two", key="videos/2/source.m4a", facts=factories.info(video=None)),
    ]


def text_of(response) -> str:
    """What people read on it."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", response.content.decode())).split())


async def read(response) -> bytes:
    return b"".join([block async for block in response.streaming_content])


def ids(videos, **fields):
    return {"pk": [str(video.pk) for video in videos], "back": "/?kind=video", **fields}


def test_the_page_lists_what_was_chosen_and_what_can_be_done_with_it(client, videos):
    theirs = factories.video(factories.account("eve@example.org"), title="Secret plans")
    page = text_of(client.post("/chosen/do/", ids([*videos, theirs])))
    assert "Do something with 2 recordings" in page
    assert "1 of 2 can" in page
    assert "all to one, in this order" in page
    assert "Secret" not in page


def test_the_order_is_changed_and_one_is_left_out_with_what_was_typed(client, videos):
    one, two = videos
    fields = {"what": "operation:trim", "trim-start": "7"}
    page = client.post("/chosen/do/", ids(videos, move=f"later:{one.pk}", **fields)).content.decode()
    assert page.index(str(two.pk)) < page.index(str(one.pk))
    assert 'value="7"' in page
    page = client.post("/chosen/do/", ids(videos, move=f"out:{one.pk}")).content.decode()
    assert str(one.pk) not in page


def test_work_begins_on_each_with_its_own_settings_and_once(client, videos):
    fields = ids(videos, what="operation:silence-cut", key="k1", **{"silence-cut-pause_ms": "300"})
    for _ in range(2):
        assert client.post("/chosen/start/", fields).headers["Location"] == "/queue/"
    jobs = Job.objects.order_by("created_at")
    assert {job.video for job in jobs} == set(videos)
    assert len(jobs) == 2
    assert "Cut the silence: 2 are in line." in text_of(client.get("/queue/"))
    client.post("/chosen/start/", {**fields, "silence-cut-pause_ms": "400"})
    assert Job.objects.count() == 4, "whoever goes back and asks for something else gets it"


def test_what_a_recording_does_not_allow_is_told_of_it_alone(client, videos):
    client.post("/chosen/start/", ids(videos, what="operation:thumbnails"))
    page = text_of(client.get("/queue/"))
    assert "1 is in line" in page
    assert "Two: “Thumbnails” needs a picture" in page


def test_joining_takes_the_order_of_the_page(client, ann, videos):
    first = factories.video(ann)
    storage.path(videos[0].key).parent.mkdir(parents=True, exist_ok=True)
    storage.path(videos[0].key).write_bytes(b"bytes")
    client.post("/chosen/start/", ids([first, videos[0]], what="operation:join"))
    job = Job.objects.get()
    assert (job.video, job.params["recordings"]) == (first, [str(videos[0].pk)])


def test_a_chain_runs_on_each(client, videos):
    client.post("/chosen/start/", ids(videos, what="chain:podcast"))
    assert Run.objects.count() == 2


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Choose what to do first."),
        ({"what": "operation:fly"}, "Choose what to do first."),
        ({"what": "operation:swap-audio"}, "Swap the audio"),
        ({"what": "chain:none"}, "This chain is not there any more."),
        ({"what": "operation:thumbnails", "thumbnails-count": "0"}, "Thumbnails, "),
    ],
)
def test_what_is_wrong_is_said_and_nothing_begins(client, videos, fields, words):
    response = client.post("/chosen/start/", ids(videos, **fields))
    assert response.status_code == 422
    assert words in text_of(response)
    assert not Job.objects.exists()


@pytest.mark.parametrize("name", ["do", "start", "tags", "download", "delete"])
def test_without_any_that_is_there_it_says_so(client, videos, name):
    response = client.post(f"/chosen/{name}/", {"pk": ["x", "", str(factories.account("eve@example.org").pk)]})
    assert response.status_code == 302
    assert "Choose a recording first." in text_of(client.get("/"))


def test_tags_of_all_are_given_and_taken_and_those_of_some_are_left_alone(client, ann, videos):
    tags.give(ann, videos, ["all"])
    tags.give(ann, videos[:1], ["some"])
    Tag.objects.create(owner=ann, name="none", key="none")
    page = text_of(client.post("/chosen/tags/", ids(videos)))
    assert "1 of 2 have it" in page
    fields = ids(videos, save="yes", had="all", tag="none", new="New one, another")
    assert client.post("/chosen/tags/", fields).headers["Location"] == "/?kind=video"
    both = ["another", "New one", "none"]
    assert [tags.of_video(video) for video in videos] == [sorted([*both, "some"], key=str.casefold), both]
    client.post("/chosen/tags/", ids(videos, save="yes", tag="none", take="some"))
    assert tags.of_video(videos[0]) == both
    wrong = client.post("/chosen/tags/", ids(videos, save="yes", new="x" * 41))
    assert (wrong.status_code, "at most 40 letters" in text_of(wrong)) == (422, True)


def test_a_zip_file_of_all_is_sent_as_it_is_made(client, videos):
    for video in videos:
        storage.path(video.key).parent.mkdir(parents=True, exist_ok=True)
        storage.path(video.key).write_bytes(video.title.encode())
    response = client.post("/chosen/download/", ids(videos))
    assert 'filename="2 recordings.zip"' in response.headers["Content-Disposition"]
    whole = async_to_sync(read)(response)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert sorted(archive.namelist()) == ["One.mp4", "Two.m4a"]


def test_a_zip_file_of_nothing_is_refused_in_a_sentence(client, videos):
    assert client.post("/chosen/download/", ids(videos)).headers["Location"] == "/?kind=video"
    assert "missing from the server" in text_of(client.get("/"))


def test_all_go_to_the_trash_and_one_button_brings_them_back(client, videos):
    response = client.post("/chosen/delete/", ids(videos), follow=True)
    page = response.content.decode()
    assert "Removed 2 recordings." in page
    undo = f"/trash/together/{Removal.objects.first().together}/restore/"
    assert f'action="{undo}"' in page
    assert not Video.objects.exists()
    client.post(undo)
    assert set(Video.objects.all()) == set(videos)


def test_it_asks_first_where_work_would_be_stopped(client, ann, videos):
    factories.job(ann, video=videos[0], status=S.RUNNING)
    page = client.post("/chosen/delete/", ids(videos))
    assert "1 job under way will be stopped." in text_of(page)
    assert page.content.decode().count('name="pk"') == 2
    assert Video.objects.count() == 2
    client.post("/chosen/delete/", ids(videos, sure="yes"))
    assert not Video.objects.exists()


def test_a_preset_fills_the_form_in_and_another_is_kept_from_it(client, ann, videos):
    kept = presets.save(ann, "trim", "Without the countdown", {"start": "7"})
    page = client.post("/chosen/do/", ids(videos, what="operation:convert", preset=str(kept.pk))).content.decode()
    assert re.search(r'value="operation:trim"\s+checked', page)
    (field,) = re.findall(r'<input[^>]*name="trim-start"[^>]*>', page)
    assert 'value="7.0"' in field
    fields = {"what": "operation:trim", "trim-start": "9", "trim-called": "Later", "keep": "trim"}
    assert "Saved as “Later”." in text_of(client.post("/chosen/do/", ids(videos, **fields)))
    assert presets.find(ann, "Later", "trim").params["start"] == 9
    again = text_of(client.post("/chosen/do/", ids(videos, **fields)))
    assert "You have a preset “Later” already." in again


def test_presets_of_others_are_none(client, ann, videos):
    theirs = presets.save(factories.account("eve@example.org"), "trim", "Secret", {"start": "7"})
    page = client.post("/chosen/do/", ids(videos, preset=str(theirs.pk))).content.decode()
    assert "Secret" not in page
    assert 'value="7"' not in page


def test_what_all_of_it_would_take_is_told_beside_the_button(client, videos):
    fields = {"what": "operation:trim", "trim-start": "1"}
    done(videos[0], seconds=60, size=500)
    one = quoted(videos[0], "trim", start=1)
    told = client.post("/chosen/quote/", ids(videos[:1], **fields)).content.decode()
    assert told.startswith(str(one).partition(",")[0]) and "in all" not in told
    told = client.post("/chosen/quote/", ids(videos, **fields)).content.decode()
    assert told.endswith(" in all") and "not known" not in told
    assert told in text_of(client.post("/chosen/do/", ids(videos, **fields)))


@pytest.mark.parametrize(
    "fields", [{}, {"what": "operation:fly"}, {"what": "operation:watermark"}, {"what": "chain:no"}]
)
def test_nothing_is_told_of_what_cannot_begin_as_it_is(client, videos, fields):
    assert client.post("/chosen/quote/", ids(videos, **fields)).content == b""


def test_a_chain_on_all_of_them_is_quoted_as_well(client, videos):
    told = client.post("/chosen/quote/", ids(videos, what="chain:podcast")).content.decode()
    assert told == "Not done here before: time and size not known yet"
