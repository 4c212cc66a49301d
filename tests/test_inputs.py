"""Work that needs other files: another recording or an image of the same owner, named by its id."""

import dataclasses
import errno
import uuid
from datetime import timedelta
from typing import ClassVar

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models.signals import post_init
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from jobs import storage, tasks
from jobs.api.operation_schema import schema_of
from jobs.errors import InputError
from jobs.forms import WorkForm
from jobs.models import Image, Job
from jobs.operations import registry
from jobs.operations.base import Draft, Operation
from jobs.operations.fields import ImageField, RecordingField
from jobs.operations.forms import OperationForm
from jobs.services import images, inputs, parameters, reconcile, storage_use, videos
from jobs.services import jobs as services
from tests import factories, pictures
from tests.api import Api, error

S = Job.Status
pytestmark = pytest.mark.django_db


class DubForm(OperationForm):
    audio = RecordingField(label="Sound", required=False)
    logo = ImageField(label="Logo", required=False)


@dataclasses.dataclass(frozen=True)
class DubParams:
    VERSION: ClassVar[int] = 1
    audio: str | None = None
    logo: str | None = None


class Dub(Operation[DubParams]):
    title, summary, form_class, params_class = "Dub", "Tells what it was given.", DubForm, DubParams

    def check_inputs(self, info, params, infos):
        if "audio" in infos and not infos["audio"].audio:
            raise InputError("The other recording has no sound. Choose another one.", code="no_audio")

    def run(self, context, params):
        path = context.scratch / "given.txt"
        lengths = {name: str(info.duration) for name, info in context.input_infos.items()}
        sizes = {name: file.stat().st_size for name, file in context.inputs.items()}
        path.write_text("")
        return [Draft(path, "text", "given.txt", "text/plain", {"lengths": lengths, "sizes": sizes})]


@pytest.fixture(autouse=True)
def dub(monkeypatch):
    Dub.slug = "dub"
    known = {**registry._found(), "dub": Dub()}
    monkeypatch.setattr(registry, "_found", lambda: known)
    storage.path("uploads").mkdir(parents=True, exist_ok=True)  # as every process does when it starts


@pytest.fixture
def ann():
    return factories.account()


def recording(owner, **fields):
    """A row with some bytes behind it."""
    pk = uuid.uuid4()
    video = factories.video(owner, id=pk, key=f"videos/{pk}/source.mp4", **fields)
    pictures.written(storage.path(video.key), b"bytes")
    return video


def image(owner, data=None, name="logo.png"):
    return images.receive(owner, pictures.written(storage.path("uploads") / f"{uuid.uuid4()}", data), name=name)


def ask(video, **params):
    body = {"video": str(video.pk), "operation": "dub", "params": {key: str(pk) for key, pk in params.items()}}
    return Api(video.owner).post("/jobs", body)


# Making jobs ---------------------------------------------------------------------------------------------------------


def test_a_job_may_name_another_recording_and_an_image(ann):
    response = ask(recording(ann), audio=recording(ann).pk, logo=image(ann).pk)
    assert response.status_code == 201, response.content


@pytest.mark.parametrize("name", ["audio", "logo"])
def test_what_belongs_to_others_is_as_good_as_missing(ann, name):
    bob = factories.account("bob@example.org")
    theirs = recording(bob).pk if name == "audio" else image(bob).pk
    told = []
    for pk in (theirs, uuid.uuid4()):
        response = ask(recording(ann), **{name: pk})
        assert error(response) == (422, "invalid")
        told.append(response.json()["error"])
    assert told[0] == told[1]
    assert told[0]["detail"][0]["field"] == f"params.{name}"
    assert not Job.objects.exists()


def test_what_is_no_id_is_told_with_its_field(ann):
    response = ask(recording(ann), audio="../../etc/passwd")
    assert error(response) == (422, "invalid")
    assert "Choose one of yours" in response.json()["error"]["message"]


def test_a_recording_is_not_used_on_itself(ann):
    video = recording(ann)
    assert error(ask(video, audio=video.pk)) == (422, "same_recording")


def test_the_operation_looks_at_the_other_recordings_too(ann):
    mute = recording(ann, facts=factories.info(audio=()))
    assert error(ask(recording(ann), audio=mute.pk)) == (422, "no_audio")


def test_an_id_in_another_way_of_writing_is_the_same(ann):
    other = recording(ann)
    response = ask(recording(ann), audio=other.pk.hex.upper())
    assert response.json()["params"]["audio"] == str(other.pk)


