import hashlib
import uuid

import pytest
from django.conf import settings
from django.test import Client

from jobs import publish, storage
from jobs.models import Artifact, Job, Video
from tests import factories, media
from tests.api import ROOT, Api, error

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous iterators"),
]


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    return media.video(tmp_path_factory.mktemp("talk") / "talk.mp4", seconds=2)


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """Four seconds: a tone, two seconds of silence, a tone; 25 frames a second."""
    path = tmp_path_factory.mktemp("speech") / "speech.mp4"
    tone = "aevalsrc=exprs='if(lt(t,1)+gt(t,3),0.3*sin(2*PI*440*t),0)':d=4:s=48000"
    media.run_ffmpeg(*media.picture(4), "-f", "lavfi", "-i", tone, *media.FAST_X264, "-c:a", "aac", media.url(path))
    return path


@pytest.fixture
def ann():
    return Api(factories.account("ann@example.org"))


@pytest.fixture
def bob():
    return Api(factories.account("bob@example.org"))


def stored_files():
    return [file for file in settings.MEDIA_ROOT.rglob("*") if file.is_file() and "cache" not in file.parts]


# Uploading -----------------------------------------------------------------------------------------------------------


def test_an_upload_answers_with_what_the_recording_is(ann, talk):
    response = ann.upload(talk, "weekly_review.mp4")
    assert response.status_code == 201, response.content
    video = response.json()
    assert response.headers["Location"] == f"{ROOT}/videos/{video['id']}"
    assert ann.get(f"/videos/{video['id']}").json() == video
    assert (video["title"], video["name"], video["kind"]) == ("weekly review", "weekly_review.mp4", "video")
    assert video["size"] == talk.stat().st_size
    assert video["sha256"] == hashlib.sha256(talk.read_bytes()).hexdigest()
    assert video["duration_seconds"] == pytest.approx(2, abs=0.1)  # AAC adds part of a frame of 21 ms
    picture = video["video"]
    assert (picture["codec"], picture["width"], picture["height"], picture["frame_rate"]) == ("h264", 160, 90, 25)
    assert [(track["index"], track["codec"]) for track in video["audio"]] == [(0, "aac")]
    assert video["url"] == f"{ROOT}/videos/{video['id']}/file"


def test_the_title_can_be_given(ann, talk):
    assert ann.upload(talk, title="  All hands\n").json()["title"] == "All hands"


def test_sound_alone_is_welcome(ann, tmp_path):
    video = ann.upload(media.audio(tmp_path / "note.wav", seconds=1), "note.wav").json()
    assert (video["kind"], video["video"], video["poster_url"]) == ("audio", None, None)


def test_the_same_bytes_again_are_refused_with_the_id_of_the_first(ann, talk):
    first = ann.upload(talk).json()
    response = ann.upload(talk, "other-name.mp4")
    assert error(response) == (409, "duplicate")
    assert response.json()["error"]["detail"] == {"video": first["id"]}
    assert Video.objects.count() == 1
    assert ann.upload(talk, duplicate="allow").status_code == 201
    assert ann.upload(talk, query="?duplicate=allow").status_code == 201
    assert error(ann.upload(talk, duplicate="perhaps")) == (422, "invalid")


def test_the_same_bytes_in_the_trash_are_offered_to_be_restored(ann, talk):
    first = ann.upload(talk).json()
    ann.delete(f"/videos/{first['id']}")
    response = ann.upload(talk)
    assert error(response) == (409, "duplicate_in_trash")
    assert response.json()["error"]["detail"] == {"video": first["id"]}
    assert ann.post(f"/videos/{first['id']}/restore").json() == first
    assert ann.get(f"/videos/{first['id']}/file").status_code == 200


def test_bytes_of_others_are_no_duplicates(ann, bob, talk):
    assert ann.upload(talk).status_code == 201
    assert bob.upload(talk).status_code == 201


