from allauth.mfa.models import Authenticator
from django.contrib import admin

from jobs.admin.base import Watched

admin.site.unregister(Authenticator)  # allauth's page shows what the secrets are made of


@admin.register(Authenticator)
class AuthenticatorAdmin(Watched):
    """Passkeys and codes. Deleted here for somebody who has lost them and their recovery codes."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type", "created_at", "last_used_at")
    list_select_related = ("user",)
    search_fields = ("user__email",)
    search_help_text = "E-mail address."
    fieldsets = ((None, {"fields": ("user", "type", "created_at", "last_used_at")}),)

    def erase(self, obj: Authenticator) -> None:
        obj.delete()
