from allauth.usersessions.models import UserSession
from django.contrib import admin

from jobs.admin.base import Watched
from jobs.auth import sessions
from jobs.auth.browsers import browser_name

admin.site.unregister(UserSession)  # allauth's page looks for names that accounts here do not have


@admin.register(UserSession)
class UserSessionAdmin(Watched):
    """Where people are signed in. Deleting one signs it out."""

    list_display = ("user", "browser", "ip", "created_at", "last_seen_at")
    list_filter = ("created_at", "last_seen_at")
    list_select_related = ("user",)
    search_fields = ("user__email", "ip")
    search_help_text = "E-mail address, or where it came from."
    fieldsets = ((None, {"fields": ("user", "ip", "user_agent", "created_at", "last_seen_at")}),)

    @admin.display(description="browser")
    def browser(self, session: UserSession) -> str:
        return browser_name(session.user_agent)

    def erase(self, obj: UserSession) -> None:
        sessions.end([obj])
