"""Who gets into the admin, and where all others are led."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/admin/", "/admin/jobs/job/", "/admin/django_rq/", "/admin/login/"])
def test_nobody_is_sent_to_the_sign_in_page_of_the_site(path):
    response = Client().get(path, follow=True)
    last = urlsplit(response.redirect_chain[-1][0])
    assert (last.path, response.status_code) == ("/accounts/login/", 200)
    assert parse_qs(last.query)["next"]


def test_the_admins_own_form_takes_no_passwords(operator):
    response = Client().post("/admin/login/", {"username": operator.email, "password": "correct horse battery"})
    assert (response.status_code, urlsplit(response.headers["Location"]).path) == (302, "/accounts/login/")


@pytest.mark.parametrize("path", ["/admin/login/", "/admin/login/?next=/admin/jobs/job/"])
def test_others_are_refused(ann, path):
    client = Client()
    client.force_login(ann)
    assert client.get(path).status_code == 403


@pytest.mark.parametrize("path", ["/admin/", "/admin/jobs/job/", "/admin/jobs/video/", "/admin/django_rq/"])
def test_others_see_nothing_of_it(ann, path):
    client = Client()
    client.force_login(ann)
    response = client.get(path)
    assert (response.status_code, response.content) == (302, b"")


def test_an_operator_is_led_onwards_but_never_away(admin_client):
    assert admin_client.get("/admin/login/?next=/admin/jobs/job/").headers["Location"] == "/admin/jobs/job/"
    assert admin_client.get("/admin/login/?next=https://evil.example/").headers["Location"] == "/admin/"
