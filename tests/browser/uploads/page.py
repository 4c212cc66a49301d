"""What tests of the upload form share."""

from jobs.models import Account

SLOW = 60_000
"""Milliseconds; a piece of 8 MiB takes seconds through the test's own hands on a busy machine."""


def mine(site, email, model):
    with site.orm():
        return list(model.objects.of(Account.objects.get(email=email)))


def opened(page):
    """Open the drop bar, if it is not."""
    page.locator("#drop-more").evaluate("bar => bar.open") or page.locator("#drop-more > summary b:visible").click()


def tick(page):
    """Choose by ticks, which stand in the opened bar from now on."""
    opened(page)
    page.locator("[name=pipeline][value='']").check()


def untick_all(page):
    tick(page)
    for box in page.locator(".tick input").all():
        box.uncheck()


def offsets(page):
    """The offsets of all pieces that the page sends from now on."""
    sent = []
    page.on("request", lambda request: request.method == "PATCH" and sent.append(int(request.headers["upload-offset"])))
    return sent
