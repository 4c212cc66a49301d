from django.contrib.admin.apps import AdminConfig


class BrandedAdminConfig(AdminConfig):
    default_site = "videoservice.admin_site.BrandedAdminSite"
