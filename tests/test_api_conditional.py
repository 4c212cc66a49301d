"""ETags: what is known is not sent again, and what somebody else has changed is not overwritten."""

import threading

import pytest
from django.db import connection, connections

from jobs.api import conditional
from jobs.api.errors import ApiError
from jobs.models import Draft, Video
from jobs.services import export
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


@pytest.mark.django_db(transaction=True)
def test_a_change_between_the_look_and_the_change_of_another_is_not_lost(account, video, monkeypatch):
    first, second = Api(account), Api(account)
    path = f"/videos/{video.pk}"
    tag = first.get(path).headers["ETag"]
    look, looked, both, answers = conditional.seen, threading.Event(), threading.Event(), []

    def slow(request):
        found = look(request)
        if not looked.is_set():
            looked.set()
            both.wait(10)
            other.join(0.3)  # it goes on if nothing keeps it out
        return found

    def change(api, title):
        try:
            answers.append((api.patch(path, {"title": title}, **{"If-Match": tag}).status_code, title))
        finally:
            connections.close_all()

    monkeypatch.setattr(conditional, "seen", slow)
    monkeypatch.setattr(conditional, "PATIENCE_SECONDS", 30.0)
    one, other = (
        threading.Thread(target=change, args=args) for args in ((first, "By the first"), (second, "By the second"))
    )
    one.start()
    looked.wait(10)
    other.start()
    both.set()
    one.join()
    other.join()
    assert sorted(answers) == [(200, "By the first"), (412, "By the second")]
    assert Video.objects.get().title == "By the first"


def test_a_change_that_takes_its_time_keeps_another_out_and_then_no_more(ann, video, monkeypatch):
    monkeypatch.setattr(conditional, "PATIENCE_SECONDS", 0.1)
    path, change = f"/videos/{video.pk}", {"If-Match": "*"}
    with conditional.alone(f"{ROOT}{path}"):
        assert error(ann.patch(path, {"title": "Mine"}, **change)) == (409, "in_progress")
        assert ann.patch(path, {"title": "Without a condition"}).status_code == 200
    assert error(ann.patch(path, {"title": ""}, **change)) == (422, "invalid")
    assert error(ann.patch(path, {"title": "Mine"}, **{"If-Match": '"old"'})) == (412, "changed_meanwhile")
    assert ann.patch(path, {"title": "Mine"}, **change).status_code == 200


def test_a_lock_that_ran_out_is_not_taken_from_its_next_holder(monkeypatch):
    monkeypatch.setattr(conditional, "PATIENCE_SECONDS", 10.0)
    monkeypatch.setattr(conditional, "CHANGING_SECONDS", 1)
    with conditional.alone("/there"):
        monkeypatch.setattr(conditional, "CHANGING_SECONDS", 60)
        late = conditional.alone("/there")
        late.__enter__()
    monkeypatch.setattr(conditional, "PATIENCE_SECONDS", 0.0)
    with pytest.raises(ApiError), conditional.alone("/there"):
        pass
    late.__exit__(None, None, None)


def test_an_etag_without_its_quotes_counts(ann, video):
    path = f"/videos/{video.pk}"
    tag = ann.get(path).headers["ETag"].strip('"')
    assert error(ann.patch(path, {"title": "Theirs"}, **{"If-Match": "deadbeef"})) == (412, "changed_meanwhile")
    assert error(ann.patch(path, {"title": "Theirs"}, **{"If-None-Match": tag})) == (412, "changed_meanwhile")
    assert ann.patch(path, {"title": "Mine"}, **{"If-Match": tag}).status_code == 200
    for unreadable in ("", "one two", "one, two", '"', "'a b'"):
        for name in ("If-Match", "If-None-Match"):
            assert error(ann.patch(path, {"title": "Theirs"}, **{name: unreadable})) == (400, "bad_request")
    assert Video.objects.get().title == "Mine"


def test_a_draft_is_not_overwritten_by_who_names_its_version_without_quotes(ann, video):
    path, parts = f"/videos/{video.pk}/draft", [{"start": 0, "end": 5, "kept": True}]
    seen = ann.put(path, {"parts": parts}).json()["version"]
    newer = ann.put(path, {"parts": parts, "settings": {"by": "them"}}, **{"If-Match": seen}).json()["version"]
    assert error(ann.put(path, {"parts": parts}, **{"If-Match": seen})) == (412, "changed_meanwhile")
    assert error(ann.delete(path, **{"If-Match": seen})) == (412, "changed_meanwhile")
    assert Draft.objects.get().settings == {"by": "them"}
    assert ann.put(path, {"parts": parts}, **{"If-Match": f'"{seen}", "{newer}"'}).status_code == 200


def test_nothing_is_looked_at_for_a_call_that_is_refused_anyway(ann, account, video, settings, monkeypatch):
    looks, gathered = [], []
    look, gather = conditional.seen, export.of
    monkeypatch.setattr(conditional, "seen", lambda request: looks.append(1) or look(request))
    monkeypatch.setattr(export, "of", lambda *given: gathered.append(1) or gather(*given))
    path = f"/videos/{video.pk}"
    for condition in ({"If-Match": '"x"'}, {"If-None-Match": '"x"'}):
        for send in (ann.patch, ann.delete, ann.put):
            assert error(send("/me/export", {}, **condition)) == (405, "method_not_allowed")
        assert error(Api(account, "read").patch(path, {"title": "Mine"}, **condition)) == (403, "scope")
        assert error(Api().patch(path, {"title": "Mine"}, **condition)) == (401, "unauthorized")
        assert error(ann.patch(path, {"title": 17}, **condition)) == (422, "invalid")
        settings.TOKEN_CALLS_PER_MINUTE = 1
        over = Api(account)
        over.get("/videos")
        assert error(over.patch(path, {"title": "Mine"}, **condition)) == (429, "too_many_calls")
        settings.TOKEN_CALLS_PER_MINUTE = 100
    assert (looks, gathered) == ([], [])
