from django.contrib import admin

from jobs.admin.base import Watched, link, size
from jobs.admin.bounded import OwnerFilter
from jobs.models import Import
from jobs.services import imports


@admin.register(Import)
class ImportAdmin(Watched):
    """Recordings that come from an address. Deleting one stops it; a recording that it became stays."""

    list_display = ("shown_name", "owner", "status", "shown_received", "shown_size", "created_at", "finished_at")
    list_filter = ("status", ("owner", OwnerFilter), "created_at")
    list_select_related = ("owner",)
    search_fields = ("url", "name", "title", "owner__email")
    search_help_text = "Address, file name, title, owner, or the id of an import."
    ordering = ("-created_at",)
    fieldsets = (
        (None, {"fields": ("id", "url", "name", "title", "shown_owner", "work", "pipeline", "allow_duplicate")}),
        ("State", {"fields": ("status", "shown_received", "shown_size", "attempt", "losses", "setbacks", "worker")}),
        ("Error", {"fields": ("error_code", "error_message", "error_detail")}),
        ("Times", {"fields": ("created_at", "queued_at", "due_at", "started_at", "heartbeat_at", "finished_at")}),
    )

    @admin.display(description="received", ordering="received_bytes")
    def shown_received(self, row: Import) -> str:
        return size(row.received_bytes)

    @admin.display(description="whole length", ordering="size_bytes")
    def shown_size(self, row: Import) -> str:
        return "" if row.size_bytes is None else size(row.size_bytes)

    @admin.display(description="owner")
    def shown_owner(self, row: Import) -> str:
        return link(row.owner)

    def erase(self, obj: Import) -> None:
        imports.cancel(obj)
        imports.remove(obj)