def test_a_retry_is_refused_when_what_it_needs_is_gone(ann):
    logo = image(ann)
    job = Job.objects.get(pk=ask(recording(ann), logo=logo.pk).json()["id"])
    services.cancel(job)
    images.delete(logo)
    with pytest.raises(InputError, match=r"^Logo: This image is not there\. Upload it again\.$"):
        services.retry(job)


def test_the_schema_says_what_the_ids_stand_for():
    properties = schema_of(Dub())["properties"]
    assert (properties["audio"]["format"], properties["audio"]["x-input"]) == ("uuid", "recording")
    assert (properties["logo"]["format"], properties["logo"]["x-input"]) == ("uuid", "image")


# Running -------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_worker_gives_files_and_facts_by_name(ann):
    other, logo = recording(ann, facts=factories.info(seconds=7)), image(ann)
    pk = ask(recording(ann), audio=other.pk, logo=logo.pk).json()["id"]
    tasks.run_job(pk)
    artifact = Job.objects.get(pk=pk, status=S.SUCCEEDED).artifacts.get()
    assert artifact.metadata == {"lengths": {"audio": "7"}, "sizes": {"audio": 5, "logo": logo.size}}


@pytest.mark.django_db(transaction=True)
def test_a_file_that_vanished_under_a_waiting_job_fails_it_with_a_sentence(ann):
    other = recording(ann)
    pk = ask(recording(ann), audio=other.pk).json()["id"]
    storage.delete(other.key)
    tasks.run_job(pk)
    job = Job.objects.get(pk=pk)
    assert (job.status, job.error_code) == (S.FAILED, "missing_input")
    assert job.error_message == "Sound: This recording is not there. Choose another one."


def test_what_a_storage_that_is_away_cannot_show_is_not_said_to_be_gone(ann, monkeypatch):
    def away(key):
        raise storage.StorageAway(errno.EIO, "it is away")

    params = DubParams(audio=str(recording(ann).pk), logo=str(image(ann).pk))
    monkeypatch.setattr(storage, "exists", away)
    assert inputs.absent(ann, "dub", params) == {}
    inputs.look(ann, recording(ann), "dub", params)
    assert inputs.absent(ann, "dub", DubParams(audio=str(uuid.uuid4()))).keys() == {"audio"}


def test_an_upload_whose_logo_went_meanwhile_still_becomes_a_recording(ann):
    stored = parameters.as_json(DubParams(logo=str(uuid.uuid4())))
    video = recording(ann)
    videos.start(video, {"dub": stored})
    assert video.jobs.get().status == S.QUEUED


# Deleting ------------------------------------------------------------------------------------------------------------


def test_deleting_a_recording_ends_the_work_that_needs_it(ann):
    other = recording(ann)
    needing, untouched = (ask(recording(ann), **given).json()["id"] for given in ({"audio": other.pk}, {}))
    videos.delete(other)
    job = Job.objects.get(pk=needing)
    assert (job.status, job.error_code) == (S.FAILED, "missing_input")
    assert "has been deleted" in job.error_message
    assert Job.objects.get(pk=untouched).status == S.QUEUED


def test_of_work_under_way_only_what_names_a_file_is_read(ann, django_assert_num_queries):
    other, third = recording(ann), recording(ann)
    needing = {ask(recording(ann), audio=one.pk).json()["id"] for one in (other, third)}
    for _ in range(5):
        ask(recording(ann), audio=recording(ann).pk)
        factories.job(ann, params={"version": 1, "note": str(other.pk)})
    read = []
    post_init.connect(lambda instance, **_: read.append(str(instance.pk)), Job, weak=False, dispatch_uid="read")
    try:
        with django_assert_num_queries(1):
            found = services.needing(ann, "recording", other.pk, third.pk)
    finally:
        post_init.disconnect(sender=Job, dispatch_uid="read")
    assert {str(job.pk) for job in found} == set(read) == needing


def test_the_page_says_what_deleting_ends(ann, client):
    other = recording(ann)
    ask(recording(ann), audio=other.pk)
    client.force_login(ann)
    assert b"1 job on other recordings needs it and will fail" in client.get(f"/videos/{other.pk}/delete/").content


def test_images_that_nobody_used_for_long_are_cleared_away(ann):
    long_ago = timezone.now() - timedelta(days=images.KEPT_DAYS + 1)
    old, needed, new = (image(ann) for _ in range(3))
    ask(recording(ann), logo=needed.pk)
    Image.objects.filter(pk__in=[old.pk, needed.pk]).update(used_at=long_ago)
    reconcile.sweep()
    assert set(Image.objects.all()) == {needed, new}
    assert not storage.path(old.key).exists()
    assert storage.path(needed.key).exists()


