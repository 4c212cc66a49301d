"""What keeps the admin's lists from growing with their tables: they count, and offer to choose from, only so much."""

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Aggregate, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.functional import cached_property

from jobs.models import Account
from jobs.services import queues

MOST_COUNTED = 10_000
"""What lies behind so many rows is found by search and filters."""
MOST_OWNERS = 200
MOST_LOOKED_AT = 2000
"""In so many of the newest rows values are looked for that can be filtered by."""


class BoundedPaginator(Paginator):
    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:MOST_COUNTED].count())


class OwnerFilter(admin.RelatedFieldListFilter):
    """By the owners of rows, of whom each is looked for in an index; the first ones by their address."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        rows = model_admin.model._default_manager.filter(**{self.field_path: OuterRef("pk")})
        # With a limit MariaDB asks it of each account, where it would else begin with the rows and sort what it finds.
        first = Subquery(rows.order_by().values("pk")[:1])
        owners = Account.objects.alias(first=first).filter(first__isnull=False).order_by("email")[:MOST_OWNERS]
        return [(owner.pk, str(owner)) for owner in owners]


class QueueFilter(admin.SimpleListFilter):
    """By the queues that there are, so that no query over all jobs is needed to list them."""

    title = parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in queues.names()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(queue=self.value()) if self.value() else queryset


class ErrorFilter(admin.SimpleListFilter):
    """By the codes of the latest errors; "none" for rows without one."""

    title, parameter_name, none = "error", "error_code", "none"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        newest = model_admin.model._default_manager.order_by("-created_at", "-pk")[:MOST_LOOKED_AT]
        codes = set(newest.values_list("error_code", flat=True))
        return [(code or self.none, code or self.none) for code in sorted(codes)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        code = self.value()
        return queryset.filter(error_code="" if code == self.none else code) if code else queryset


def of_each(rows: Any, field: str, figure: Aggregate) -> Coalesce:
    """A figure of these rows that name the one that is shown: looked up for it alone, where a join would find that of
    all."""
    found = rows.filter(**{field: OuterRef("pk")}).order_by().values(field)
    return Coalesce(Subquery(found.annotate(figure=figure).values("figure")), 0)
