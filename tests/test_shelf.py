import pytest

from jobs.live import markup
from jobs.live.view import View
from jobs.models import Artifact, Job, Video
from jobs.services import shelf
from jobs.services.wanted import Wanted
from tests import factories

pytestmark = pytest.mark.django_db
S = Job.Status


@pytest.fixture
def ann():
    return factories.account()


def state(owner, **query):
    return markup.present(owner, View.of({"view": "library", **query})).state


def change_title(video):
    Video.objects.filter(pk=video.pk).update(title="Another name")


def change_poster(video):
    Video.objects.filter(pk=video.pk).update(poster="videos/none/poster-2.jpg")


def put_in_line(video):
    factories.job(video.owner, video=video)


def finish_a_version(video):
    job = factories.job(video.owner, video=video, operation="trim", status=S.SUCCEEDED)
    Artifact.objects.create(job=job, kind="video", name="x.mp4", key="none", size=1, media_type="video/mp4")


def upload_another(video):
    factories.video(video.owner)


def delete(video):
    video.delete()


@pytest.mark.parametrize("change", [change_title, change_poster, put_in_line, finish_a_version, upload_another, delete])
def test_the_state_changes_with_whatever_its_cards_show(ann, change):
    video = factories.video(ann)
    before = state(ann)
    assert state(ann) == before
    change(video)
    assert state(ann) != before


def test_the_state_follows_work_by_whole_percents(ann):
    job = factories.job(ann, status=S.RUNNING, progress=0.301)
    before = state(ann)
    job.advance(1, 0.304, "Encoding", None)
    assert state(ann) == before
    job.advance(1, 0.311, "Encoding", None)
    assert state(ann) != before


def test_the_state_does_not_change_with_what_others_have(ann):
    before = state(ann)
    factories.job(factories.account("eve@example.org"))
    assert state(ann) == before


def test_a_search_shows_what_it_finds_and_has_a_state_of_its_own(ann):
    factories.video(ann, title="Garden")
    before = state(ann, q="gard"), state(ann, q="talk")
    factories.video(ann, title="Gardeners talk")
    assert all(now != then for now, then in zip((state(ann, q="gard"), state(ann, q="talk")), before, strict=True))
    assert [video.title for video in shelf.shelf(ann, Wanted(q="talk")).videos] == ["Gardeners talk"]


def test_each_recording_tells_how_far_the_work_on_it_is(ann):
    busy, idle = factories.video(ann), factories.video(ann)
    for status, progress in [(S.RUNNING, 0.2), (S.RUNNING, 0.6), (S.QUEUED, 0), (S.SUCCEEDED, 1)]:
        factories.job(ann, video=busy, status=status, progress=progress)
    found = {video.pk: video.doing.progress for video in shelf.shelf(ann).videos}
    assert found == {busy.pk: 0.6, idle.pk: None}


def test_a_page_says_that_the_library_changed_and_only_then(ann, client):
    client.force_login(ann)
    known = state(ann)
    assert "shelf-state" not in client.get("/queue/rows/", {"view": "library", "state": known}).content.decode()
    factories.video(ann)
    told = client.get("/queue/rows/", {"view": "library", "state": known}).content.decode()
    assert f'data-state="{shelf.shelf(ann).state}"' in told


def test_the_shelf_that_a_page_asks_for_has_the_state_that_it_was_told_of(ann, client):
    factories.video(ann)
    client.force_login(ann)
    page = client.get("/", {"view": "library", "q": "", "older": ""}, headers={"HX-Request": "true"}).content.decode()
    assert page.count(f'data-state="{shelf.shelf(ann).state}"') == 1