def test_being_named_by_a_job_counts_as_use(ann):
    logo = image(ann)
    Image.objects.filter(pk=logo.pk).update(used_at=timezone.now() - timedelta(days=20))
    ask(recording(ann), logo=logo.pk)
    logo.refresh_from_db()
    assert timezone.now() - logo.used_at < timedelta(minutes=1)


def test_deleting_an_account_deletes_its_images(ann):
    from jobs.services import accounts

    factories.account("boss@example.org", is_staff=True)
    logo = image(ann)
    accounts.delete(ann)
    assert not storage.path(logo.key).exists()


# The page ------------------------------------------------------------------------------------------------------------


def test_the_page_offers_the_owners_other_recordings_newest_first(ann):
    first, second, worked_on = (recording(ann, title=title) for title in ("First", "Second", "Worked on"))
    recording(factories.account("bob@example.org"), title="Not Ann's")
    form = next(pick.form for pick in WorkForm(owner=ann, video=worked_on).picks if pick.operation.slug == "dub")
    assert form.fields["audio"].widget.choices[1:] == [
        (str(second.pk), "Second (0:10)"),
        (str(first.pk), "First (0:10)"),
    ]
    assert inputs.offered(ann)[0][0] == str(worked_on.pk)


def test_an_image_comes_with_the_form_of_a_browser_without_scripts(ann, client):
    video = recording(ann)
    client.force_login(ann)
    page = client.get(f"{video.get_absolute_url()}?do=dub").content.decode()
    assert 'enctype="multipart/form-data"' in page
    assert 'name="dub-logo-file"' in page
    file = SimpleUploadedFile("our logo.png", pictures.logo())
    client.post(reverse("video-run", args=[video.pk]), {"operations": "dub", "dub-logo-file": file})
    job = video.jobs.get()
    kept = Image.objects.of(ann).get()
    assert job.params["logo"] == str(kept.pk)
    assert "our logo.png" in client.get(job.get_absolute_url()).content.decode()


def test_what_is_no_image_is_told_beside_its_field(ann, client):
    video = recording(ann)
    client.force_login(ann)
    data = {"operations": "dub", "dub-logo-file": SimpleUploadedFile("logo.png", b"no image")}
    response = client.post(reverse("video-run", args=[video.pk]), data)
    assert response.status_code == 422
    assert "Choose a PNG, WebP or JPEG file" in response.content.decode()
    assert not Job.objects.exists()
    assert not list(storage.path("uploads").iterdir())


def test_the_form_tells_what_is_not_there(ann):
    form = WorkForm(QueryDict(f"operations=dub&dub-audio={uuid.uuid4()}"), owner=ann)
    assert not form.is_valid()
    assert form.errors == ["Dub, sound: This recording is not there. Choose another one."]


# The API -------------------------------------------------------------------------------------------------------------


def send(owner, data, name="logo.png"):
    api = Api(owner)
    return api.client.post("/api/v1/images", {"file": SimpleUploadedFile(name, data)})


def test_a_script_uploads_lists_and_deletes_images(ann):
    made = send(ann, pictures.logo((30, 10)))
    assert made.status_code == 201
    body = made.json()
    assert (body["name"], body["width"], body["height"]) == ("logo.png", 30, 10)
    api = Api(ann)
    assert api.client.get(made.headers["Location"]).json() == body
    assert api.get("/images").json() == {"items": [body], "count": 1}
    deleted = api.delete(f"/images/{body['id']}").json()
    assert (deleted["id"], deleted["jobs"], deleted["bytes"]) == (body["id"], 0, body["size"])
    assert error(api.get(f"/images/{body['id']}")) == (404, "not_found")


def test_others_and_nobody_find_no_image(ann):
    pk = send(ann, pictures.logo()).json()["id"]
    bob = Api(factories.account("bob@example.org"))
    for path in (f"/images/{pk}", f"/images/{pk}/file"):
        assert bob.get(path).status_code == 404
        assert Api().get(path).status_code == 401
    assert error(bob.delete(f"/images/{pk}")) == (404, "not_found")
    assert bob.get("/images").json()["count"] == 0
    assert Image.objects.count() == 1


def test_what_is_no_image_is_refused_with_415(ann):
    assert error(send(ann, b"no image at all")) == (415, "not_image")
    assert error(Api(ann).post("/images", {})) == (415, "content_type")


def test_there_is_an_end_to_images(ann, monkeypatch):
    monkeypatch.setattr(images, "MOST", 1)
    assert send(ann, pictures.logo()).status_code == 201
    assert error(send(ann, pictures.logo())) == (422, "too_many")


def test_images_count_as_used_space(ann, client):
    before = storage_use.of(ann).total
    kept = image(ann)
    assert storage_use.of(ann).total == before + kept.size
