"""A recording and work on it in one call, under the long addresses and the short ones."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image as Picture

from jobs import tasks
from jobs.models import Image, Job, Video
from tests import factories, media
from tests.api import ROOT, Api, error
from videoservice.admission import Admission

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous iterators"),
]
BOTH = pytest.mark.parametrize("root", [ROOT, ""])


@pytest.fixture(scope="module")
def talk(tmp_path_factory) -> bytes:
    return media.video(tmp_path_factory.mktemp("talk") / "talk.mp4", seconds=1).read_bytes()


@pytest.fixture(scope="module")
def logo() -> bytes:
    file = io.BytesIO()
    Picture.new("RGBA", (40, 20), (255, 0, 0, 255)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def ann() -> Client:
    return Api(factories.account("ann@example.org")).client


def file(name: str, data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


@BOTH
@pytest.mark.parametrize("order", [("video", "image"), ("image", "video")])
def test_a_watermark_in_one_call(ann, talk, logo, root, order):
    files = {"video": file("talk.mp4", talk), "image": file("logo.png", logo)}
    asked = ann.post(f"{root}/video/watermark?x_offset=12&y_offset=8", {name: files[name] for name in order})
    assert asked.status_code == 201, asked.content
    job = asked.json()
    assert asked.headers["Location"] == f"{root}/video/watermark/{job['id']}"
    assert (job["status"], job["operation"], job["url"]) == ("queued", "watermark", None)
    assert (job["params"]["x_offset"], job["params"]["y_offset"]) == (12, 8)
    tasks.run_job(job["id"])
    done = ann.get(asked.headers["Location"]).json()
    assert (done["status"], done["error"]) == ("succeeded", None)
    result = ann.get(done["url"])
    assert result.status_code == 200
    assert result.headers["Content-Type"] == "video/mp4"
    assert ann.get(f"{ROOT}/jobs/{job['id']}").json()["status"] == "succeeded"


@BOTH
def test_the_audio_in_one_call(ann, talk, root):
    asked = ann.post(f"{root}/audio/extract?format=mp3", {"video": file("talk.mp4", talk)})
    assert asked.status_code == 201, asked.content
    tasks.run_job(asked.json()["id"])
    done = ann.get(asked.headers["Location"]).json()
    assert done["status"] == "succeeded"
    assert ann.get(done["url"]).headers["Content-Type"] == "audio/mpeg"


def test_parameters_may_be_fields_of_the_form(ann, talk):
    fields = {"video": file("talk.mp4", talk), "text": "© Ann", "corner": "bottom-right"}
    job = ann.post("/video/watermark", fields).json()
    assert (job["params"]["text"], job["params"]["corner"], job["params"]["x_offset"]) == ("© Ann", "bottom-right", 10)


def test_a_recording_that_is_here_is_used_again(ann, talk, logo):
    first = ann.post("/audio/extract", {"video": file("talk.mp4", talk)}).json()
    second = ann.post("/video/watermark", {"video": file("a.mp4", talk), "image": file("logo.png", logo)}).json()
    assert first["video"] == second["video"]
    assert (Video.objects.count(), Job.objects.count()) == (1, 2)


def test_the_same_request_again_makes_one_job(ann, talk):
    answers = [
        ann.post("/audio/extract", {"video": file("talk.mp4", talk)}, headers={"Idempotency-Key": "k"})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert Job.objects.count() == 1


@BOTH
@pytest.mark.parametrize(
    ("place", "fields", "wrong"),
    [
        ("video/watermark", {}, (422, "invalid")),
        ("video/watermark", {"video": "talk"}, (422, "invalid")),  # and neither image nor text
        ("video/watermark?x_offset=left", {"video": "talk", "image": "logo"}, (422, "invalid")),
        ("video/watermark?nonsense=1", {"video": "talk", "image": "logo"}, (422, "invalid")),
        ("video/watermark?x_offset=160", {"video": "talk", "image": "logo"}, (422, "outside")),
        ("video/watermark", {"video": "text", "image": "logo"}, (415, None)),
        ("video/watermark", {"video": "talk", "image": "text"}, (415, None)),
        ("audio/extract", {}, (422, "invalid")),
        ("audio/extract?format=vhs", {"video": "talk"}, (422, "invalid")),
        ("audio/extract", {"video": "text"}, (415, None)),
    ],
)
def test_what_is_refused_says_why_and_leaves_nothing(ann, talk, logo, root, place, fields, wrong):
    bytes_of = {"talk": talk, "logo": logo, "text": b"nothing of the kind"}
    files = {name: file(f"{what}.bin", bytes_of[what]) for name, what in fields.items()}
    status, code = error(ann.post(f"{root}/{place}", files))
    assert status == wrong[0]
    assert wrong[1] in (None, code)
    assert (Video.objects.count(), Image.objects.count(), Job.objects.count()) == (0, 0, 0)


@BOTH
def test_failures_of_any_kind_have_the_envelope(ann, root):
    assert error(ann.post(f"{root}/audio/extract", b"{}", content_type="application/json")) == (415, "content_type")
    assert error(ann.delete(f"{root}/audio/extract"))[0] == 405
    assert error(ann.get(f"{root}/video/nonsense"))[0] == 404
    assert error(Client().post(f"{root}/audio/extract")) == (401, "unauthorized")
    assert error(Client().get(f"{root}/video/watermark/{'0' * 8}-0000-0000-0000-{'0' * 12}")) == (401, "unauthorized")


@BOTH
@pytest.mark.parametrize("place", ["/video/watermark?x_offset=1", "/audio/extract"])
def test_the_web_server_takes_in_whole_recordings_there(root, place):
    assert Admission(b"POST", f"{root}{place}".encode(), is_known=True).refusal(100 << 20) is None
    assert Admission(b"GET", f"{root}{place}".encode(), is_known=True).refusal(100 << 20) is not None


def test_a_session_needs_its_token(talk):
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.account())
    assert error(client.post("/audio/extract", {"video": file("talk.mp4", talk)})) == (403, "csrf")


def test_work_of_others_and_of_other_kinds_does_not_exist(ann, talk):
    job = ann.post("/audio/extract", {"video": file("talk.mp4", talk)}).json()["id"]
    bob = Api(factories.account("bob@example.org")).client
    assert error(bob.get(f"/audio/extract/{job}"))[0] == 404
    assert error(ann.get(f"/video/watermark/{job}"))[0] == 404
    assert ann.get(f"/audio/extract/{job}").status_code == 200


def test_a_token_for_work_may_and_one_for_reading_may_not(talk):
    account = factories.account()
    call = {"path": "/audio/extract", "data": {"video": file("talk.mp4", talk)}}
    assert error(Api(account, "read").client.post(**call)) == (403, "scope")
    call["data"]["video"].seek(0)
    job = Api(account, "work").client.post(**call)
    assert job.status_code == 201
    assert Api(account, "read").client.get(job.headers["Location"]).status_code == 200
