import hmac
import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

KEPT = timedelta(hours=24)


class KeptAnswer(models.Model):
    """What a request with an `Idempotency-Key` was answered, for when the very same comes again.

    Neither the key nor the answer can be read from the row: the answer may hold a secret that is shown once, and opens
    with the key of whoever asks again.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="kept_answers")
    key_digest = models.CharField(max_length=64)
    asked_digest = models.CharField(max_length=64)
    """Of the call with all that it was asked."""
    status = models.PositiveSmallIntegerField(null=True)
    """None while the request is under way."""
    location = models.CharField(max_length=300, blank=True)
    sealed = models.TextField(blank=True)
    """The answer, by `services.sealing`."""
    begun_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "key_digest"], name="one_answer_per_key")]

    def __str__(self) -> str:
        return f"{self.status or 'under way'} {self.location}"

    @classmethod
    def forget_old(cls) -> None:
        cls.objects.filter(begun_at__lt=Now() - KEPT).delete()


def digest(text: str) -> str:
    """Nobody guesses what a request asked for, such as a password, without the site's own secret."""
    return hmac.digest(settings.SECRET_KEY.encode(), text.encode(), "sha256").hex()
