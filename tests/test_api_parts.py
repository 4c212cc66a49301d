"""Long lists of the API by parts: `after` goes on where an answer ended."""

import pytest

from jobs import keyset
from jobs.models import Job, Run, Video
from tests import factories, plans
from tests.api import Api, error

pytestmark = pytest.mark.django_db
S = Job.Status


@pytest.fixture
def account():
    return factories.account()


@pytest.fixture
def ann(account):
    return Api(account)


def recordings(account, count: int) -> list[Video]:
    """Always two of the same length, size and title."""
    return [
        factories.video(
            account, title=f"Talk {number // 2:02}", size=number // 2, facts=factories.info(seconds=1 + number // 2)
        )
        for number in range(count)
    ]


def crowd(account, count: int) -> None:
    video = factories.video(account)
    for _ in range(count):
        factories.job(account, video=video, status=S.SUCCEEDED)
        Run.objects.create(owner=account, video=video, name="x", status=S.SUCCEEDED)


def every(api, path: str, **query) -> list[str]:
    found, word, first = [], "", True
    while first or word:
        answer = api.get(path, **query, after=word).json()
        found += [item["id"] for item in answer["items"]]
        word, first = answer["next"], False
    return found


@pytest.mark.each_database
@pytest.mark.parametrize("path", ["/jobs", "/runs"])
def test_parts_hold_everything_once_the_newest_first(ann, account, path):
    crowd(account, 7)
    wanted = [item["id"] for item in ann.get(path).json()["items"]]
    assert len(wanted) == 7
    for limit in (2, 3, 7, 50):
        assert every(ann, path, limit=limit) == wanted


@pytest.mark.each_database
@pytest.mark.parametrize("column", ["created_at", "title", "duration_seconds", "size"])
@pytest.mark.parametrize("sign", ["", "-"])
def test_recordings_come_by_parts_in_every_order(ann, account, column, sign):
    made = [str(video.pk) for video in recordings(account, 9)]
    order = f"{sign}{column}"
    wanted = [item["id"] for item in ann.get("/videos", order=order).json()["items"]]
    assert every(ann, "/videos", order=order, limit=2) == wanted
    assert sorted(wanted) == sorted(made)


def test_a_part_stays_the_same_when_others_come_and_the_last_one_told_goes(ann, account):
    crowd(account, 6)
    first = ann.get("/jobs", limit=2).json()
    second = ann.get("/jobs", limit=2, after=first["next"]).json()
    Job.objects.get(pk=first["items"][-1]["id"]).delete()
    crowd(account, 1)
    assert ann.get("/jobs", limit=2, after=first["next"]).json()["items"] == second["items"]


def test_only_a_first_part_is_counted(ann, account):
    crowd(account, 5)
    first = ann.get("/jobs", limit=2).json()
    assert first["count"] == 5
    assert ann.get("/jobs", limit=2, after=first["next"]).json()["count"] is None
    assert ann.get("/jobs", limit=5).json()["next"] is None
    assert [ann.get("/jobs", limit=2, offset=4).json()[key] for key in ("count", "next")] == [5, None]


@pytest.mark.parametrize("path", ["/jobs", "/runs", "/videos"])
def test_a_word_that_no_answer_gave_is_a_422(ann, account, path):
    recordings(account, 3)
    other = ann.get("/videos", order="title", limit=1).json()["next"]
    for word in ("x", "W10", "%00", other):
        answer = ann.get(path, after=word)
        assert error(answer)[:2] == (422, "invalid")
        assert "next" in answer.content.decode()


@pytest.mark.parametrize(
    ("order", "value"),
    [
        ("duration_seconds", float("nan")),
        ("duration_seconds", float("inf")),
        ("title", "\ud800"),
        ("-created_at", 10**30),
    ],
)
def test_a_forged_word_with_a_value_that_no_database_takes_is_a_422(ann, account, order, value):
    recordings(account, 1)
    answer = ann.get("/videos", order=order, after=keyset.written(order, value, "0" * 32))
    assert error(answer)[:2] == (422, "invalid")


def test_a_word_does_not_go_with_an_offset_nor_with_changes(ann, account):
    crowd(account, 3)
    word = ann.get("/jobs", limit=1).json()["next"]
    assert ann.get("/jobs", after=word, offset=1).status_code == 422
    assert ann.get("/jobs", after=word, since="2026-01-01T00:00:00Z").status_code == 422


@pytest.mark.each_database
@pytest.mark.django_db(transaction=True)  # ANALYZE TABLE commits
def test_no_part_is_sorted_and_its_queries_do_not_grow(ann, account):
    video = factories.video(account)
    fields = {"owner": account, "video": video, "status": S.SUCCEEDED}
    Job.objects.bulk_create(Job(**fields, operation="trim", queue="fast") for _ in range(2000))
    Run.objects.bulk_create(Run(**fields, name="x") for _ in range(2000))
    plans.analyze()
    for path, table in (("/jobs", "jobs_job"), ("/runs", "jobs_run")):
        word = ann.get(path).json()["next"]
        for query in ({}, {"after": word}):
            found = plans.of(lambda path=path, query=query: ann.get(path, **query), f"FROM {quoted(table)}")
            lists = [one for one in found if "LIMIT 51" in one[0]]
            assert len(lists) == 1
            assert not plans.sorting(lists)


def quoted(table: str) -> str:
    from django.db import connection

    return connection.ops.quote_name(table)
