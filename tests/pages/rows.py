"""What tests of pages share."""

import re
from html import unescape

from django.urls import reverse

from jobs.live import markup, rows
from jobs.live.view import View
from jobs.models import Artifact, Job

S = Job.Status
HTMX = {"HTTP_HX_REQUEST": "true"}


def artifact(job, kind="image", **fields):
    values = {"name": "one.jpg", "key": "artifacts/none", "size": 5000, "media_type": "image/jpeg", "sha256": "0" * 64}
    return Artifact.objects.create(job=job, kind=kind, **{**values, **fields})


def row(job):
    """As the queue shows it."""
    (shown,) = (one for one in rows.of_view(job.owner, View("queue")) if one.pk == job.pk)
    return markup.render_row(shown)


def opened(client, row):
    """What a row of the queue opens."""
    return client.get(reverse("queue-results", args=[row.pk])).content.decode()


def link(page, rel, path="/"):
    """The address that a page gives for the next or the previous part of its list."""
    (found,) = re.findall(rf'<a[^>]* rel="{rel}"[^>]*href="([^"]*)"', page)
    return path + unescape(found)
