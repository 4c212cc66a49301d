"""What the buttons of a job do."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from jobs.models import Job
from tests import factories
from tests.pages.rows import HTMX, S, artifact, opened, row

pytestmark = pytest.mark.django_db


def test_cancel_leads_back_to_the_page_it_was_on(client, ann):
    job = factories.job(ann)
    address = f"http://testserver{job.video.get_absolute_url()}"
    response = client.post(reverse("job-cancel", args=[job.pk]), HTTP_REFERER=address)
    assert response["Location"] == address
    job.refresh_from_db()
    assert job.status == S.CANCELLED


@pytest.mark.parametrize("path", ["/jobs/", "/jobs/x/", "/jobs", "/jobs/7/cancel/", "/nothing/here", "//", ""])
def test_no_address_that_a_button_came_from_is_an_error(client, ann, path):
    job = factories.job(ann, status=S.FAILED)
    response = client.post(reverse("job-remove", args=[job.pk]), HTTP_REFERER=f"http://testserver{path}")
    assert response.status_code == 302
    assert not Job.objects.exists()


def test_no_button_leads_to_another_site(client, ann):
    job = factories.job(ann)
    response = client.post(reverse("job-cancel", args=[job.pk]), HTTP_REFERER="https://evil.example/")
    assert response["Location"] == "/queue/"


def test_htmx_gets_no_rows_and_asks_for_them(client, ann):
    job = factories.job(ann)
    page = client.post(reverse("job-cancel", args=[job.pk]), **HTMX).content.decode()
    assert 'id="messages"' in page
    assert "<p" not in page


def test_htmx_is_told_why_not(client, ann):
    job = factories.job(ann, status=S.RUNNING)
    page = client.post(reverse("job-retry", args=[job.pk]), **HTMX).content.decode()
    assert "still under way" in page
    assert "still under way" not in client.get(reverse("queue")).content.decode(), "said once"


def test_try_again_makes_a_new_job(client, ann):
    job = factories.job(ann, status=S.FAILED)
    client.post(reverse("job-retry", args=[job.pk]))
    assert Job.objects.get(retry_of=job).status == S.QUEUED


def test_a_result_that_some_browsers_do_not_play_is_made_anew_for_all(client, ann):
    settings = {"version": 1, "threshold_db": -28, "container": "webm"}
    job = factories.job(ann, status=S.SUCCEEDED, operation="silence-cut", params=settings)
    made = {"name": "cut.webm", "key": "artifacts/x/cut.webm", "size": 5, "media_type": "video/webm"}
    job.artifacts.create(kind="video", metadata={"everywhere_seconds": 250}, **made)
    page = opened(client, job)
    assert "about 4 min" in page
    assert reverse("job-everywhere", args=[job.pk]) in page
    client.post(reverse("job-everywhere", args=[job.pk]))
    made = Job.objects.exclude(pk=job.pk).get()
    assert made.operation == "silence-cut"
    assert (made.params["render"], made.params["container"]) == ("encode", "mp4")
    assert made.params["threshold_db"] == -28


def test_work_without_that_choice_says_so(client, ann):
    job = factories.job(ann, status=S.SUCCEEDED)
    page = client.post(reverse("job-everywhere", args=[job.pk]), **HTMX).content.decode()
    assert "no other way" in page
    assert Job.objects.count() == 1


def test_remove_takes_the_job_away_and_leads_to_the_queue(client, ann):
    job = factories.job(ann, status=S.FAILED)
    own_page = f"http://testserver{job.get_absolute_url()}"
    assert client.post(reverse("job-remove", args=[job.pk]), HTTP_REFERER=own_page)["Location"] == "/queue/"
    assert not Job.objects.exists()


def test_a_link_to_removing_asks_first_and_says_what_goes(client, ann):
    job = factories.job(ann, status=S.SUCCEEDED)
    artifact(job)
    artifact(job)
    remove = reverse("job-remove", args=[job.pk])
    page = client.get(remove, HTTP_REFERER="http://testserver/queue/?status=done").content.decode()
    assert "“Thumbnails” of “Weekly review” and its 2 files (9.8 KB) will go to the trash for 7 days." in page
    back = "http://testserver/queue/?status=done"
    assert f'name="back" value="{back}"' in page
    assert client.post(remove, {"back": back}, HTTP_REFERER=f"http://testserver{remove}")["Location"] == back
    assert not Job.objects.exists()


def test_only_work_that_has_run_for_long_is_asked_about(client, ann):
    just = factories.job(ann, status=S.RUNNING)
    long = factories.job(ann, status=S.RUNNING, started_at=timezone.now() - timedelta(minutes=5))
    assert f'formaction="{reverse("job-cancel", args=[just.pk])}"' in row(just)
    assert f'hx-get="{reverse("job-cancel", args=[long.pk])}"' in row(long)
    assert "It has run for 5 min" in client.get(reverse("job-cancel", args=[long.pk])).content.decode()


@pytest.mark.parametrize("back", ["https://evil.example/", "/jobs/7/remove/", "javascript:alert(1)"])
def test_a_question_leads_back_into_this_site_only(client, ann, back):
    job = factories.job(ann, status=S.FAILED)
    response = client.post(reverse("job-remove", args=[job.pk]), {"back": back})
    assert response["Location"] in ("/queue/", back if back.startswith("/") else "")


@pytest.mark.parametrize("name", ["job-remove", "job-retry"])
def test_a_job_under_way_is_neither_removed_nor_doubled(client, ann, name):
    job = factories.job(ann, status=S.RUNNING)
    page = client.post(reverse(name, args=[job.pk]), follow=True).content.decode()
    assert "still under way" in page
    assert Job.objects.count() == 1
