from datetime import timedelta
from typing import Any

from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Q, Sum
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs import storage
from jobs.auth.requests import MemberRequest
from jobs.models import Account, Artifact, Image, Job, Video
from jobs.operations import registry
from jobs.views.members import member


@member
@require_safe
def stats(request: MemberRequest) -> HttpResponse:
    """What the signed-in person has there, and how their work went."""
    return render(request, "stats.html", figures(request.user))


def figures(owner: Account) -> dict[str, Any]:
    videos = (
        Video.objects.of(owner)
        .uploaded()
        .aggregate(recordings=Count("pk"), length=Sum("duration_seconds"), size=Sum("size"))
    )
    images = Image.objects.of(owner).aggregate(size=Sum("size"))["size"] or 0
    results = Artifact.objects.of(owner).aggregate(size=Sum("size"))["size"] or 0
    return {
        "recordings": videos["recordings"],
        "length": videos["length"] or 0,
        "bytes": (videos["size"] or 0) + results + images,
        "free": storage.free_bytes(),
        "operations": by_operation(owner),
    }


def by_operation(owner: Account) -> list[dict[str, Any]]:
    """For each kind of work that was ended: how often it went well or failed, and its mean run time in seconds."""
    took = ExpressionWrapper(F("finished_at") - F("started_at"), output_field=DurationField())
    well = Q(status=Job.Status.SUCCEEDED)
    rows = (
        Job.objects.of(owner)
        .filter(status__in=[Job.Status.SUCCEEDED, Job.Status.FAILED])
        .order_by("operation")
        .values("operation")
        .annotate(done=Count("pk", filter=well), failed=Count("pk", filter=~well), took=Avg(took, filter=well))
    )
    return [{**row, "title": registry.title(row["operation"]), "seconds": seconds(row["took"])} for row in rows]


def seconds(took: timedelta | None) -> float | None:
    return None if took is None else took.total_seconds()
