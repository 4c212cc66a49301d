from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class JobsConfig(AppConfig):
    name = "jobs"

    def ready(self) -> None:
        from jobs import checks  # noqa: F401 registers the start-up checks


class BrandedAdminConfig(AdminConfig):
    default_site = "jobs.admin_site.BrandedAdminSite"