@pytest.mark.parametrize(
    "content",
    [b"", b"plain text, at some length " * 50, b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", b"\x89PNG\r\n\x1a\n" + b"0" * 99],
    ids=["empty", "text", "playlist", "picture"],
)
def test_what_is_no_recording_is_a_415_and_leaves_nothing(ann, content):
    status, _ = error(ann.upload(content, "talk.mp4"))
    assert status == 415
    assert Video.objects.count() == 0
    assert stored_files() == []


def test_a_cut_off_recording_is_a_415_and_leaves_nothing(ann, talk, tmp_path):
    broken = media.cut_bytes(talk, tmp_path / "broken.mp4", 0.5)
    assert error(ann.upload(broken))[0] == 415
    assert stored_files() == []


def test_over_the_limit_is_a_413_and_leaves_nothing(ann, talk, settings):
    settings.FORM_LIMIT_BYTES = 1000
    assert error(ann.upload(talk)) == (413, "too_large")
    assert stored_files() == []


def test_a_full_disk_is_said_before_the_bytes_are_taken(ann, talk, monkeypatch):
    monkeypatch.setattr("jobs.storage.free_bytes", lambda: 1000)
    assert error(ann.upload(talk)) == (507, "disk_full")
    assert stored_files() == []


def test_a_body_that_is_no_form_is_a_415(ann):
    response = ann.client.post(f"{ROOT}/videos", b"talk", content_type="video/mp4")
    assert error(response) == (415, "content_type")


@pytest.mark.parametrize("fields", [{}, {"file": "talk.mp4"}])
def test_a_form_without_a_file_is_a_422(ann, fields):
    response = ann.client.post(f"{ROOT}/videos", fields)
    assert error(response) == (422, "invalid")
    assert [item["field"] for item in response.json()["error"]["detail"]] == ["file"]


def test_a_broken_form_is_a_400(ann):
    response = ann.client.post(f"{ROOT}/videos", b"--x\r\nbroken", content_type="multipart/form-data")
    assert error(response) == (400, "bad_request")


# Reading -------------------------------------------------------------------------------------------------------------


def test_a_list_has_only_what_is_mine(ann, bob):
    mine = factories.video(factories.account("ann@example.org"))
    factories.video(factories.account("bob@example.org"))
    found = ann.get("/videos").json()
    assert (found["count"], [item["id"] for item in found["items"]]) == (1, [str(mine.pk)])


@pytest.mark.each_database
def test_a_list_is_searched_ordered_and_cut_in_parts(ann):
    owner = factories.account("ann@example.org")
    for title, name in [("Budget 2024", "b.mp4"), ("Annual budget", "a.mp4"), ("Holiday", "budget-trip.mov")]:
        factories.video(owner, title=title, name=name)

    def titles(**query):
        return [item["title"] for item in ann.get("/videos", **query).json()["items"]]

    assert titles() == ["Holiday", "Annual budget", "Budget 2024"]
    assert titles(order="title") == ["Annual budget", "Budget 2024", "Holiday"]
    assert titles(order="-title", limit=1, offset=1) == ["Budget 2024"]
    assert titles(search="BUDGET trip") == ["Holiday"]
    assert titles(search="budget annual") == ["Annual budget"]
    assert titles(search="100%") == []
    assert ann.get("/videos", limit=1).json()["count"] == 3


def test_the_numbers_of_audio_tracks_are_those_of_the_parameters(ann):
    facts = factories.info(audio=(factories.SOUND, factories.SOUND))
    video = factories.video(factories.account("ann@example.org"), facts=facts)
    assert [track["index"] for track in ann.get(f"/videos/{video.pk}").json()["audio"]] == [0, 1]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "", None),
        ("patch", "", {"title": "Mine now"}),
        ("delete", "", None),
        ("get", "/file", None),
        ("get", "/poster", None),
        ("post", "/cut-plan", {"params": {}}),
    ],
)
def test_what_belongs_to_others_does_not_exist(ann, bob, talk, method, path, body):
    video = ann.upload(talk, title="Secret plans").json()
    call = getattr(bob, method)
    theirs = call(f"/videos/{video['id']}{path}", *([body] if body else []))
    none = call(f"/videos/{uuid.uuid4()}{path}", *([body] if body else []))
    assert error(theirs) == error(none) == (404, "not_found")
    assert theirs.content == none.content
    assert ann.get(f"/videos/{video['id']}").json() == video


