from django.contrib import admin

from jobs.admin.base import Watched, link, size
from jobs.admin.bounded import OwnerFilter
from jobs.models import Upload
from jobs.services import uploads


@admin.register(Upload)
class UploadAdmin(Watched):
    """Recordings and images on their way in. Deleting one gives its space back; whoever sends it has to start again."""

    list_display = ("name", "kind", "owner", "shown_offset", "shown_length", "created_at", "expires_at")
    list_filter = (("owner", OwnerFilter), "created_at", "expires_at")
    list_select_related = ("owner",)
    search_fields = ("name", "title", "owner__email")
    search_help_text = "File name, title, owner, or the id of an upload."
    ordering = ("-created_at",)
    fieldsets = (
        (None, {"fields": ("id", "kind", "name", "title", "shown_owner", "work")}),
        ("Bytes", {"fields": ("shown_offset", "shown_length")}),
        ("Times", {"fields": ("created_at", "expires_at")}),
    )

    @admin.display(description="received", ordering="offset")
    def shown_offset(self, upload: Upload) -> str:
        return size(upload.offset)

    @admin.display(description="whole length", ordering="length")
    def shown_length(self, upload: Upload) -> str:
        return size(upload.length)

    @admin.display(description="owner")
    def shown_owner(self, upload: Upload) -> str:
        return link(upload.owner)

    def erase(self, obj: Upload) -> None:
        uploads.abort(obj)
