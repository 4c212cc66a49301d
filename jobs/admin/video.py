import json
from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from jobs.admin.base import Watched, length, link, listing, size
from jobs.admin.bounded import OwnerFilter, of_each
from jobs.models import Job, Video
from jobs.services import videos


@admin.register(Video)
class VideoAdmin(Watched):
    """Only the title can be changed: all else follows from the bytes."""

    list_display = ("title", "owner", "kind", "shown_length", "shown_size", "job_count", "created_at")
    list_filter = ("kind", ("owner", OwnerFilter), "jobs__status", "created_at")
    list_select_related = ()
    search_fields = ("title", "name", "owner__email", "sha256")
    search_help_text = "Title, file name, owner, hash of the bytes, or the id of a recording."
    ordering = ("-created_at",)
    fieldsets = (
        (None, {"fields": ("id", "title", "name", "shown_owner", "created_at")}),
        ("File", {"fields": ("kind", "shown_length", "shown_size", "sha256", "key", "poster", "shown_details")}),
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_operate_permission(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [name for name in super().get_readonly_fields(request, obj) if name != "title"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Video]:
        return (
            super()
            .get_queryset(request)
            .prefetch_related("owner")
            .annotate(jobs_here=of_each(Job.with_trash, "video", Count("pk")))
        )

    @admin.display(description="jobs", ordering="jobs_here")
    def job_count(self, video: Video) -> int:
        return int(video.jobs_here)  # type: ignore[attr-defined]

    @admin.display(description="length", ordering="duration_seconds")
    def shown_length(self, video: Video) -> str:
        return length(video.duration_seconds)

    @admin.display(description="size", ordering="size")
    def shown_size(self, video: Video) -> str:
        return size(video.size)

    @admin.display(description="owner")
    def shown_owner(self, video: Video) -> str:
        return link(video.owner)

    @admin.display(description="what probing found")
    def shown_details(self, video: Video) -> str:
        return listing(json.dumps(video.details, indent=2, ensure_ascii=False))

    def erase(self, obj: Video) -> None:
        videos.delete(obj)
