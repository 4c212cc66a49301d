"""How long things stay that nobody uses: who goes, what is said before, and what never goes."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from jobs import delivering, storage
from jobs.models import Account, Artifact, Departure, Install, Job, Removal, Room, Run, Video
from jobs.services import going_mail, jobs, outbox, parameters, retention, uses, versions
from tests import factories
from tests.api import Api

pytestmark = pytest.mark.django_db
DONE = Job.Status.SUCCEEDED


def ago(days: float) -> Any:
    return timezone.now() - timedelta(days=days)


@pytest.fixture
def ann() -> Account:
    return factories.account()


@pytest.fixture(autouse=True)
def kept(settings: Any) -> None:
    settings.KEEP_RESULTS_DAYS, settings.KEEP_ORIGINALS_DAYS = 30, 60


def recording(owner: Account, days: float, **fields: Any) -> Video:
    """One that came so many days ago."""
    video = factories.video(owner, **fields)
    Video.objects.filter(pk=video.pk).update(created_at=ago(days))
    return video


def result(video: Video, days: float, kind: str = "video", job: Job | None = None, **fields: Any) -> Artifact:
    """One that was made so many days ago."""
    job = job or factories.job(video.owner, status=DONE, video=video)
    Job.objects.filter(pk=job.pk).update(finished_at=ago(days))
    pk = uuid.uuid4()
    facts = {"name": "a.mp4", "key": f"artifacts/{job.pk}/1/{pk}.mp4", "media_type": "video/mp4", "sha256": "0" * 64}
    made = Artifact.objects.create(id=pk, job=job, size=10, kind=kind, **{**facts, **fields})
    file = storage.path(made.key)
    storage.make_folder(file.parent)
    file.write_bytes(bytes(10))
    return made


def due() -> None:
    """The week has gone by."""
    Departure.objects.update(goes_at=ago(0.01))


def a_round() -> None:
    Install.get()
    Install.objects.update(retained_at=ago(1))
    retention.sweep()


def send_letters() -> None:
    """As a worker of hooks does, without its threads."""
    for errand in delivering.due():
        errand.work(errand.of)


def test_what_nobody_used_goes_after_a_week_of_notice(ann: Account):
    old, new = result(recording(ann, 100), 40), result(recording(ann, 100), 10)
    a_round()
    departure = Departure.objects.get()
    assert departure.job == old.job
    assert timedelta(days=6.9) < departure.goes_at - timezone.now() <= timedelta(days=7)
    a_round()
    assert Artifact.objects.count() == 2
    due()
    a_round()
    assert list(Artifact.objects.all()) == [new]
    assert Removal.objects.get().job == old.job, "it lies in the trash"
    assert storage.path(old.key).exists()
    assert not Departure.objects.exists()


def test_what_will_be_old_in_a_week_is_announced_for_its_day(ann: Account):
    result(recording(ann, 100), 25)
    a_round()
    assert timedelta(days=6.9) < Departure.objects.get().goes_at - timezone.now() < timedelta(days=7.1)
    Departure.objects.all().delete()
    Job.objects.update(finished_at=ago(23.5))
    a_round()
    assert timedelta(days=6.9) < Departure.objects.get().goes_at - timezone.now() < timedelta(days=7.1)
    Departure.objects.all().delete()
    Job.objects.update(finished_at=ago(22))
    a_round()
    assert not Departure.objects.exists()


def test_a_recording_stays_as_long_as_its_results(ann: Account):
    bare, cut = recording(ann, 100), recording(ann, 100)
    result(cut, 5)
    a_round()
    assert [departure.video for departure in Departure.objects.filter(job=None)] == [bare]
    due()
    a_round()
    assert list(Video.objects.all()) == [cut]


@pytest.mark.parametrize("how", ["played", "downloaded", "worked on", "pinned"])
def test_what_is_used_or_wanted_stays(ann: Account, how: str):
    video = recording(ann, 100)
    client = Client()
    client.force_login(ann)
    a_round()
    assert Departure.objects.filter(video=video).exists()
    if how == "played":
        client.get(f"/videos/{video.pk}/file")
    elif how == "downloaded":
        Api(ann).get(f"/videos/{video.pk}/file")
    elif how == "worked on":
        jobs.create(ann, video, "thumbnails", parameters.parse("thumbnails", {}, video.info))
    else:
        assert Api(ann).patch(f"/videos/{video.pk}", {"pinned": True}).json()["pinned"] is True
    assert not Departure.objects.exists(), "what was announced is called off at once"
    Job.objects.all().delete()
    a_round()
    assert not Departure.objects.exists()


def test_a_use_that_comes_too_late_for_the_row_still_counts(ann: Account):
    made = result(recording(ann, 100), 40)
    a_round()
    due()
    Artifact.objects.filter(pk=made.pk).update(used_at=timezone.now())
    a_round()
    assert Artifact.objects.exists() and not Departure.objects.exists()


def test_one_result_that_is_wanted_keeps_those_beside_it(ann: Account):
    first = result(recording(ann, 100), 40)
    second = result(first.job.video, 40, job=first.job, kind="image")
    a_round()
    answer = Api(ann).patch(f"/artifacts/{second.pk}", {"pinned": True})
    assert answer.json() == {"id": str(second.pk), "pinned": True}
    assert not Departure.objects.exists()
    a_round()
    assert not Departure.objects.exists()
    Api(ann).patch(f"/artifacts/{second.pk}", {"pinned": False})
    a_round()
    assert Departure.objects.get().job == first.job


def test_of_a_result_as_a_recording_the_result_is_wanted(ann: Account):
    made = result(recording(ann, 100), 40)
    version = factories.video(ann, id=made.pk, artifact=made, origin=made.job.video, key=made.key)
    uses.pin(version, True)
    made.refresh_from_db()
    assert made.pinned and uses.is_pinned(version)
    uses.pin(version, False)
    uses.mark(version)
    made.refresh_from_db()
    assert made.used_at is not None and not made.pinned


def test_a_chain_goes_as_one(ann: Account):
    video = recording(ann, 10)
    run = Run.objects.create(owner=ann, video=video, name="Podcast", status=DONE, finished_at=ago(40))
    steps = [factories.job(ann, status=DONE, video=video, run=run, step=name) for name in ("Cut", "MP3")]
    results = [result(video, 40, job=job) for job in steps]
    a_round()
    assert Departure.objects.get().run == run
    uses.mark(results[0])
    assert not Departure.objects.exists()
    Artifact.objects.update(used_at=ago(35))
    a_round()
    due()
    a_round()
    assert not Run.objects.exists() and not Artifact.objects.exists()
    assert Removal.objects.get().run == run


def test_nothing_goes_that_work_under_way_needs(ann: Account):
    video = recording(ann, 100)
    made = result(video, 40)
    version = factories.video(ann, id=made.pk, artifact=made, origin=video, key=made.key)
    a_round()
    due()
    waiting = factories.job(ann, video=video, source=version, on_result=True)
    a_round()
    assert Artifact.objects.filter(pk=made.pk).exists()
    Job.objects.filter(pk=waiting.pk).update(status=Job.Status.FAILED, finished_at=timezone.now())
    a_round()
    assert not Artifact.objects.filter(pk=made.pk).exists()


def test_a_recording_that_is_worked_on_does_not_go(ann: Account):
    video = recording(ann, 100)
    a_round()
    due()
    factories.job(ann, video=video, status=Job.Status.RUNNING)
    a_round()
    assert Video.objects.filter(pk=video.pk).exists()


def test_it_is_off_by_default(ann: Account, settings: Any):
    settings.KEEP_RESULTS_DAYS = settings.KEEP_ORIGINALS_DAYS = 0
    result(recording(ann, 1000), 1000)
    a_round()
    assert not Departure.objects.exists()


def test_an_account_may_choose_shorter_but_not_longer(ann: Account, settings: Any):
    eve = factories.account("eve@example.org")
    Room.objects.create(owner=ann, results_days=10, originals_days=400)
    assert retention.of(ann) == retention.Kept(10, 60, 0)
    assert retention.of(eve) == retention.Kept(30, 60, 0)
    settings.KEEP_RESULTS_DAYS = settings.KEEP_ORIGINALS_DAYS = 0
    assert retention.of(ann) == retention.Kept(10, 400, 0)
    result(recording(eve, 1000), 1000)
    made = result(recording(ann, 20), 20)
    a_round()
    assert [departure.job for departure in Departure.objects.all()] == [made.job]


def test_the_choice_is_made_on_the_page_and_lists_what_goes(ann: Account, settings: Any):
    settings.KEEP_RESULTS_DAYS = 0
    client = Client()
    client.force_login(ann)
    result(recording(ann, 70, title="Garden"), 40)
    answer = client.post("/account/usage/", {"results": "30", "originals": "0", "caches": "0"})
    assert answer.status_code == 302
    assert retention.chosen(ann) == retention.Kept(30, 0, 0)
    a_round()
    page = client.get("/account/usage/").content.decode()
    assert "of Garden" in page and "Goes on" in page
    assert 'value="30" selected' in page and "For 60 days, as all here" in page
    assert 'value="90"' in page and page.count('value="365"') == 2, "what is longer than the site's is not offered"
    assert client.post("/account/usage/", {"results": "31", "originals": "0", "caches": "0"}).status_code == 422


def test_pages_say_what_goes_and_keep_it(ann: Account):
    video = recording(ann, 100, title="Garden")
    client = Client()
    client.force_login(ann)
    a_round()
    assert "Goes on" in client.get("/").content.decode()
    page = client.get(f"/videos/{video.pk}/").content.decode()
    assert "it is to go on" in page and 'aria-pressed="false"' in page
    client.post(f"/videos/{video.pk}/pin/", {"pinned": "1"})
    page = client.get(f"/videos/{video.pk}/").content.decode()
    assert "it is to go on" not in page and 'aria-pressed="true"' in page
    assert "Goes on" not in client.get("/").content.decode()


def test_one_letter_tells_all_that_goes(ann: Account, settings: Any):
    settings.EMAIL_URL = "smtp://localhost"
    recording(ann, 100, title="Garden")
    result(recording(ann, 100, title="Kitchen"), 40)
    a_round()
    a_round()
    assert not mail.outbox, "the reconciler asks no mail server, which may hang"
    assert outbox.is_due()
    send_letters()
    send_letters()
    (letter,) = mail.outbox
    assert letter.to == [ann.email] and letter.subject == "2 things go soon, unless you use or keep them"
    assert (
        "Garden" in letter.body and "Thumbnails of Kitchen" in letter.body and "trash for another 7 days" in letter.body
    )


def test_a_letter_that_cannot_be_sent_is_tried_again_after_a_while(
    ann: Account, settings: Any, monkeypatch: pytest.MonkeyPatch
):
    settings.EMAIL_URL = "smtp://localhost"
    recording(ann, 100, title="Garden")
    a_round()
    with monkeypatch.context() as broken:
        broken.setattr(mail.EmailMessage, "send", lambda letter: (_ for _ in ()).throw(TimeoutError()))
        send_letters()
    send_letters()
    assert not mail.outbox and not outbox.is_due()
    Departure.objects.update(mail_at=ago(0))
    send_letters()
    assert [letter.subject for letter in mail.outbox] == ["“Garden” goes soon, unless you use or keep it"]
    assert Departure.objects.get().told_at is not None


def test_nobody_is_written_to_of_what_stays_after_all_or_whose_account_is_switched_off(ann: Account, settings: Any):
    settings.EMAIL_URL = "smtp://localhost"
    video = recording(ann, 100)
    a_round()
    Account.objects.update(is_active=False)
    assert not outbox.is_due()
    Account.objects.update(is_active=True)
    uses.pin(video, True)
    going_mail.send_due(ann.pk)
    assert not mail.outbox


def test_a_use_is_written_once_a_day(ann: Account, django_assert_num_queries: Any):
    video = recording(ann, 100)
    uses.mark(video)
    video.refresh_from_db()
    with django_assert_num_queries(0):
        uses.mark(video)
    before = video.used_at
    Video.objects.update(used_at=before - timedelta(days=1.1))
    video.refresh_from_db()
    uses.mark(video)
    video.refresh_from_db()
    assert video.used_at is not None and video.used_at >= before


def test_measurements_go_when_all_whose_they_are_let_them(ann: Account, settings: Any):
    settings.KEEP_RESULTS_DAYS = settings.KEEP_ORIGINALS_DAYS = 0
    settings.KEEP_CACHES_DAYS = 30
    eve = factories.account("eve@example.org")
    for letter, days in (("a", 40), ("b", 10), ("c", 40), ("d", 40)):
        video = recording(ann, days, sha256=letter * 64)
        (storage.cache_dir(video.sha256) / "levels").write_bytes(b"x")
    recording(eve, 1, sha256="c" * 64)
    factories.job(ann, video=recording(ann, 40, sha256="d" * 64), source_sha256="d" * 64)
    a_round()
    assert sorted(folder.name[0] for folder in storage.path("cache").iterdir()) == ["b", "c", "d"]


def test_a_round_is_made_by_one_and_not_too_often(ann: Account):
    recording(ann, 100)
    Install.get()
    Install.objects.update(retained_at=ago(0))
    retention.sweep()
    assert not Departure.objects.exists()


def test_versions_say_when_they_go(ann: Account):
    made = result(recording(ann, 10), 40)
    version = factories.video(ann, id=made.pk, artifact=made, origin=made.job.video, key=made.key)
    a_round()
    found = retention.of_thing(versions.owned(ann, version.pk))
    assert found is not None and found.job == made.job
