"""Taking along all that one owns."""

import hashlib
import io
import json
import zipfile

import pytest
from django.test import Client

from jobs import storage, zip_stream
from jobs.models import Artifact, Image, Job, Token, Video
from jobs.services import drafts, export, pipelines, presets
from tests import factories
from tests.accounts.entrance import PASSWORD, sign_in
from tests.api import ROOT, Api, error
from tests.chains.conftest import TRIM
from tests.pages.test_runs import chain

pytestmark = pytest.mark.django_db
PAGES = ["/account/everything.json", "/account/everything.zip"]


def put(key, content):
    storage.path(key).parent.mkdir(parents=True, exist_ok=True)
    storage.path(key).write_bytes(content)
    return {"key": key, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@pytest.fixture
def ann():
    """With a recording, results of two jobs by the same name, an image, a chain, and things in the trash."""
    ann = factories.account("ann@example.org", name="Ann")
    video = factories.video(
        ann, title="Weekly: review/1", name="review.mp4", **put("videos/a/source.mp4", b"film" * 99)
    )
    for number in range(2):
        job = factories.job(ann, video=video, status=Job.Status.SUCCEEDED)
        values = put(f"artifacts/{job.pk}/1/1.jpg", b"picture %d" % number)
        Artifact.objects.create(job=job, kind="image", name="1.jpg", media_type="image/jpeg", **values)
    job = factories.job(ann, video=video, status=Job.Status.SUCCEEDED)
    for name in ("cut.mp4", "CUT.mp4"):
        values = put(f"artifacts/{job.pk}/1/{name}", name.encode())
        Artifact.objects.create(job=job, kind="video", name=name, media_type="video/mp4", **values)
    Image.objects.create(owner=ann, name="Logo", width=1, height=1, **put("images/x.png", b"logo"))
    pipelines.save(ann, "Mine", [TRIM])
    presets.save(ann, "trim", "Late", {"start": 2})
    gone = factories.video(ann, title="Gone", key="videos/gone/source.mp4")
    parts = [{"start": 0, "end": 5, "kept": True}]
    drafts.save(gone, parts, {"pauses": "remove"}, version=None, is_new=True)
    eve = factories.account("eve@example.org")
    factories.video(eve, title="Eve's", **put("videos/e/source.mp4", b"secret"))
    return ann


def everything(account):
    return export.of(account, lambda path: f"https://videos.example.org{path}")


def packed(account):
    return zipfile.ZipFile(io.BytesIO(b"".join(zip_stream.stream(everything(account).entries()))))


def test_the_list_has_all_of_the_account_and_nothing_of_others(ann):
    told = everything(ann).told
    assert told["account"]["name"] == "Ann"
    review, gone = told["recordings"]
    assert (review["title"], review["file"]["size"]) == ("Weekly: review/1", 396)
    assert review["file"]["url"] == f"https://videos.example.org{ROOT}/videos/{review['id']}/file"
    assert [len(job["results"]) for job in review["jobs"]] == [1, 1, 2]
    assert review["cuts"] is None
    assert gone["cuts"] == {"parts": [{"start": 0, "end": 5, "kept": True}], "settings": {"pauses": "remove"}}
    assert gone["file"] is None, "its bytes are not there"
    assert [image["name"] for image in told["images"]] == ["Logo"]
    assert told["chains"] == [{"slug": "mine", **pipelines.exported(pipelines.find(ann, "mine"))}]
    assert told["presets"] == [
        {
            "name": "Late",
            "operation": "trim",
            "params": {"start": 2.0, "end": None, "render": "smart", "container": "mp4"},
        }
    ]
    assert "Eve" not in json.dumps(told)
    assert json.loads(json.dumps(told)) == told


def test_the_zip_file_has_every_file_by_the_path_in_the_list(ann):
    with packed(ann) as archive:
        assert archive.testzip() is None
        assert all(info.date_time[0] >= 2020 for info in archive.infolist()), "files keep their time"
        told = json.loads(archive.read("everything.json"))
        review = told["recordings"][0]
        files = [review["file"], *(one["file"] for job in review["jobs"] for one in job["results"])]
        files += [image["file"] for image in told["images"]]
        for file in files:
            assert hashlib.sha256(archive.read(file["path"])).hexdigest() == file["sha256"]
        hashes = dict(reversed(line.split("  ", 1)) for line in archive.read("SHA256SUMS").decode().splitlines())
        assert hashes == {file["path"]: file["sha256"] for file in files}
        assert set(archive.namelist()) == {"everything.json", "SHA256SUMS", *hashes}


def test_paths_can_be_written_on_every_system(ann):
    Video.objects.filter(title="Gone").update(title="../..\\evil: <x>?", name="..", **put("videos/b/s.mp4", b"x"))
    with packed(ann) as archive:
        names = archive.namelist()
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert not set('<>:"|?*\\') & set(name)
        assert all(part not in ("", ".", "..") for part in name.split("/"))


def test_what_is_in_the_trash_stays_there(ann):
    api = Api(ann)
    video = Video.objects.get(title="Weekly: review/1")
    assert api.delete(f"/videos/{video.pk}").status_code == 200
    assert [one["title"] for one in everything(ann).told["recordings"]] == ["Gone"]


def test_no_secret_goes_along(ann):
    secret = Token.issue(ann, "laptop")
    told = json.dumps(everything(ann).told)
    assert "laptop" in told
    assert secret not in told
    assert Token.objects.get(name="laptop").digest not in told
    assert ann.password not in told


@pytest.mark.parametrize("page", PAGES)
def test_a_page_gives_it_after_the_password_alone(ann, page):
    client = Client()
    assert client.get(page).headers["Location"].startswith("/accounts/login/")
    sign_in(client)
    assert 'href="/account/everything/"' in client.get("/account/").content.decode()
    assert client.get(page).headers["Location"].startswith("/accounts/reauthenticate/")
    asked = client.get("/account/everything/").headers["Location"]
    assert client.post(asked, {"password": "wrong"}).status_code == 200
    assert client.post(asked, {"password": PASSWORD}).headers["Location"] == "/account/everything/"
    assert f'href="{page}"' in client.get("/account/everything/").content.decode()
    response = client.get(page)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert "attachment" in response.headers["Content-Disposition"]


def test_the_length_is_told_before(ann):
    response = Api(ann).client.head(f"{ROOT}/me/export.zip")
    with_token = Api(ann).client.get(f"{ROOT}/me/export.zip")
    assert with_token.headers["Content-Type"] == "application/zip"
    assert response.status_code in (200, 405)
    assert int(with_token.headers["Content-Length"]) > 396


def test_by_api_a_session_needs_the_password_too_and_a_token_does_not(ann):
    client = Client()
    sign_in(client)
    for path in ("/me/export", "/me/export.zip"):
        assert error(client.get(ROOT + path)) == (403, "reauthenticate")
        assert Api(ann).get(path).status_code == 200
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert client.get(f"{ROOT}/me/export").json()["account"]["email"] == "ann@example.org"


def test_chains_at_work_are_in_it(ann):
    video = Video.objects.get(title="Gone")
    run = chain(ann, Job.Status.SUCCEEDED, Job.Status.RUNNING, Job.Status.WAITING, Job.Status.WAITING, video=video)
    told = everything(ann).told["recordings"][1]
    assert [one["id"] for one in told["chains"]] == [str(run.pk)]
    assert len(told["jobs"]) == 4
