"""What is answered before, or in the place of, a page of the site."""

import json
import re

import pytest
from django.conf import settings
from django.test import Client

from videoservice import refusals
from videoservice.refusals import Refusal

NGINX = settings.BASE_DIR / "deploy" / "nginx"
ALL = [one for one in vars(refusals).values() if isinstance(one, Refusal)]


def test_nginx_says_of_a_web_that_is_away_what_the_site_would_say_itself():
    assert (NGINX / "away.html").read_text() == refusals.NO_WEB.page
    assert json.loads((NGINX / "away.json").read_text()) == refusals.NO_WEB.envelope


@pytest.mark.parametrize("refusal", ALL, ids=lambda one: one.code)
def test_a_refusal_has_the_colours_of_the_site_and_a_way_on(refusal):
    colour = re.compile(r"#[0-9a-f]{6}")
    assert set(colour.findall(refusal.page)) <= set(colour.findall((settings.BASE_DIR / "static/app.css").read_text()))
    assert 'href="/">Go to the library</a>' in refusal.page
    assert ('href="">Try again</a>' in refusal.page) == refusal.again


@pytest.mark.django_db
def test_a_link_to_what_only_takes_forms_leads_to_a_page_that_says_so():
    browser = Client(headers={"Accept": "text/html"})
    answer = browser.get("/notices/browsers")
    assert (answer.status_code, answer.headers["Content-Type"]) == (405, "text/html; charset=utf-8")
    assert "press the button there" in answer.content.decode()
    assert answer.headers["Allow"] == "POST"
    assert Client().get("/notices/browsers").content == b""
