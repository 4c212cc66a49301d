from django.contrib import admin

from jobs.admin.base import Watched, link, size
from jobs.admin.bounded import OwnerFilter
from jobs.models import Image
from jobs.services import images


@admin.register(Image)
class ImageAdmin(Watched):
    """Logos and the like. Those that nothing has used for long go by themselves."""

    list_display = ("name", "owner", "shown_pixels", "shown_size", "created_at", "used_at")
    list_filter = (("owner", OwnerFilter), "created_at", "used_at")
    list_select_related = ("owner",)
    search_fields = ("name", "owner__email", "sha256")
    search_help_text = "File name, owner, hash of the bytes, or the id of an image."
    ordering = ("-created_at",)
    fieldsets = (
        (None, {"fields": ("id", "name", "shown_owner", "created_at", "used_at")}),
        ("File", {"fields": ("shown_pixels", "shown_size", "sha256", "key")}),
    )

    @admin.display(description="pixels")
    def shown_pixels(self, image: Image) -> str:
        return f"{image.width} x {image.height}"

    @admin.display(description="size", ordering="size")
    def shown_size(self, image: Image) -> str:
        return size(image.size)

    @admin.display(description="owner")
    def shown_owner(self, image: Image) -> str:
        return link(image.owner)

    def erase(self, obj: Image) -> None:
        images.delete(obj)
