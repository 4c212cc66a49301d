"""The page of a recording that is still to come from an address."""

import pytest
from django.urls import reverse
from django.utils import timezone

from jobs.models import Import

pytestmark = pytest.mark.django_db


def coming(owner, **fields) -> Import:
    values = {
        "url": "https://example.org/talk.mp4",
        "received_bytes": 12 << 20,
        "size_bytes": 640 << 20,
        "queued_at": timezone.now(),
        "due_at": timezone.now(),
    }
    return Import.objects.create(owner=owner, **{**values, **fields})


def test_it_says_how_far_it_is_and_can_be_called_off(client, ann):
    row = coming(ann, status=Import.Status.RUNNING)
    page = client.get(reverse("video", args=[row.pk])).content.decode()
    assert "It is on its way" in page
    assert "12 MB of 640 MB" in page
    assert reverse("import-cancel", args=[row.pk]) in page


def test_one_that_failed_says_why_and_can_be_tried_again(client, ann):
    row = coming(ann, status=Import.Status.FAILED, error_message="example.org does not answer.")
    page = client.get(reverse("video", args=[row.pk])).content.decode()
    assert "example.org does not answer." in page
    assert reverse("import-retry", args=[row.pk]) in page


def test_what_comes_for_somebody_else_has_no_page(client, ann, eve):
    row = coming(eve, status=Import.Status.RUNNING)
    assert client.get(reverse("video", args=[row.pk])).status_code == 404


def test_one_that_was_called_off_has_none(client, ann):
    row = coming(ann, status=Import.Status.CANCELLED)
    assert client.get(reverse("video", args=[row.pk])).status_code == 404
