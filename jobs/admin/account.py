from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest

from jobs.admin.base import size
from jobs.admin.bounded import of_each
from jobs.errors import JobError
from jobs.models import Account, Room, Video
from jobs.services import accounts, quota


class CreationForm(AdminUserCreationForm):
    class Meta:
        model = Account
        fields = ("email",)
        field_classes: dict[str, type[forms.Field]] = {}

    def clean_email(self) -> str:
        email = Account.objects.normalize_email(self.cleaned_data["email"]).lower()
        if Account.objects.filter(email__iexact=email).exists():
            raise ValidationError("There is an account with this address already. Use another one.")
        return email


class ChangeForm(UserChangeForm):
    class Meta:
        model = Account
        fields = ("email", "is_active", "is_staff")
        field_classes: dict[str, type[forms.Field]] = {}

    def clean(self) -> dict[str, Any]:
        """Somebody has to be left who can use the admin."""
        cleaned = super().clean() or self.cleaned_data
        stays = cleaned.get("is_active") and cleaned.get("is_staff")
        if not stays and accounts.is_last_operator(self.instance):
            raise ValidationError("This is the last operator. Make somebody else an operator first.")
        return cleaned


class RoomInline(admin.StackedInline):
    model = Room
    can_delete = False
    verbose_name_plural = "What it may take"


@admin.register(Account)
class AccountAdmin(UserAdmin):
    """People. An operator may do everything here; there are no finer rights."""

    form = ChangeForm
    add_form = CreationForm
    inlines = (RoomInline,)
    list_display = ("email", "is_staff", "is_active", "video_count", "space", "allowed", "date_joined", "last_login")
    list_filter = ("is_staff", "is_active", "date_joined", "last_login")
    search_fields = ("email",)
    search_help_text = "E-mail address."
    ordering = ("email",)
    filter_horizontal = ()
    readonly_fields = ("date_joined", "last_login")
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        ("Rights", {"fields": ("is_active", "is_staff")}),
        ("Times", {"fields": ("date_joined", "last_login")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)

    def get_inlines(self, request: HttpRequest, obj: Account | None) -> tuple[type[RoomInline], ...]:
        """Nobody has a room of their own before they are there."""
        return self.inlines if obj else ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        return (
            super()
            .get_queryset(request)
            .select_related("room")
            .annotate(
                videos_here=of_each(Video.with_trash, "owner", Count("pk")),
                bytes_here=of_each(Video.with_trash, "owner", Sum("size")),
            )
        )

    @admin.display(description="recordings", ordering="videos_here")
    def video_count(self, account: Account) -> int:
        return int(account.videos_here)  # type: ignore[attr-defined]

    @admin.display(description="space of recordings", ordering="bytes_here")
    def space(self, account: Account) -> str:
        return size(account.bytes_here)  # type: ignore[attr-defined]

    @admin.display(description="quota")
    def allowed(self, account: Account) -> str:
        most = quota.said(getattr(account, "room", None)).bytes
        return size(most) if most else "any amount"

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        obj.is_superuser = obj.is_staff
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Account | None = None) -> bool:
        allowed = super().has_delete_permission(request, obj)
        return allowed and (obj is None or not accounts.is_last_operator(obj))

    def delete_model(self, request: HttpRequest, obj: Account) -> None:
        self._erase(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> None:
        for account in queryset:
            self._erase(request, account)

    def _erase(self, request: HttpRequest, account: Account) -> None:
        try:
            accounts.delete(account)
        except JobError as error:
            self.message_user(request, f"{account}: {error.message}", messages.ERROR)
