from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator

from jobs.admin.base import Watched, link, listing
from jobs.admin.bounded import ErrorFilter, OwnerFilter, QueueFilter
from jobs.engine.model.share import whole_percent
from jobs.errors import JobError
from jobs.models import Artifact, Job
from jobs.operations import registry
from jobs.services import jobs, runs


class OperationFilter(admin.SimpleListFilter):
    """By the operations on offer, so that no query over all jobs is needed to list them."""

    title = parameter_name = "operation"
    field = "operation"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(operation.slug, operation.title) for operation in registry.every()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.field: self.value()}) if self.value() else queryset


class ArtifactInline(admin.TabularInline):
    model = Artifact
    fields = readonly_fields = ("name", "kind", "size", "media_type", "sha256")
    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Job)
class JobAdmin(Watched):
    list_display = (
        "created_at",
        "title",
        "video",
        "owner",
        "state",
        "shown_progress",
        "shown_error",
        "attempt",
    )
    list_display_links = ("created_at", "title")
    list_filter = (
        "status",
        OperationFilter,
        ("owner", OwnerFilter),
        QueueFilter,
        "created_at",
        ErrorFilter,
    )
    list_select_related = ()  # MariaDB may begin with the other table, and sort: they are looked up after
    search_fields = ("video__title", "video__name", "owner__email", "error_message", "worker")
    search_help_text = "Title or file name of the recording, owner, error, worker, or the id of a job."
    ordering = ("-created_at",)
    actions = ("cancel", "retry")
    inlines = (ArtifactInline,)
    fieldsets = (
        (None, {"fields": ("id", "operation", "shown_video", "shown_owner", "params")}),
        (
            "State",
            {"fields": ("state", "shown_progress", "stage", "eta_seconds", "queue", "attempt", "losses", "worker")},
        ),
        ("Error", {"fields": ("error_code", "error_message", "shown_detail")}),
        ("What was run", {"fields": ("shown_commands", "shown_log")}),
        (
            "Times",
            {
                "fields": (
                    "created_at",
                    "queued_at",
                    "started_at",
                    "heartbeat_at",
                    "progress_at",
                    "finished_at",
                    "active_at",
                    "version",
                )
            },
        ),
        ("Others", {"fields": ("shown_after", "shown_retry_of")}),
    )

    @admin.display(description="operation", ordering="operation")
    def title(self, job: Job) -> str:
        return job.operation_title

    @admin.display(description="state", ordering="status")
    def state(self, job: Job) -> str:
        return format_html('<span class="chip {}">{}</span>', job.status, job.get_status_display())

    @admin.display(description="progress", ordering="progress")
    def shown_progress(self, job: Job) -> str:
        percent = whole_percent(job.progress)
        bar = '<progress max="100" value="{}" aria-label="Progress">{} %</progress> {} %'
        return format_html(f'<span class="meter">{bar}</span>', percent, percent, percent)

    @admin.display(description="error")
    def shown_error(self, job: Job) -> str:
        return Truncator(job.error_message).chars(80)

    @admin.display(description="detail")
    def shown_detail(self, job: Job) -> str:
        return listing(job.error_detail)

    @admin.display(description="exact commands")
    def shown_commands(self, job: Job) -> str:
        return listing(job.command_log)

    @admin.display(description="last lines of output")
    def shown_log(self, job: Job) -> str:
        return listing(job.log_tail)

    @admin.display(description="video")
    def shown_video(self, job: Job) -> str:
        return link(job.video)

    @admin.display(description="owner")
    def shown_owner(self, job: Job) -> str:
        return link(job.owner)

    @admin.display(description="waits for")
    def shown_after(self, job: Job) -> str:
        return format_html_join(", ", "{}", ((link(other),) for other in job.after.all())) or "–"

    @admin.display(description="is another try of")
    def shown_retry_of(self, job: Job) -> str:
        return link(job.retry_of)

    @admin.action(description="Cancel selected jobs", permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        count = sum(jobs.cancel(job) for job in queryset)
        self.message_user(request, _told(count, "cancelled"))
        if rest := queryset.count() - count:
            self.message_user(request, _told(rest, "left alone, because they had ended"), messages.WARNING)

    @admin.action(description="Try selected jobs again", permissions=["operate"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        self._each(request, queryset, runs.retry_job, "put in line again")

    def _each(self, request: HttpRequest, queryset: QuerySet[Job], act: Callable[[Job], object], done: str) -> None:
        count = 0
        for job in queryset.select_related("video", "owner"):
            try:
                act(job)
                count += 1
            except JobError as error:
                self.message_user(request, f"{job.pk}: {error.message}", messages.ERROR)
        self.message_user(request, _told(count, done))

    def erase(self, obj: Job) -> None:
        jobs.erase(obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """Without the logs where only the list is drawn: they can be long."""
        found = super().get_queryset(request).prefetch_related("owner", "video")
        return found.defer("command_log", "log_tail", "error_detail")


def _told(count: int, what: str) -> str:
    return f"{count} {'job was' if count == 1 else 'jobs were'} {what}."
