import uuid

import pytest

from jobs.models import Tag
from jobs.services import tags
from tests import factories
from tests.api import Api, error

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return factories.account()


@pytest.fixture
def ann(account):
    return Api(account)


@pytest.fixture
def theirs():
    eve = factories.account("eve@example.org")
    tags.give(eve, [factories.video(eve)], ["Secret"])
    return Tag.objects.get(owner=eve)


def test_a_tag_is_made_renamed_and_deleted(ann, theirs):
    made = ann.post("/tags", {"name": " Talks "})
    assert (made.status_code, made.json()["name"], made.json()["recordings"]) == (201, "Talks", 0)
    path = made.headers["Location"].removeprefix("/api/v1")
    assert ann.get(path).json() == made.json()
    assert error(ann.post("/tags", {"name": "TALKS"})) == (409, "name_taken")
    assert ann.patch(path, {"name": "Lectures"}).json()["name"] == "Lectures"
    assert [one["name"] for one in ann.get("/tags").json()["items"]] == ["Lectures"]
    assert ann.delete(path).json()["recordings"] == 0
    assert error(ann.get(path)) == (404, "not_found")
    assert Tag.objects.get() == theirs


def test_the_tags_of_others_do_not_exist(ann, theirs):
    path = f"/tags/{theirs.pk}"
    assert [error(answer) for answer in (ann.get(path), ann.patch(path, {"name": "x"}), ann.delete(path))] == [
        (404, "not_found")
    ] * 3


@pytest.mark.parametrize("name", ["", "a, b", "x" * 41, 17])
def test_what_is_no_name_is_a_422(ann, name):
    assert error(ann.post("/tags", {"name": name})) == (422, "invalid")


def test_a_recording_tells_its_tags_and_takes_others(ann, account):
    video = factories.video(account)
    assert ann.get(f"/videos/{video.pk}").json()["tags"] == []
    assert ann.patch(f"/videos/{video.pk}", {"tags": ["Talks", "talks", "B"]}).json()["tags"] == ["B", "talks"]
    assert ann.get("/videos").json()["items"][0]["tags"] == ["B", "talks"]
    refused = ann.patch(f"/videos/{video.pk}", {"tags": ["x" * 41]})
    assert (error(refused), tags.of_video(video)) == ((422, "long_name"), ["B", "talks"])
    assert ann.patch(f"/videos/{video.pk}", {"tags": []}).json()["tags"] == []


def test_of_a_change_that_is_refused_nothing_is_done(ann, account):
    video = factories.video(account)
    assert error(ann.patch(f"/videos/{video.pk}", {"title": "Other", "tags": ["x" * 41]})) == (422, "long_name")
    assert ann.get(f"/videos/{video.pk}").json()["title"] == video.title


def test_many_recordings_are_tagged_at_once_and_each_is_told_of(ann, account, theirs):
    mine = [factories.video(account) for _ in range(2)]
    tags.give(account, mine, ["old"])
    ids = [str(pk) for pk in (mine[0].pk, uuid.uuid4(), theirs.taggings.get().video_id, mine[1].pk)]
    answer = ann.post("/videos/bulk/tags", {"ids": ids, "add": ["Talks"], "remove": ["OLD"]})
    items = answer.json()["items"]
    assert (answer.status_code, [one["status"] for one in items], answer.json()["done"]) == (
        207,
        [200, 404, 404, 200],
        2,
    )
    assert [one["tags"] for one in items] == [["Talks"], [], [], ["Talks"]]
    wrong = ann.post("/videos/bulk/tags", {"ids": ids[:1], "add": ["x" * 41], "remove": ["Talks"]})
    assert [one["error"]["code"] for one in wrong.json()["items"]] == ["long_name"]
    assert tags.of_video(mine[0]) == ["Talks"]


def test_a_list_of_recordings_costs_no_query_for_each(ann, account, django_assert_max_num_queries):
    tags.give(account, [factories.video(account) for _ in range(30)], ["Talks"])
    with django_assert_max_num_queries(12):
        assert len(ann.get("/videos").json()["items"]) == 30
