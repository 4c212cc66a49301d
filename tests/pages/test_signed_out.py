"""Who is signed out in the middle of something comes back to it after signing in again."""

import pytest
from django.urls import reverse

from jobs.models import Job
from tests import factories
from tests.pages.rows import HTMX, S

pytestmark = pytest.mark.django_db


def sign_in_again(client, response):
    """Whoever was led to the sign-in by this answer signs in: the page they come back to."""
    assert response["Location"].startswith("/accounts/login/?next=")
    back = client.post(response["Location"], {"login": "ann@example.org", "password": "correct horse battery"})
    return client.get(back["Location"])


def test_settings_come_back_after_signing_in_again(client, ann):
    video = factories.video(ann)
    client.logout()
    values = {"operations": "thumbnails", "thumbnails-mode": "even", "thumbnails-count": "17"}
    page = sign_in_again(client, client.post(reverse("video-run", args=[video.pk]), values)).content.decode()
    assert 'value="17"' in page
    assert "What you had entered is still here" in page
    assert not Job.objects.exists()
    assert 'value="17"' not in client.get(video.get_absolute_url()).content.decode(), "only once"


def test_a_name_comes_back_after_signing_in_again(client, ann):
    video = factories.video(ann)
    client.logout()
    page = sign_in_again(client, client.post(reverse("video-title", args=[video.pk]), {"title": "Tuesday"}))
    assert 'value="Tuesday"' in page.content.decode()
    video.refresh_from_db()
    assert video.title == "Weekly review"


def test_the_upload_forms_settings_come_back_after_signing_in_again(client, ann):
    client.logout()
    values = {"operations": "silence-cut", "silence-cut-margin_before_ms": "345"}
    assert 'value="345"' in sign_in_again(client, client.post("/submit/", values)).content.decode()


def test_what_is_too_long_to_be_carried_is_left_behind(client, ann):
    video = factories.video(ann)
    client.logout()
    response = client.post(reverse("video-title", args=[video.pk]), {"title": "".join(map(chr, range(300, 9000)))})
    assert client.get(sign_in_again(client, response).request["PATH_INFO"]).status_code == 200
    assert "typed" not in response.cookies


def test_a_button_without_fields_has_nothing_to_bring_back(client, ann):
    video = factories.video(ann)
    client.logout()
    page = sign_in_again(client, client.post(reverse("video-poster-back", args=[video.pk])))
    assert page.request["PATH_INFO"] == video.get_absolute_url()
    assert "What you had entered" not in page.content.decode()


def test_what_somebody_made_up_is_not_filled_in(client, ann):
    video = factories.video(ann)
    client.cookies["typed"] = "WyIvIiwiIl0:1vPk:made-up"
    assert client.get(video.get_absolute_url()).status_code == 200


@pytest.mark.parametrize("name", ["job-cancel", "job-remove", "job-retry", "job-everywhere"])
def test_a_page_that_is_still_open_is_told_and_not_replaced(client, ann, name):
    job = factories.job(ann)
    client.logout()
    response = client.post(reverse(name, args=[job.pk]), **HTMX)
    assert response.status_code == 401
    assert client.get("/", **HTMX).status_code == 401


def test_the_pages_ask_for_the_token_of_a_form(ann):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ann)
    job = factories.job(ann)
    assert strict.post(reverse("job-cancel", args=[job.pk])).status_code == 403
    job.refresh_from_db()
    assert job.status == S.QUEUED
