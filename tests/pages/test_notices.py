"""The page where one chooses what one is told, and what open pages ask."""

import pytest

from jobs.models import Job, Notice, PushBrowser
from jobs.services import lifecycle, notices, push
from tests import factories

pytestmark = pytest.mark.django_db


def ended(owner):
    job = factories.job(owner, status=Job.Status.RUNNING)
    job.succeed(job.attempt)
    lifecycle.ended(job)
    return job


def test_what_is_chosen_stays(client, ann, settings):
    settings.EMAIL_URL = "smtp://localhost"
    page = client.get("/account/notices/").content.decode()
    assert page.count("checked") == 3, "at first an open page tells everything"
    client.post("/account/notices/", {"failed-email": "on", "done-push": "on"})
    assert notices.chosen(ann.pk) == {("failed", "email"), ("done", "push")}
    page = client.get("/account/notices/").content.decode()
    assert page.count("checked") == 2


def test_without_mail_none_can_be_chosen_and_the_page_says_why(client, ann):
    page = client.get("/account/notices/").content.decode()
    assert "no mail set up" in page
    assert "failed-email" not in page
    client.post("/account/notices/", {"failed-email": "on"})
    assert ("failed", "email") not in notices.chosen(ann.pk)


def test_an_open_page_is_told_what_is_new_to_it(client, ann, eve):
    assert client.get("/notices/since").json() == {"last": 0, "items": []}
    job = ended(ann)
    ended(eve)
    told = client.get("/notices/since?after=0").json()
    assert [(item["title"], item["path"]) for item in told["items"]] == [
        ("Thumbnails: Weekly review is done", f"/jobs/{job.pk}/")
    ]
    assert client.get(f"/notices/since?after={told['last']}").json()["items"] == []
    assert client.get("/notices/since?after=nonsense").json() == {"last": told["last"], "items": []}


def test_many_are_told_as_one(client, ann):
    for _ in range(7):
        ended(ann)
    (item,) = client.get("/notices/since?after=0").json()["items"]
    assert item["title"] == "7 done"


def browser_of(owner, endpoint="https://push.example.org/1"):
    keys = {"p256dh": "B" * 87, "auth": "A" * 22}
    return push.add(owner, {"endpoint": endpoint, "keys": keys}, "Firefox", "session")


def test_a_browser_is_added_shown_and_removed(client, ann, eve):
    subscription = {"endpoint": "https://push.example.org/1", "keys": {"p256dh": "B" * 87, "auth": "A" * 22}}
    assert client.post("/notices/browsers", subscription, content_type="application/json").status_code == 201
    others = browser_of(eve, "https://push.example.org/2")
    assert len(client.get("/notices/key").json()["key"]) == 87
    mine = PushBrowser.objects.get(owner=ann)
    assert f'value="{mine.pk}"' in client.get("/account/notices/").content.decode()
    assert client.post("/account/notices/remove/", {"browser": others.pk}).status_code == 404
    assert client.post("/account/notices/try/", {"browser": others.pk}).status_code == 404
    client.post("/account/notices/remove/", {"browser": mine.pk})
    assert list(PushBrowser.objects.all()) == [others]


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"endpoint": 1}', "nonsense"])
def test_what_is_no_subscription_gets_a_sentence(client, ann, body):
    response = client.post("/notices/browsers", body, content_type="application/json")
    assert response.status_code == 422
    assert response.json()["error"]["message"]


def test_nobody_is_told_nothing(client):
    Notice.objects.all().delete()
    for address in ("/notices/since", "/notices/key"):
        assert client.get(address).status_code == 401
    assert client.post("/notices/browsers", "{}", content_type="application/json").status_code == 401
    assert client.get("/account/notices/").status_code == 302


def test_the_script_of_closed_pages_may_speak_for_all_of_them(client):
    response = client.get("/service-worker.js")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/javascript")
    assert b"showNotification" in response.content


def test_a_switch_is_saved_by_itself_and_a_form_says_that_it_was(client, ann):
    address, wanted = "/account/notices/", {"failed-page": "on"}
    answer = client.post(address, wanted, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.content) == (204, b"")
    page = client.get(address).content.decode()
    assert page.count(" checked") == 1 and "has been saved" not in page
    assert "has been saved" in client.post(address, wanted, follow=True).content.decode()
