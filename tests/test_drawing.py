"""Rows that have ended are drawn once, until something of them looks different."""

from datetime import UTC, datetime

import pytest
from django.db.models.functions import Now

from jobs.live import drawing, rows
from jobs.live.view import View
from jobs.models import Account, Artifact, Job, Video
from jobs.services import trash
from tests import factories
from videoservice.kept import Kept

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
S = Job.Status


@pytest.fixture
def job():
    drawing.KEPT.clear()
    job = factories.job(status=S.SUCCEEDED)
    for number in range(2):
        fields = {"kind": "image", "name": f"{number}.jpg", "key": "none", "size": 5, "media_type": "image/jpeg"}
        Artifact.objects.create(job=job, sha256="0", **fields)
    return job


@pytest.fixture
def drawn(monkeypatch):
    """How often a row was drawn anew."""
    found, draw = [], drawing._drawn
    monkeypatch.setattr(drawing, "_drawn", lambda *given: found.append(given) or draw(*given))
    return found


def markup(job, view="queue"):
    (row,) = (one for one in rows.of_view(job.owner, View(view, job=str(job.pk))) if one.pk == job.pk)
    return drawing.draw(row)


def test_a_row_that_has_ended_is_drawn_once(job, drawn):
    assert markup(job) == markup(job)
    assert len(drawn) == 1


def test_a_row_under_way_is_drawn_each_time(drawn):
    job = factories.job(status=S.RUNNING)
    markup(job), markup(job)
    assert len(drawn) == 2


def test_no_row_holds_a_token_that_is_another_one_on_each_page(job):
    assert "csrfmiddlewaretoken" not in markup(job)


def test_times_are_those_of_the_owner_s_clock(drawn):
    at = datetime(2026, 11, 28, 22, 5, tzinfo=UTC)
    job = factories.job(status=S.FAILED, finished_at=at)
    assert "22:05" in markup(job)
    Account.objects.update(time_zone="Asia/Tokyo")
    job.owner.refresh_from_db()
    assert "07:05" in markup(job)
    assert len(drawn) == 2


def test_the_row_on_its_own_page_is_another_one(job):
    assert "Choose Weekly review" in markup(job)
    assert "Choose Weekly review" not in markup(job, "job")


@pytest.mark.parametrize(
    "change",
    [
        lambda job: Video.objects.update(title="Another"),
        lambda job: Video.objects.update(poster="videos/none/poster-2.jpg"),
        lambda job: Artifact.objects.filter(name="0.jpg").update(missing_since=Now()),
        lambda job: Artifact.objects.filter(name="0.jpg").delete(),
        lambda job: trash.remove(Artifact.objects.get(name="0.jpg")),
        lambda job: Artifact.objects.filter(name="0.jpg").update(size=5000),
    ],
    ids=["title", "poster", "lost", "deleted", "trash", "edited"],
)
def test_whatever_looks_different_is_drawn_anew(job, change):
    before = markup(job)
    change(job)
    assert markup(job) != before


def test_no_more_rows_are_kept_than_fit(job, monkeypatch):
    monkeypatch.setattr(drawing, "KEPT", Kept(texts=3, letters=10**6))
    for _ in range(5):
        markup(factories.job(job.owner, status=S.CANCELLED))
    assert len(drawing.KEPT) == 3


def test_the_queue_s_page_draws_rows_with_forms_that_it_may_send(client, job):
    client.force_login(job.owner)
    client.handler.enforce_csrf_checks = True
    for _ in range(2):
        page = client.get("/queue/").content.decode()
        token = page.split('csrfmiddlewaretoken" value="')[1].split('"')[0]
        answer = client.post(f"/jobs/{job.pk}/retry/", {"csrfmiddlewaretoken": token})
        assert answer.status_code == 302
