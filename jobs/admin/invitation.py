from django.contrib import admin

from jobs.admin.base import Watched
from jobs.models import Invitation


@admin.register(Invitation)
class InvitationAdmin(Watched):
    """Whom people have invited. Deleting one ends its link."""

    list_display = ("email", "invited_by", "created_at", "expires_at", "withdrawn_at", "used_at", "used_by")
    list_filter = ("created_at", "used_at")
    list_select_related = ("invited_by", "used_by")
    search_fields = ("email", "invited_by__email")
    search_help_text = "The address, or who invited it."
    fieldsets = (
        (
            None,
            {"fields": ("email", "invited_by", "is_mailed", "created_at", "expires_at", "withdrawn_at", "used_at")},
        ),
        ("Came of it", {"fields": ("used_by",)}),
    )

    def erase(self, obj: Invitation) -> None:
        obj.delete()
