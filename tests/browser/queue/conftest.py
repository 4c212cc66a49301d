"""Jobs, and pages that show them live."""

import pytest
from playwright.sync_api import expect

from tests.browser.queue.rows import Desk


@pytest.fixture
def desk(site, client, email):
    return Desk(site, client, email)


@pytest.fixture
def queue(new_page, site, client, desk):
    """Opens the queue in a tab and waits until it is live."""

    def open_queue(address="/queue/"):
        page = new_page(site, client, viewport={"width": 1280, "height": 900})
        page.goto(address)
        expect(page.locator("#live")).to_have_text("Live")
        return page

    return open_queue
