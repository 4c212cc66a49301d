"""What tests of pages share."""

import re
from html import unescape

from jobs.live import markup, rows
from jobs.live.view import View
from jobs.models import Artifact, Job

S = Job.Status
HTMX = {"HTTP_HX_REQUEST": "true"}


def artifact(job, kind="image", **fields):
    values = {"name": "one.jpg", "key": "artifacts/none", "size": 5000, "media_type": "image/jpeg", "sha256": "0" * 64}
    return Artifact.objects.create(job=job, kind=kind, **{**values, **fields})


def row(job):
    (shown,) = rows.of_view(job.owner, View("job", job=str(job.pk)))
    return markup.render_row(shown)


def link(page, rel, path="/"):
    """The address that a page gives for the next or the previous part of its list."""
    (found,) = re.findall(rf'<a[^>]* rel="{rel}"[^>]*href="([^"]*)"', page)
    return path + unescape(found)
