"""Addresses of letters in the site's own log."""

import logging
import logging.config

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db
NAMES = {
    "invitation": ["secret"],
    "account_confirm_email": ["secret"],
    "account_reset_password_from_key": ["1", "secret"],
}


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What goes through the filters of the console."""
    made = logging.config.DictConfigurator(settings.LOGGING)
    for name in settings.LOGGING["handlers"]["console"]["filters"]:
        caplog.handler.addFilter(made.configure_filter(settings.LOGGING["filters"][name]))
    return caplog


@pytest.mark.parametrize("name", NAMES)
def test_a_request_that_failed_is_told_without_the_secret_of_its_address(name: str, log: pytest.LogCaptureFixture):
    path = reverse(name, args=NAMES[name])
    assert Client(enforce_csrf_checks=True).post(path).status_code == 403
    (line,) = [record.getMessage() for record in log.records if record.name.startswith("django.")]
    assert line.endswith(path.replace("1-secret", "-").replace("secret", "-"))
    assert "secret" not in log.text


def test_other_addresses_are_told_whole(log: pytest.LogCaptureFixture):
    Client().get("/nowhere/secret/")
    assert "/nowhere/secret/" in log.text
