import pytest

from jobs.services import transcripts
from tests import factories, transcribed
from tests.api import Api, error

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann():
    return factories.account("ann@example.org")


@pytest.fixture
def talk(ann, settings):
    video = factories.video(ann, title="Talk")
    found = transcribed.transcript((1.0, "a harvest"), (4.0, "one more harvest"))
    transcripts.index_of(transcribed.keep(video, found, settings.MEDIA_ROOT))
    return video


def test_places_are_told_with_recording_times_and_words(ann, talk):
    told = Api(ann).get("/search?q=harvest").json()
    assert told["items"] == [
        {"video": str(talk.pk), "title": "Talk", "start": 1.0, "end": 1.8, "text": "a harvest"},
        {"video": str(talk.pk), "title": "Talk", "start": 4.0, "end": 5.2, "text": "one more harvest"},
    ]
    assert (told["count"], told["more"]) == (2, False)


def test_the_list_has_parts(ann, talk):
    told = Api(ann).get("/search?q=harvest&limit=1&offset=1").json()
    assert [item["start"] for item in told["items"]] == [4.0]
    assert told["count"] == 2


def test_others_find_nothing(talk):
    assert Api(factories.account("eve@example.org")).get("/search?q=harvest").json()["items"] == []


@pytest.mark.parametrize("question", ["", f"q={'a' * 201}", "q=", "q=a&limit=0"])
def test_a_question_that_is_none_is_refused(ann, question):
    assert error(Api(ann).get(f"/search?{question}")) == (422, "invalid")
