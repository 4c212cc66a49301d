"""Cuts made by hand, kept on the server: what one browser has changed is never lost to another one."""

import threading

import pytest
from django.db import connection

from jobs.models import Draft
from tests import factories
from tests.api import Api, error

pytestmark = pytest.mark.django_db
PARTS = [{"start": 0.0, "end": 4.2, "kept": True}, {"start": 4.2, "end": 10.0, "kept": False}]
OTHER = [{"start": 0.0, "end": 10.0, "kept": True}]
NEW = {"If-None-Match": "*"}


@pytest.fixture
def video():
    return factories.video(factories.account("ann@example.org"))


@pytest.fixture
def ann(video):
    return Api(video.owner)


@pytest.fixture
def path(video):
    return f"/videos/{video.pk}/draft"


def test_a_draft_is_kept_changed_and_given_up(ann, path, video):
    assert error(ann.get(path)) == (404, "not_found")
    made = ann.put(path, {"parts": PARTS, "settings": {"pauses": "speed", "speed": 4}}, **NEW)
    assert made.status_code == 201, made.content
    assert made.json()["parts"] == PARTS
    assert made.json()["settings"] == {"pauses": "speed", "speed": 4}
    found = ann.get(path)
    assert found.json() == made.json()
    assert found.headers["ETag"] == made.headers["ETag"] == f'"{found.json()["version"]}"'
    changed = ann.put(path, {"parts": OTHER}, **{"If-Match": made.headers["ETag"]})
    assert (changed.status_code, changed.json()["parts"], changed.json()["settings"]) == (200, OTHER, {})
    assert changed.headers["ETag"] != made.headers["ETag"]
    assert ann.delete(path, **{"If-Match": changed.headers["ETag"]}).json()["parts"] == OTHER
    assert error(ann.get(path)) == error(ann.delete(path)) == (404, "not_found")


def test_what_another_browser_changed_is_not_overwritten(ann, path):
    first = ann.put(path, {"parts": PARTS}, **NEW).headers["ETag"]
    second = ann.put(path, {"parts": OTHER}, **{"If-Match": first}).headers["ETag"]
    assert error(ann.put(path, {"parts": PARTS}, **{"If-Match": first})) == (412, "changed_meanwhile")
    assert error(ann.put(path, {"parts": PARTS}, **NEW)) == (412, "changed_meanwhile")
    assert error(ann.delete(path, **{"If-Match": first})) == (412, "changed_meanwhile")
    assert ann.get(path).json()["parts"] == OTHER
    assert ann.delete(path, **{"If-Match": second}).status_code == 200
    assert error(ann.put(path, {"parts": PARTS}, **{"If-Match": second})) == (412, "changed_meanwhile")
    assert ann.put(path, {"parts": PARTS}).status_code == 201, "who names no version overwrites"


@pytest.mark.django_db(transaction=True)
@pytest.mark.each_database
@pytest.mark.parametrize("is_new", [True, False])
def test_of_several_at_once_one_is_first(video, path, is_new):
    clients = [Api(video.owner) for _ in range(5)]
    condition = NEW if is_new else {"If-Match": clients[0].put(path, {"parts": OTHER}).headers["ETag"]}
    barrier, answers = threading.Barrier(len(clients)), []

    def send(number):
        try:
            barrier.wait()
            parts = [{"start": 0, "end": number + 1.0, "kept": True}]
            answers.append((clients[number].put(path, {"parts": parts}, **condition).status_code, number + 1.0))
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in answers) == [201 if is_new else 200] + [412] * 4
    assert Draft.objects.get().parts[0]["end"] == dict(answers)[201 if is_new else 200]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"parts": []},
        {"parts": [{"start": -1, "end": 2, "kept": True}]},
        {"parts": [{"start": 0, "end": 2}]},
        {"parts": PARTS, "settings": {"x": [1]}},
        {"parts": PARTS, "settings": {"x": "y" * 201}},
    ],
)
def test_what_is_no_draft_is_a_422(ann, path, body):
    assert error(ann.put(path, body)) == (422, "invalid")
    assert not Draft.objects.exists()


def test_a_draft_of_others_does_not_exist(ann, path):
    ann.put(path, {"parts": PARTS})
    bob = Api(factories.account("bob@example.org"))
    for answer in (bob.get(path), bob.put(path, {"parts": OTHER}), bob.delete(path)):
        assert error(answer) == (404, "not_found")
    assert ann.get(path).json()["parts"] == PARTS


def test_a_draft_goes_with_its_recording(ann, path, video):
    ann.put(path, {"parts": PARTS})
    ann.delete(f"/videos/{video.pk}?permanently=1")
    assert not Draft.objects.exists()
