from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import pluralize

from jobs.admin.base import Watched, link
from jobs.admin.bounded import OwnerFilter
from jobs.models import Webhook
from jobs.services import webhooks


@admin.register(Webhook)
class WebhookAdmin(Watched):
    """Where the site calls for its people, and how that goes. What is told is theirs alone."""

    list_display = ("url", "owner", "is_on", "failing_since", "failures", "created_at")
    list_filter = (
        ("owner", OwnerFilter),
        ("paused_at", admin.EmptyFieldListFilter),
        ("failing_since", admin.EmptyFieldListFilter),
    )
    list_select_related = ("owner",)
    search_fields = ("url", "owner__email")
    search_help_text = "Address, owner, or the id of a webhook."
    ordering = ("-created_at",)
    fieldsets = (
        (None, {"fields": ("id", "url", "shown_owner", "events", "created_at")}),
        ("How it is doing", {"fields": ("is_on", "failing_since", "failures", "paused_at", "paused_reason")}),
    )
    actions = ("pause",)

    @admin.display(description="on", boolean=True)
    def is_on(self, webhook: Webhook) -> bool:
        return webhook.is_active

    @admin.display(description="owner")
    def shown_owner(self, webhook: Webhook) -> str:
        return link(webhook.owner)

    @admin.action(description="Pause", permissions=["operate"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        count = sum(webhooks.pause(webhook, "An operator switched it off.") for webhook in queryset)
        self.message_user(request, f"{count} webhook{pluralize(count)} paused.", messages.SUCCESS)

    def erase(self, obj: Webhook) -> None:
        webhooks.delete(obj)
