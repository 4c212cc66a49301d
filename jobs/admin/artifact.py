import json

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from jobs import publish, storage
from jobs.admin.base import Watched, link, listing, size
from jobs.admin.bounded import OwnerFilter
from jobs.admin.job import OperationFilter as JobOperationFilter
from jobs.models import Artifact


class OperationFilter(JobOperationFilter):
    field = "job__operation"


@admin.register(Artifact)
class ArtifactAdmin(Watched):
    list_display = ("name", "kind", "job", "owner", "shown_size", "media_type", "created_at")
    list_filter = ("kind", OperationFilter, ("job__owner", OwnerFilter), "created_at")
    list_select_related = ()
    search_fields = ("name", "job__owner__email", "job__video__title", "sha256")
    search_help_text = "Name, owner, title of the recording, hash of the bytes, or the id of a result."
    ordering = ("-created_at",)
    fieldsets = (
        (None, {"fields": ("id", "name", "kind", "shown_job", "owner", "position", "created_at")}),
        ("File", {"fields": ("shown_size", "media_type", "sha256", "key", "shown_metadata")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Artifact]:
        return super().get_queryset(request).prefetch_related("job__owner")

    @admin.display(description="owner", ordering="job__owner__email")
    def owner(self, artifact: Artifact) -> str:
        return link(artifact.job.owner)

    @admin.display(description="job")
    def shown_job(self, artifact: Artifact) -> str:
        return link(artifact.job)

    @admin.display(description="size", ordering="size")
    def shown_size(self, artifact: Artifact) -> str:
        return size(artifact.size)

    @admin.display(description="metadata")
    def shown_metadata(self, artifact: Artifact) -> str:
        return listing(json.dumps(artifact.metadata, indent=2, ensure_ascii=False))

    def erase(self, obj: Artifact) -> None:
        key, owner_id = obj.key, obj.job.owner_id
        obj.delete()
        storage.delete(key)
        publish.tell([owner_id])
