import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

if TYPE_CHECKING:
    from jobs.models.account import Account


class KeepingQuerySet(models.QuerySet["Keeping"]):
    def of(self, owner: "Account") -> "KeepingQuerySet":
        return self.filter(owner=owner)

    def due(self) -> "KeepingQuerySet":
        """Those that nobody is at, or whose worker is gone, and that were not given up."""
        return self.filter(Q(held_until=None) | Q(held_until__lt=Now()), problem="")

    def hold(self, pk: uuid.UUID, token: str, lease: timedelta) -> bool:
        """Have one to oneself for so long, by the database's clock. False: it is another's, or gone."""
        return self.due().filter(pk=pk).update(held_by=token, held_until=Now() + lease, tries=F("tries") + 1) == 1

    def held(self, pk: uuid.UUID, token: str) -> "KeepingQuerySet":
        """The row, if it is still held by this token."""
        return self.filter(pk=pk, held_by=token)


class Keeping(models.Model):
    """A result that is just being made a recording of its own, where its bytes have to be copied for that. The
    recording gets the id of this row, which goes in the same transaction.

    A worker holds it by a lease; when that is over the next one begins anew. All times are the database's.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="keepings")
    version = models.OneToOneField("jobs.Video", on_delete=models.CASCADE, related_name="keeping")
    problem = models.CharField(max_length=300, blank=True)
    """Why it was given up: a sentence for its owner."""
    tries = models.PositiveIntegerField(default=0)
    held_by = models.CharField(max_length=32, blank=True)
    held_until = models.DateTimeField(null=True)

    objects = KeepingQuerySet.as_manager()

    @property
    def is_under_way(self) -> bool:
        return not self.problem

    @property
    def said(self) -> str:
        """How it is, in a sentence for its owner."""
        return self.problem or "This is being made a recording of its own."

    def __str__(self) -> str:
        return str(self.version_id)
