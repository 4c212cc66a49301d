"""Which work this process knows: during an upgrade, jobs of a newer version wait for a worker that knows them.

A job carries the shape of its parameters: their version and names. What has the shape that we write ourselves is known;
of another one the parameters are looked at, which older ones pass. A worker that meets the others in line marks them,
once for each shape, and leaves them; who knows them takes them, mark or not.
"""

import dataclasses
import datetime
import functools
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Min, Q, QuerySet
from django.db.models.functions import Now

from jobs import publish
from jobs.errors import InputError
from jobs.models import Job
from jobs.operations import registry

WAITS = "Waits for a worker of another version, which knows this kind of work"
"""The stage of a job in line that a worker has left for others."""
LONG = datetime.timedelta(minutes=10)
"""After which operators are told."""
GIVEN_UP = datetime.timedelta(days=1)
"""After which nobody is taken to come who knows it: that kind of work was taken out."""


class Kind(NamedTuple):
    """What jobs are recognised by: their operation, and the shape of their parameters ("" if an older version made
    them)."""

    operation: str
    shape: str

    @property
    def rows(self) -> Q:
        return Q(operation=self.operation, params_shape=self.shape)


def shape_of(operation: str, params: Mapping[str, Any]) -> str:
    """A short name for the version and the names of these stored parameters."""
    names = sorted(name for name in params if name != "version")
    return hashlib.sha256(f"{operation} {params.get('version')} {names}".encode()).hexdigest()[:16]


@functools.cache
def _own() -> frozenset[Kind]:
    found = set()
    for operation in registry.every():
        params = dict.fromkeys(_names(operation.params_class)) | {"version": operation.params_class.VERSION}
        found.add(Kind(operation.slug, shape_of(operation.slug, params)))
    return frozenset(found)


def knows(operation: str, params: Mapping[str, Any]) -> bool:
    """Whether this process can do what such stored parameters ask for."""
    try:
        known = registry.get(operation).params_class
    except KeyError:
        return False
    return params.keys() - {"version"} <= _names(known) and int(params.get("version") or 0) <= known.VERSION


def _names(params_class: type[Any]) -> set[str]:
    return {field.name for field in dataclasses.fields(params_class)}


def strange(jobs: Iterable[tuple[UUID, Kind]]) -> set[Kind]:
    """Those kinds among these jobs that this process does not know."""
    others = {pk: kind for pk, kind in jobs if kind not in _own()}
    if not others:
        return set()
    rows = Job.with_trash.filter(pk__in=others).order_by().values_list("pk", "operation", "params")
    return {others[pk] for pk, operation, params in rows if not knows(operation, params)}


def leave(queue: str, kinds: Iterable[Kind]) -> None:
    """Mark the jobs of these kinds in a queue, as nothing else tells their owners why they wait."""
    for kind in kinds:
        rows = in_line().filter(kind.rows, queue=queue).exclude(stage=WAITS)
        owners = list(rows.values_list("owner_id", flat=True).distinct())
        if owners and rows.update(stage=WAITS, changed_at=Now()):
            transaction.on_commit(functools.partial(publish.tell, owners))


def in_line() -> "QuerySet[Job]":
    return Job.with_trash.filter(status=Job.Status.QUEUED).order_by()


def left() -> "QuerySet[Job]":
    """Jobs that a worker did not know."""
    return in_line().filter(stage=WAITS)


def give_up() -> None:
    """End what has waited so long that nobody will come who knows it. Part of the reconciler's round."""
    from jobs.services import lifecycle  # which puts jobs in line, and so knows of the line

    for job in left().filter(changed_at__lt=Now() - GIVEN_UP)[:100]:
        if not knows(job.operation, job.params) and job.fail(
            InputError(
                "No worker knows this kind of work any more. Choose another.",
                detail=f"{job.operation} {sorted(job.params)}",
                code="unknown_operation",
            )
        ):
            lifecycle.ended(job)


def troubles() -> list[str]:
    """What operators have to know, as sentences."""
    rows = left().filter(changed_at__lt=Now() - LONG).values("operation")
    minutes = LONG // datetime.timedelta(minutes=1)
    return [
        f"{'1 job' if row['count'] == 1 else str(row['count']) + ' jobs'} of “{registry.title(row['operation'])}” "
        f"{'has' if row['count'] == 1 else 'have'} waited for more than {minutes} minutes for a worker that knows that "
        "work. Upgrade the workers, or cancel it."
        for row in rows.annotate(count=Count("pk"), since=Min("changed_at")).order_by("since")
    ]
