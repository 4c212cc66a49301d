"""Recordings to upload."""

import pytest

from tests.browser.uploads.page import opened


@pytest.fixture
def library(new_page, site, client):
    """With its drop bar open."""
    page = new_page(site, client)
    page.goto("/")
    opened(page)
    return page
