from django.contrib import admin
from django.urls import include, path

from jobs.api import api
from jobs.views import sign_in, uploads
from jobs.views.shortcuts import shortcut

urlpatterns = [
    path("admin/django_rq/", include("django_rq.urls")),
    path("admin/", admin.site.urls),
    *sign_in.urlpatterns,
    path("accounts/", include("allauth.urls")),
    path("api/v1/uploads", uploads.collection, name="api-uploads"),
    path("api/v1/uploads/<uuid:pk>", uploads.upload, name="api-upload"),
    path("api/v1/", api.urls),
    path("video/<path:rest>", shortcut),
    path("audio/<path:rest>", shortcut),
    path("", include("jobs.urls")),
]

handler400 = "videoservice.errors.bad_request"
handler500 = "videoservice.errors.server_error"
