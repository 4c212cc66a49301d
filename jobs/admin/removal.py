from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from jobs.admin.base import Watched, link, size
from jobs.admin.bounded import OwnerFilter
from jobs.errors import InputError
from jobs.models import Removal
from jobs.services import trash


@admin.register(Removal)
class RemovalAdmin(Watched):
    """What people have removed. Deleting it here deletes it for good."""

    list_display = ("title", "kind", "owner", "shown_size", "at", "goes")
    list_filter = ("kind", ("owner", OwnerFilter), "at")
    list_select_related = ("owner",)
    search_fields = ("title", "owner__email")
    search_help_text = "Title, owner, or the id of an entry."
    ordering = ("-at",)
    actions = ("restore",)
    fieldsets = ((None, {"fields": ("id", "title", "kind", "shown_owner", "shown_size", "at", "goes", "is_going")}),)

    @admin.display(description="size", ordering="size")
    def shown_size(self, removal: Removal) -> str:
        return size(removal.size)

    @admin.display(description="goes for good")
    def goes(self, removal: Removal) -> str:
        return f"{removal.until:%Y-%m-%d %H:%M}"

    @admin.display(description="owner")
    def shown_owner(self, removal: Removal) -> str:
        return link(removal.owner)

    @admin.action(description="Restore for its owner", permissions=["operate"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Removal]) -> None:
        for removal in queryset:
            try:
                trash.restore(removal)
                self.message_user(request, f"“{removal}” is back.")
            except InputError as error:
                self.message_user(request, f"{removal}: {error.message}", messages.ERROR)

    def erase(self, obj: Removal) -> None:
        trash.purge(obj)
