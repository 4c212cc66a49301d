"""What holds for every template."""

import re

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import Client


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "429", "500"])
def test_error_pages_need_nothing_to_be_shown(name):
    assert "app.css" in render_to_string(f"{name}.html")


@pytest.mark.django_db
def test_who_is_signed_in_finds_the_pages_of_the_site_on_an_error_too(client, ann):
    address, bar = "/nothing/here", 'aria-label="Pages"'
    assert bar in client.get(address).content.decode()
    assert bar not in Client().get(address).content.decode()
    assert bar not in render_to_string("500.html")


TEMPLATES = sorted(
    path
    for path in (settings.BASE_DIR / "templates").rglob("*.html")
    if path.parts[-2] not in ("email", "mail") and not {"admin", "ninja"} & {*path.parts}
)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_keep_to_the_content_security_policy(path):
    text = path.read_text()
    assert not re.search(r"\sstyle=|<style|javascript:|\son[a-z]+=", text)
    for script in re.findall(r"<script[^>]*>", text):
        assert "src=" in script


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_nobody_is_shouted_at(path):
    words = re.sub(r"{%.*?%}|{{.*?}}|<[^>]*>", " ", path.read_text(), flags=re.DOTALL)
    assert "!" not in words
    assert "Oops" not in words
