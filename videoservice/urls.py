from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from jobs.api import api
from jobs.views import sign_in, uploads
from jobs.views.shortcuts import shortcut

by_company = []
if settings.COMPANY:
    from jobs.views import company

    by_company = [
        *company.urlpatterns,
        *(company.WITHOUT_PASSWORDS if settings.COMPANY.only else []),
        path("accounts/3rdparty/", include("allauth.socialaccount.urls")),
        path("accounts/", include("allauth.socialaccount.providers.openid_connect.urls")),
    ]

urlpatterns = [
    path("admin/django_rq/", include("django_rq.urls")),
    path("admin/", admin.site.urls),
    *sign_in.urlpatterns,
    *by_company,
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("accounts/sessions/", include("allauth.usersessions.urls")),
    path("api/v1/uploads", uploads.collection, name="api-uploads"),
    path("api/v1/uploads/<uuid:pk>", uploads.upload, name="api-upload"),
    path("api/v1/", api.urls),
    path("video/<path:rest>", shortcut),
    path("audio/<path:rest>", shortcut),
    path("", include("jobs.urls")),
]

handler400 = "videoservice.errors.bad_request"
handler404 = "jobs.views.gone.not_found"
handler500 = "videoservice.errors.server_error"