def test_the_bytes_come_back_whole_and_in_parts(ann, talk):
    video = ann.upload(talk, "talk.mp4").json()
    data = talk.read_bytes()
    whole = ann.client.get(video["url"])
    assert (whole.status_code, b"".join(whole)) == (200, data)
    part = ann.client.get(video["url"], headers={"Range": "bytes=100-199"})
    assert (part.status_code, b"".join(part)) == (206, data[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(data)}"
    beyond = ann.client.get(video["url"], headers={"Range": f"bytes={len(data)}-"})
    assert beyond.status_code == 416
    assert beyond.headers["Content-Range"] == f"bytes */{len(data)}"
    head = ann.client.head(video["url"])
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, str(len(data)), b"")
    unchanged = ann.client.get(video["url"], headers={"If-None-Match": whole.headers["ETag"]})
    assert unchanged.status_code == 304
    saved = ann.client.get(video["url"] + "?download")
    assert saved.headers["Content-Disposition"] == 'attachment; filename="talk.mp4"'


def test_the_bytes_come_to_a_session_too(ann, talk):
    video = ann.upload(talk).json()
    client = Client()
    client.force_login(factories.account("ann@example.org"))
    assert client.get(video["url"]).status_code == 200
    client.force_login(factories.account("bob@example.org"))
    assert client.get(video["url"]).status_code == 404


def test_the_poster_is_a_picture(ann, talk):
    video = ann.upload(talk).json()
    response = ann.client.get(video["poster_url"])
    assert response.headers["Content-Type"] == "image/jpeg"
    assert b"".join(response).startswith(b"\xff\xd8\xff")


# Changing ------------------------------------------------------------------------------------------------------------


def test_a_title_changes_and_nothing_else_can(ann):
    video = factories.video(factories.account("ann@example.org"))
    assert ann.patch(f"/videos/{video.pk}", {"title": " Review\n of May "}).json()["title"] == "Review of May"
    assert error(ann.patch(f"/videos/{video.pk}", {"title": "   "})) == (422, "invalid")
    assert error(ann.patch(f"/videos/{video.pk}", {"title": "x" * 201})) == (422, "invalid")
    assert error(ann.patch(f"/videos/{video.pk}", {"title": "Fine", "sha256": "0"})) == (422, "invalid")
    assert Video.objects.get().title == "Review of May"


def test_open_pages_are_told_of_a_new_title(ann, monkeypatch):
    told = []
    monkeypatch.setattr(publish, "tell", lambda owners: told.extend(owners))
    video = factories.video(factories.account("ann@example.org"))
    ann.patch(f"/videos/{video.pk}", {"title": "  "})
    assert told == []
    ann.patch(f"/videos/{video.pk}", {"title": "Review"})
    assert told == [video.owner_id]


@pytest.mark.each_database
def test_a_deletion_answers_with_what_is_gone_and_takes_the_files(ann, talk):
    video = ann.upload(talk, title="Old").json()
    job = factories.job(video=Video.objects.get(), owner=Video.objects.get().owner, status=Job.Status.SUCCEEDED)
    artifact = Artifact.objects.create(
        job=job, kind="image", name="1.jpg", key=f"artifacts/{job.pk}/1.jpg", size=7, media_type="image/jpeg"
    )
    storage.path(artifact.key).parent.mkdir(parents=True)
    storage.path(artifact.key).write_bytes(b"picture")
    factories.job(video=Video.objects.get(), owner=Video.objects.get().owner, status=Job.Status.QUEUED)
    response = ann.delete(f"/videos/{video['id']}?permanently=1")
    assert response.status_code == 200
    assert response.json() == {
        "id": video["id"],
        "title": "Old",
        "jobs": 2,
        "artifacts": 1,
        "bytes": video["size"] + 7,
        "trashed_until": None,
    }
    assert error(ann.get(f"/videos/{video['id']}")) == (404, "not_found")
    assert Job.objects.count() == Artifact.objects.count() == 0
    assert stored_files() == []


# Plans ---------------------------------------------------------------------------------------------------------------


