from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

if TYPE_CHECKING:
    from jobs.models.account import Account


class NoticeQuerySet(models.QuerySet["Notice"]):
    def of(self, owner: "Account") -> "NoticeQuerySet":
        return self.filter(owner=owner)

    def mail_due(self) -> "NoticeQuerySet":
        return self.filter(mail_at__lte=Now())

    def push_due(self) -> "NoticeQuerySet":
        return self.filter(push_at__lte=Now())


class Notice(models.Model):
    """Something that its owner may want to be told. Written in the transaction of what it tells.

    `mail_at` and `push_at` are when it is to be sent that way: None where it is not, or has been. Open pages ask for
    those above the last `id` that they know.
    """

    class Kind(models.TextChoices):
        DONE = "done", "A piece of work is done"
        ALL_DONE = "all_done", "All that you started is done"
        FAILED = "failed", "Something failed"

    class Channel(models.TextChoices):
        PAGE = "page", "On an open page"
        EMAIL = "email", "Email"
        PUSH = "push", "Browser"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    job = models.ForeignKey("jobs.Job", on_delete=models.CASCADE, null=True, related_name="+")
    run = models.ForeignKey("jobs.Run", on_delete=models.CASCADE, null=True, related_name="+")
    """The job by itself or the chain that it is about; neither of both for all that was started."""
    created_at = models.DateTimeField()
    mail_at = models.DateTimeField(null=True)
    mail_tries = models.PositiveSmallIntegerField(default=0)
    push_at = models.DateTimeField(null=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["owner", "id"]),
            models.Index(fields=["mail_at"]),
            models.Index(fields=["push_at"]),
            models.Index(fields=["created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.owner_id}"


class NoticeChoice(models.Model):
    """A way that an account chose to be told of something, or not to be; without a row it is as `chosen` says."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notice_choices")
    kind = models.CharField(max_length=10, choices=Notice.Kind.choices)
    channel = models.CharField(max_length=5, choices=Notice.Channel.choices)
    wanted = models.BooleanField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "kind", "channel"], name="one_choice_each")]

    def __str__(self) -> str:
        return f"{self.kind} by {self.channel}: {self.wanted}"


class PushBrowser(models.Model):
    """A browser that takes notices while none of our pages is open, by its own push service (RFC 8030)."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="push_browsers")
    name = models.CharField(max_length=200)
    endpoint = models.TextField()
    digest = models.CharField(max_length=64, unique=True, editable=False)
    """Of the endpoint, which is too long for an index."""
    p256dh = models.CharField(max_length=200, editable=False)
    auth = models.CharField(max_length=100, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveSmallIntegerField(default=0)
    """How many notices in a row its service refused."""

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return self.name
