from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.account.utils import get_next_redirect_url
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache

APPS = {
    "jobs": "Recordings and work",
    "account": "Sign-in",
    "mfa": "Second factors",
    "usersessions": "Sessions",
    "socialaccount": "Company sign-in",
    "django_rq": "Queues and workers",
}
"""What the index calls the applications, in its order."""


class BrandedAdminSite(AdminSite):
    site_header = site_title = "videoservice"
    index_title = "Operating this site"
    enable_nav_sidebar = False
    empty_value_display = "–"

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps = super().get_app_list(request, app_label)
        for app in apps:
            app["name"] = APPS.get(app["app_label"], app["name"])
        order = list(APPS)
        return sorted(apps, key=lambda app: order.index(app["app_label"]) if app["app_label"] in order else len(order))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one way in for everybody, with its limits on attempts: the sign-in page of the site.

        The admin's own form is not used at all, because it counts nothing.
        """
        response: HttpResponse = never_cache(secure_admin_login(_onward))(request)
        return response


def _onward(request: HttpRequest) -> HttpResponse:
    return redirect(get_next_redirect_url(request) or "admin:index")
