from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from jobs.models import turns
from jobs.models.made_at import MadeAtField

if TYPE_CHECKING:
    from jobs.models.account import Account


class NoticeQuerySet(models.QuerySet["Notice"]):
    def of(self, owner: "Account") -> "NoticeQuerySet":
        return self.filter(owner=owner)

    def mailed(self) -> "NoticeQuerySet":
        """Those that are to be mailed, now or later. Nobody writes to an account that is switched off."""
        return self.filter(mail_at__isnull=False, owner__is_active=True)

    def mail_due(self) -> "NoticeQuerySet":
        return self.mailed().filter(mail_at__lte=Now())

    def present(self) -> "NoticeQuerySet":
        """Without those about what lies in the trash."""
        job = Q(job=None) | Q(job__removal=None, job__video__removal=None)
        return self.filter(job, Q(run=None) | Q(run__removal=None, run__video__removal=None))

    def with_subjects(self) -> "NoticeQuerySet":
        """With what is told of them, however many they are, and without what may be long."""
        found = self.select_related("job__video", "run__video").prefetch_related("job__artifacts")
        return found.defer("job__command_log", "job__log_tail", "job__error_detail")


class Notice(models.Model):
    """Something that its owner may want to be told. Written in the transaction of what it tells.

    `mail_at` is when it is to be mailed: None where it is not, or has been. `push_at` is since when it is to be pushed:
    None where it is not; what was, each browser knows. It and open pages ask for those above the last `id` that they
    know: of one account they are written one after the other (`NoticeTurn`), so no lower one comes later.
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
            models.Index(fields=["created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.owner_id}"


class NoticeTurn(models.Model):
    """Held by who writes notices of an account: one after the other, each sees what ended before.

    A row of its own, as that of the account is held by whatever is made for it; in another order than by the end of
    work, two would wait for each other.
    """

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+")
    turns = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"turn {self.turns} of {self.owner_id}"

    @classmethod
    def hold(cls, owner: int) -> None:
        """Until the transaction ends. Call it in one, before reading anything that is decided by."""
        turns.hold(cls, owner)


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


class PushBrowserQuerySet(models.QuerySet["PushBrowser"]):
    def waiting(self) -> "PushBrowserQuerySet":
        """Those that something is to be told to, now or later."""
        return self.filter(due_at__isnull=False, owner__is_active=True)

    def due(self) -> "PushBrowserQuerySet":
        return self.waiting().filter(due_at__lte=Now())


class PushBrowser(models.Model):
    """A browser that takes notices while none of our pages is open, by its own push service (RFC 8030).

    It goes with the session that its owner had there. `due_at` is when it is to be told all notices above `last`; while
    somebody tells it, until `held_until`, after which it may be taken for dead.
    """

    class Test(models.TextChoices):
        NONE = "", "None was asked for"
        WAITING = "waiting", "A test is on its way"
        TAKEN = "taken", "Its service took the last test"
        GONE = "gone", "Its service does not know it any more: remove it, and turn it on again in that browser"
        REFUSED = "refused", "Its service did not take the last test"
        UNREACHED = "unreached", "Its service could not be reached with the last test"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="push_browsers")
    name = models.CharField(max_length=200)
    endpoint = models.TextField()
    digest = models.CharField(max_length=64, unique=True, editable=False)
    """Of the endpoint, which is too long for an index."""
    p256dh = models.CharField(max_length=200, editable=False)
    auth = models.CharField(max_length=100, editable=False)
    created_at = MadeAtField()
    used_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveSmallIntegerField(default=0)
    """How many notices in a row its service refused."""
    session = models.CharField(max_length=64, editable=False, db_index=True, default="")
    """Digest of the key of the session that it goes with."""
    last = models.BigIntegerField(default=0, editable=False)
    due_at = models.DateTimeField(null=True, editable=False, db_index=True)
    held_until = models.DateTimeField(null=True, editable=False)
    tries = models.PositiveSmallIntegerField(default=0, editable=False)
    """How often it was begun to tell it what waits."""
    test = models.CharField(max_length=9, choices=Test.choices, default=Test.NONE, blank=True, editable=False)

    objects = PushBrowserQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return self.name
