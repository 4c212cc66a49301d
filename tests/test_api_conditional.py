"""ETags: what is known is not sent again, and what somebody else has changed is not overwritten."""

import threading

import pytest
from django.db import connection

from jobs.models import Video
from tests import factories
from tests.api import ROOT, Api, error

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return factories.account("ann@example.org")


@pytest.fixture
def ann(account):
    return Api(account)


@pytest.fixture
def video(account):
    return factories.video(account)


def know(api, path, tag):
    return api.client.get(ROOT + path, headers={"If-None-Match": tag})


@pytest.mark.parametrize("path", ["/videos/{}", "/videos", "/jobs", "/operations", "/openapi.json"])
def test_what_is_known_is_not_sent_again(ann, video, path):
    path = path.format(video.pk)
    first = ann.get(path)
    tag = first.headers["ETag"]
    for told in (tag, f"W/{tag.removeprefix('W/')}", f'"other", {tag}', "*"):
        again = know(ann, path, told)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"].removeprefix("W/") == tag.removeprefix("W/")
        assert "Content-Type" not in again.headers
    assert know(ann, path, '"other"').json() == first.json()
    assert "no-cache" in first.headers["Cache-Control"]


def test_what_changed_is_sent(ann, account, video):
    job = factories.job(account, video=video)
    one, every = (ann.get(path).headers["ETag"] for path in (f"/jobs/{job.pk}", "/jobs"))
    job.start("here 1")
    assert know(ann, f"/jobs/{job.pk}", one).json()["status"] == "running"
    assert know(ann, "/jobs", every).status_code == 200


def test_an_etag_opens_nothing_to_others(ann, video):
    tag = ann.get(f"/videos/{video.pk}").headers["ETag"]
    bob = Api(factories.account("bob@example.org"))
    assert error(know(bob, f"/videos/{video.pk}", tag)) == (404, "not_found")
    for condition in (tag, "*", '"other"'):
        refused = bob.patch(f"/videos/{video.pk}", {"title": "Mine"}, **{"If-Match": condition})
        assert error(refused) == (404, "not_found")
        assert error(Api().patch(f"/videos/{video.pk}", {}, **{"If-Match": condition})) == (401, "unauthorized")
    assert Video.objects.get().title == "Weekly review"


def test_a_change_of_what_somebody_else_changed_is_refused(ann, video):
    path = f"/videos/{video.pk}"
    tag = ann.get(path).headers["ETag"]
    mine = ann.patch(path, {"title": "Mine"}, **{"If-Match": tag})
    assert mine.status_code == 200, mine.content
    theirs = ann.patch(path, {"title": "Theirs"}, **{"If-Match": tag})
    assert error(theirs) == (412, "changed_meanwhile")
    assert error(ann.delete(path, **{"If-Match": tag})) == (412, "changed_meanwhile")
    assert Video.objects.get().title == "Mine"
    fresh = ann.get(path).headers["ETag"]
    assert ann.patch(path, {"title": "Theirs"}, **{"If-Match": f"W/{fresh.removeprefix('W/')}"}).status_code == 200
    assert ann.patch(path, {"title": "Any"}, **{"If-Match": "*"}).status_code == 200
    assert error(ann.patch(path, {"title": "New"}, **{"If-None-Match": "*"})) == (412, "changed_meanwhile")


def test_a_saved_chain_is_guarded_too(ann):
    steps = [{"name": "Stills", "operation": "thumbnails"}]
    ann.post("/pipelines", {"name": "Mine", "steps": steps})
    tag = ann.get("/pipelines/mine").headers["ETag"]
    assert ann.patch("/pipelines/mine", {"name": "First"}, **{"If-Match": tag}).status_code == 200
    assert error(ann.patch("/pipelines/mine", {"name": "Second"}, **{"If-Match": tag})) == (412, "changed_meanwhile")


@pytest.mark.django_db(transaction=True)
def test_of_several_who_change_the_same_at_once_one_wins(account, video):
    clients = [Api(account) for _ in range(5)]
    tag = clients[0].get(f"/videos/{video.pk}").headers["ETag"]
    barrier, answers = threading.Barrier(len(clients)), []

    def send(number):
        try:
            barrier.wait()
            answer = clients[number].patch(f"/videos/{video.pk}", {"title": f"By {number}"}, **{"If-Match": tag})
            answers.append((answer.status_code, number))
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in answers) == [200] + [412] * 4
    winner = dict(answers)[200]
    assert Video.objects.get().title == f"By {winner}"


def test_asking_inside_does_not_count_as_a_call(ann, account, video, settings):
    settings.TOKEN_CALLS_PER_MINUTE = 100
    before = int(ann.get(f"/videos/{video.pk}").headers["RateLimit-Remaining"])
    changed = ann.patch(f"/videos/{video.pk}", {"title": "Mine"}, **{"If-Match": "*"})
    assert (changed.status_code, int(changed.headers["RateLimit-Remaining"])) == (200, before - 1)


def test_a_call_without_a_get_takes_any_condition_as_failed(ann, account):
    token = account.tokens.get()
    assert error(ann.delete(f"/tokens/{token.pk}", **{"If-Match": '"any"'})) == (412, "changed_meanwhile")
    assert account.tokens.count() == 1
