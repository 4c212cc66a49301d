from django.contrib import admin

from jobs.admin.base import Watched
from jobs.models import SignIn


@admin.register(SignIn)
class SignInAdmin(Watched):
    list_display = ("at", "email", "succeeded", "address", "browser")
    list_filter = ("succeeded", "at")
    search_fields = ("email", "address")
    search_help_text = "E-mail address, or where it came from."
    fieldsets = ((None, {"fields": ("at", "email", "account", "succeeded", "address", "browser")}),)

    def erase(self, obj: SignIn) -> None:
        obj.delete()
