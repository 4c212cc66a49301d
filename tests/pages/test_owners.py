"""Whose pages are whose: nobody sees or changes what belongs to others."""

import pytest
from django.urls import reverse

from jobs.models import Job, Video
from tests import factories
from tests.pages.rows import S

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("address", ["/", "/queue/", "/queue/rows/", "/stats/"])
def test_nobody_gets_no_page(client, address):
    response = client.get(address)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("name", ["video", "video-delete", "video-results", "job"])
def test_pages_of_others_do_not_exist(client, ann, eve, name):
    hers = factories.job(eve)
    pk = hers.pk if name == "job" else hers.video_id
    assert client.get(reverse(name, args=[pk])).status_code == 404


@pytest.mark.parametrize(
    "name",
    [
        "video-delete",
        "video-run",
        "video-title",
        "video-keep",
        "job-cancel",
        "job-retry",
        "job-everywhere",
        "job-remove",
    ],
)
def test_nobody_changes_what_belongs_to_others(client, ann, eve, name):
    hers = factories.job(eve, status=S.RUNNING)
    before = Job.objects.filter(pk=hers.pk).values().get()
    pk = hers.pk if name.startswith("job") else hers.video_id
    assert client.post(reverse(name, args=[pk]), {"title": "mine now"}).status_code == 404
    client.logout()
    assert client.post(reverse(name, args=[pk])).status_code == 302
    assert Job.objects.filter(pk=hers.pk).values().get() == before
    assert Video.objects.get(pk=hers.video_id).title == "Weekly review"
    assert Job.objects.count() == 1


@pytest.mark.parametrize(
    "name",
    [
        "video-run",
        "video-title",
        "video-delete",
        "video-poster-back",
        "video-keep",
        "job-cancel",
        "job-retry",
        "job-everywhere",
        "job-remove",
    ],
)
def test_looking_changes_nothing_and_leads_to_a_page(client, ann, name):
    job = factories.job(ann)
    before = Job.objects.values().get()
    pk = job.pk if name.startswith("job") else job.video_id
    assert client.get(reverse(name, args=[pk]), follow=True).status_code == 200
    assert Job.objects.values().get() == before


def test_looking_at_where_the_upload_form_goes_leads_to_the_library(client, ann):
    assert client.get("/submit/")["Location"] == "/"
