from django.contrib.admin import AdminSite


class BrandedAdminSite(AdminSite):
    site_header = site_title = "videoservice"
