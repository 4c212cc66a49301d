"""The small silent loops of recordings, which the library plays on their cards."""

from typing import Any

from django.db.models import OuterRef, Subquery

from jobs.models import Artifact


def newest_of_each() -> Any:
    """For annotating recordings: the id of their newest loop that browsers play, None without one."""
    loops = Artifact.objects.filter(
        job__video=OuterRef("pk"),
        job__on_result=False,
        job__operation="preview",
        kind=Artifact.Kind.VIDEO,
        metadata__preview="loop",
    )
    return Subquery(loops.order_by("-created_at").values("pk")[:1])
