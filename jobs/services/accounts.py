"""Accounts, with all that people leave behind."""

import logging
from datetime import timedelta

from django.contrib.auth.password_validation import validate_password
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from jobs.errors import InputError, JobError
from jobs.models import Account, Upload, Video
from jobs.services import images, uploads, videos

log = logging.getLogger(__name__)
A_MOMENT = timedelta(minutes=1)
"""How long the web process that was asked to delete an account is left to it."""


def create(email: str, password: str | None, name: str = "") -> Account:
    """Make an account for somebody; without a password they ask for one by letter, or an operator sets it.

    Raises InputError (taken) where there is one with this address, and ValidationError for a password that is too weak.
    """
    if password is not None:
        validate_password(password, Account(email=email))
    if Account.objects.filter(email__iexact=email).exists():
        raise _taken()
    try:
        with transaction.atomic():
            return Account.objects.create_user(email, password, name=name)
    except IntegrityError as error:
        raise _taken() from error


def _taken() -> InputError:
    return InputError("There is an account with this address already. Use another one.", code="taken")


def rename(account: Account, name: str) -> None:
    if name:
        account.name = name
        account.save(update_fields=["name"])


def condemn(account: Account) -> None:
    """Switch an account off for good, at the wish of its owner: its sessions and tokens end. `delete`, or else `sweep`,
    does the rest. Raises InputError for the last operator."""
    with transaction.atomic():
        # Of two operators who leave at once one is the last.
        list(Account.objects.select_for_update().filter(is_staff=True, is_active=True).values_list("pk"))
        if is_last_operator(account):
            raise _last_operator()
        Account.objects.filter(pk=account.pk).update(is_active=False, deletion_asked_at=Now())
        account.tokens.all().delete()


def sweep() -> None:
    """Delete what was condemned and is still there: a chunk was just arriving, the disk refused, or the web process
    died. One that cannot be deleted keeps none of the others."""
    for account in Account.objects.filter(deletion_asked_at__lt=Now() - A_MOMENT, is_active=False):
        try:
            delete(account)
        except (JobError, OSError) as error:
            log.warning("account %s is not deleted yet: %s", account.pk, error)


def _last_operator() -> InputError:
    return InputError("This is the last operator. Make somebody else an operator first.", code="last_operator")


def is_last_operator(account: Account) -> bool:
    """Whether nobody could use the admin any more without this one."""
    operators = Account.objects.filter(is_staff=True, is_active=True)
    return operators.filter(pk=account.pk).exists() and operators.count() == 1


def delete(account: Account) -> None:
    """Delete an account with its recordings, results, images and uploads. Raises InputError for the last operator,
    UploadError while a chunk of an upload is just arriving, and OSError where the disk refuses; then much of it may be
    gone already, and `delete` can be asked again."""
    if is_last_operator(account):
        raise _last_operator()
    for video in Video.with_trash.filter(owner=account, artifact=None):
        videos.delete(video)
    for image in account.images.all():
        images.delete(image)
    for upload in Upload.objects.of(account):
        uploads.abort(upload)
    account.delete()
