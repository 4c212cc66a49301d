"""What the admin pages have in common."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.admin.bounded import BoundedPaginator
from jobs.errors import JobError


class Watched(admin.ModelAdmin):
    """Rows that the service makes and that are only looked at here, or deleted together with their files.

    There is no date hierarchy: on MariaDB it needs time zone tables that few servers have loaded.
    """

    show_full_result_count = False
    paginator = BoundedPaginator
    list_per_page = 50
    view_on_site = False  # the pages are their owner's alone

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [name for _, options in self.get_fieldsets(request, obj) for name in options["fields"]]  # type: ignore[misc]

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """For actions other than deleting: cancel, try again."""
        return request.user.is_active and request.user.is_superuser

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """An id in whatever way of writing finds its row; databases keep it without hyphens."""
        try:
            return queryset.filter(pk=UUID(search_term.strip())), False
        except (ValueError, TypeError):
            return super().get_search_results(request, queryset, search_term)

    def erase(self, obj: Any) -> None:
        """Delete it with all that belongs to it outside of the database."""
        raise NotImplementedError

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.erase_all(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self.erase_all(request, queryset)

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: Any) -> HttpResponse:
        """Say that it is gone only if it is."""
        if self.get_queryset(request).filter(pk=obj_id).exists():
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        return super().response_delete(request, obj_display, obj_id)

    def erase_all(self, request: HttpRequest, objects: Iterable[Any]) -> None:
        """One by one, by the same service as the pages use. What cannot go now stays, and is named."""
        for obj in objects:
            try:
                self.erase(obj)
            except JobError as error:
                self.message_user(request, f"{obj}: {error.message}", messages.ERROR)


def link(obj: models.Model | None) -> str:
    """A link to the admin page of a row."""
    if obj is None:
        return "–"
    address = reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=[obj.pk])
    return format_html('<a href="{}">{}</a>', address, obj)


def listing(text: str) -> SafeString | str:
    """Many lines as they are."""
    return format_html('<pre class="log">{}</pre>', text) if text else "–"


def size(count: int) -> str:
    return filesizeformat(count)


def length(seconds: float) -> str:
    """1:18:02"""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
