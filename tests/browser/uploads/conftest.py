"""Recordings to upload."""

import pytest


@pytest.fixture
def library(new_page, site, client):
    page = new_page(site, client)
    page.goto("/")
    return page
