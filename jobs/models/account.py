from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import is_password_usable
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils import timezone

from jobs.prepared_row import Given, PreparedRow


class AccountManager(BaseUserManager["Account"]):
    def get(self, *args: Any, **kwargs: Any) -> "Account":
        """By its key alone, as every request with a session asks, by a statement that is written once."""
        if args or kwargs.keys() != {"pk"} or type(self) is not AccountManager:  # subclasses are of related rows
            return super().get(*args, **kwargs)
        if (found := BY_KEY.find(**kwargs)) is None:
            raise Account.DoesNotExist
        return found

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "Account":
        account = self.model(email=self.normalize_email(email).lower(), **fields)
        account.set_password(password)
        account.save(using=self._db)
        account.claim_install()
        return account

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "Account":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class Account(AbstractBaseUser, PermissionsMixin):
    """A person, known by an email address. Staff are the operators."""

    class Theme(models.TextChoices):
        SYSTEM = "", "As the system"
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField("operator", default=False, help_text="May use the admin.")
    default_pipeline = models.CharField(max_length=80, blank=True)
    """The slug of the chain that is run on every upload of theirs which names no other work."""
    last_choice = models.TextField(null=True, blank=True, editable=False)  # noqa: DJ001 a default of its own MariaDB has not
    """What was last to be done with recordings as they came (`services.last_choice`)."""
    time_zone = models.CharField(max_length=64, blank=True)
    """Its name in the tz database; empty for that of the site."""
    dates = models.CharField(max_length=12, blank=True)
    """The language that dates are written in (`jobs.preferences.DATES`)."""
    theme = models.CharField(max_length=5, choices=Theme, blank=True, default=Theme.SYSTEM)
    deletion_asked_at = models.DateTimeField(null=True, blank=True, editable=False)
    """When its owner has it deleted, with all that it has; until that is done it is switched off."""
    password_changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    """When its password was last replaced; None where it is the first one, or was replaced before this was kept."""
    queue_cleared_at = models.DateTimeField(null=True, blank=True, editable=False)
    """What had ended until then is not on the queue's page; its results are where they were."""
    line_paused_at = models.DateTimeField(null=True, blank=True, editable=False, db_index=True)
    """Since when nothing of theirs that waits is begun (`services.own_line`)."""
    date_joined = models.DateTimeField(default=timezone.now)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = []

    objects = AccountManager()

    class Meta:
        verbose_name = "account"

    def __str__(self) -> str:
        return self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Where a password is replaced, whoever knew the old one is to be kept out: its API tokens end with it."""
        is_new_password = getattr(self, "_password", None) is not None and self.pk is not None
        old = Account.objects.filter(pk=self.pk).values_list("password", flat=True).first() if is_new_password else None
        if is_new_password:
            self.password_changed_at = timezone.now()
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "password_changed_at"}
        super().save(*args, **kwargs)
        if old and is_password_usable(old):
            self.tokens.all().delete()

    def claim_install(self) -> None:
        """Make the very first account of an install its operator. Call it once, right after the row was inserted.

        Rows are visible as soon as they are inserted, so of two people who sign up at once only the lower id is first.
        """
        first = Account.objects.order_by("pk").first()
        if first == self and not self.is_superuser:
            self.is_staff = self.is_superuser = True
            self.save(update_fields=["is_staff", "is_superuser"])


BY_KEY = PreparedRow(lambda: Account.objects.filter(pk=Given("pk", Account._meta.pk)))
