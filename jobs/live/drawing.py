"""The markup of rows, kept while it stays the same: what has ended is drawn once for all pages and pushes."""

import secrets
from collections.abc import Hashable

from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from jobs.live.listed import Row
from jobs.live.rows import flow_of, stamp
from jobs.models import Job
from videoservice.kept import Kept

STAND_IN = secrets.token_hex(16)
"""Stands in kept markup for the CSRF token, which is another one in each page. Nobody can have named anything so."""
KEPT = Kept(texts=2000, letters=16 * 1024**2)
"""Rows of this process, of a few KB each."""


def draw(row: Row, token: str = "") -> SafeString:
    """The markup of a row that has been filled (`rows.filled`), with forms for this CSRF token; without one for pages
    that send it by themselves."""
    key = None if row.is_active else (looks(row), bool(token))
    found = key and KEPT.find(key)
    if found is None:
        found = _drawn(row, STAND_IN if token else "")
        if key:
            KEPT.keep(key, found)
    return mark_safe(found.replace(STAND_IN, escape(token)) if token else found)  # noqa: S308 drawn by templates


def looks(row: Row) -> Hashable:
    """All that the markup of a row that has ended depends on."""
    if isinstance(row, Job):
        return row.pk, stamp(row), row.source_id, facts(row)
    return row.pk, row.status, stamp(row), *(facts(link.job) for link in flow_of(row).links if link.job)


def facts(job: Job) -> Hashable:
    """Files may go, get lost, or be edited without a change of the job."""
    files = ((one.pk, one.size, one.sha256, one.missing_since is not None) for one in job.artifacts.all())
    return job.pk, job.dropped_at, job.source and job.source.poster, *files


def _drawn(row: Row, token: str) -> str:
    name, called = ("jobs/_row.html", "job") if isinstance(row, Job) else ("jobs/_run.html", "run")
    return render_to_string(name, {called: row, **({"csrf_token": token} if token else {})})
