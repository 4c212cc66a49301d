from django.apps import AppConfig
from django.contrib.admin import apps as admin


class JobsConfig(AppConfig):
    name = "jobs"
    default = True

    def ready(self) -> None:
        from jobs import checks  # noqa: F401 registers the start-up checks


class BrandedAdminConfig(admin.AdminConfig):
    default = False
    default_site = "jobs.admin_site.BrandedAdminSite"
