from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin

from jobs.admin.base import Watched

for model in (SocialAccount, SocialApp, SocialToken):  # the environment says which service there is
    admin.site.unregister(model)


@admin.register(SocialAccount)
class SocialAccountAdmin(Watched):
    """Who is who at a company's own service. Without its row an account is joined again by a verified address."""

    list_display = ("user", "provider", "uid", "date_joined", "last_login")
    list_filter = ("provider", "date_joined", "last_login")
    list_select_related = ("user",)
    search_fields = ("user__email", "uid")
    search_help_text = "E-mail address, or the id there."
    fieldsets = ((None, {"fields": ("user", "provider", "uid", "date_joined", "last_login", "extra_data")}),)

    def erase(self, obj: SocialAccount) -> None:
        obj.delete()
