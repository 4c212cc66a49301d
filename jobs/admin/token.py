from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.forms import Script
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator

from jobs.admin.bounded import BoundedPaginator, OwnerFilter
from jobs.auth.confirming import confirmed
from jobs.models import Token


@admin.register(Token)
class TokenAdmin(admin.ModelAdmin):
    """Tokens are made and deleted, never changed: only the hash is known."""

    list_display = ("__str__", "begins", "owner", "scope", "created_at", "expires_at", "last_used_at")
    list_filter = (("owner", OwnerFilter), "scope", "created_at", "expires_at", "last_used_at")
    list_select_related = ("owner",)
    search_fields = ("name", "begins", "owner__email")
    search_help_text = "Name, beginning or owner."
    ordering = ("-created_at",)
    autocomplete_fields = ("owner",)
    show_full_result_count = False
    paginator = BoundedPaginator
    formfield_overrides = {
        # Django's own two fields have no labels.
        models.DateTimeField: {
            "form_class": forms.DateTimeField,
            "widget": forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        }
    }

    class Media:
        js = (Script("operator/names.js", type="module"),)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        made = ["begins", "created_at", "last_used_at"]
        return ["owner", "name", "scope", "expires_at", *(made if obj else [])]

    @method_decorator(confirmed)
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        only_save = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**(extra_context or {}), **only_save})

    def has_change_permission(self, request: HttpRequest, obj: Token | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Token, form: object, change: bool) -> None:
        issued, secret = Token.make(obj.owner, obj.name, obj.scope, obj.expires_at)
        obj.pk, obj.created_at = issued.pk, issued.created_at
        request.issued_secret = secret  # type: ignore[attr-defined] # for the one page that shows it

    def response_add(self, request: HttpRequest, obj: Token, post_url_continue: str | None = None) -> HttpResponse:
        """Show the secret in the answer itself: a redirect would have to keep it somewhere."""
        context = {
            **self.admin_site.each_context(request),
            "title": "The new token",
            "opts": self.opts,
            "token": obj,
            "secret": request.issued_secret,  # type: ignore[attr-defined]
        }
        return TemplateResponse(request, "admin/jobs/token/issued.html", context)