def test_a_plan_says_what_a_cut_would_keep(ann, speech):
    video = ann.upload(speech).json()
    params = {"threshold_db": -40, "margin_before_ms": 200, "margin_after_ms": 200}
    response = ann.post(f"/videos/{video['id']}/cut-plan", {"params": params})
    assert response.status_code == 200, response.content
    plan = response.json()
    # The tone ends at 1 s and starts again at 3 s; a step is 20 ms, a frame 40 ms, and AAC
    # smears a sound over up to two of its frames of 21 ms.
    (start, end), (again, last) = plan["keep"]
    assert start == 0
    assert end == pytest.approx(1.2, abs=0.1)
    assert again == pytest.approx(2.8, abs=0.1)
    assert last == pytest.approx(4, abs=0.1)
    assert plan["output_duration"] == pytest.approx(end - start + last - again, abs=1e-5)
    assert plan["saved"] == pytest.approx(plan["source_duration"] - plan["output_duration"], abs=1e-5)
    assert plan["threshold_db"] == -40
    assert Job.objects.count() == 0


def test_a_plan_measures_once(ann, speech):
    video = ann.upload(speech).json()
    first = ann.post(f"/videos/{video['id']}/cut-plan", {"params": {"threshold_db": -40}}).json()
    storage.path(Video.objects.get().key).unlink()
    again = ann.post(f"/videos/{video['id']}/cut-plan", {"params": {"threshold_db": -40, "margin_after_ms": 0}})
    assert again.status_code == 200, again.content
    assert again.json()["output_duration"] < first["output_duration"]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"threshold_db": "loud"}, "params.threshold_db"),
        ({"margin_before_ms": -1}, "params.margin_before_ms"),
        ({"pauses": "speed", "speed": 1}, "params.speed"),
        ({"margin": 1}, "params.margin"),
    ],
)
def test_a_plan_names_parameters_that_cannot_be_used(ann, params, field):
    video = factories.video(factories.account("ann@example.org"))
    response = ann.post(f"/videos/{video.pk}/cut-plan", {"params": params})
    assert error(response) == (422, "invalid")
    assert [item["field"] for item in response.json()["error"]["detail"]] == [field]


def test_a_plan_tells_what_runs_faster_beside_what_is_kept(ann, speech):
    video = ann.upload(speech).json()
    params = {"threshold_db": -40, "pauses": "speed", "speed": 2.5}
    plan = ann.post(f"/videos/{video['id']}/cut-plan", {"params": params}).json()
    cut = ann.post(f"/videos/{video['id']}/cut-plan", {"params": {"threshold_db": -40}}).json()
    assert plan["keep"] == cut["keep"]
    assert (plan["speed"], cut["speed"], cut["fast"]) == (2.5, None, [])
    fast = sum(end - start for start, end in plan["fast"])
    assert fast == pytest.approx(cut["saved"], abs=1e-4)
    assert plan["saved"] == pytest.approx(fast * (1 - 1 / 2.5), abs=1e-4)
    assert plan["output_duration"] == pytest.approx(plan["source_duration"] - plan["saved"], abs=1e-5)


def test_the_parameters_of_a_plan_may_be_left_out_or_be_the_body_itself(ann, speech):
    video = ann.upload(speech).json()
    bare = ann.post(f"/videos/{video['id']}/cut-plan", {"threshold_db": -40, "margin_after_ms": 0})
    wrapped = ann.post(f"/videos/{video['id']}/cut-plan", {"params": {"threshold_db": -40, "margin_after_ms": 0}})
    assert (bare.status_code, bare.json()) == (200, wrapped.json())
    assert error(ann.post(f"/videos/{video['id']}/cut-plan", {"margin": 1})) == (422, "invalid")
    assert error(ann.post(f"/videos/{video['id']}/cut-plan", [1])) == (422, "invalid")
    none, empty = (ann.post(f"/videos/{video['id']}/cut-plan", body) for body in (None, {}))
    assert none.content == empty.content


def test_a_plan_needs_sound(ann):
    video = factories.video(factories.account("ann@example.org"), facts=factories.info(audio=()))
    assert error(ann.post(f"/videos/{video.pk}/cut-plan", {}))[0] == 422
