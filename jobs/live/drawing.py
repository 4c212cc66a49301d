"""The markup of rows, kept while it stays the same: what has ended is drawn once for all pages and pushes."""

import re
from collections.abc import Hashable

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from jobs import preferences
from jobs.live.listed import Row
from jobs.live.rows import flow_of, stamp
from jobs.models import Job
from videoservice.kept import Kept

SPACE = re.compile(r"\s\s+")
"""Keeps templates readable, and is half of what they give."""
KEPT = Kept(texts=2000, letters=16 * 1024**2)
"""Rows of this process, of a few KB each."""


def draw(row: Row) -> SafeString:
    """The markup of a row that has been filled (`rows.filled`), with times as its owner reads them."""
    key = None if row.is_active else looks(row)
    found = key and KEPT.find(key)
    if found is None:
        found = _drawn(row)
        if key:
            KEPT.keep(key, found)
    return mark_safe(str(found))  # noqa: S308 drawn by templates


def looks(row: Row) -> Hashable:
    """All that the markup of a row that has ended depends on."""
    read_by = row.owner.time_zone, row.owner.dates, getattr(row, "alone", False)
    if isinstance(row, Job):
        return read_by, row.pk, stamp(row), row.source_id, facts(row)
    return read_by, row.pk, row.status, stamp(row), *(facts(link.job) for link in flow_of(row).links if link.job)


def facts(job: Job) -> Hashable:
    """Files may go, get lost, or be edited without a change of the job."""
    files = ((one.pk, one.size, one.sha256, one.missing_since is not None) for one in job.artifacts.all())
    return job.pk, job.dropped_at, job.source and job.source.poster, *files


def _drawn(row: Row) -> str:
    name, called = ("jobs/_row.html", "job") if isinstance(row, Job) else ("jobs/_run.html", "run")
    with preferences.of(row.owner):
        return SPACE.sub(" ", render_to_string(name, {called: row})).strip()
