"""Accounts, with all that people leave behind."""

from jobs.errors import InputError
from jobs.models import Account, Upload, Video
from jobs.services import images, uploads, videos


def is_last_operator(account: Account) -> bool:
    """Whether nobody could use the admin any more without this one."""
    operators = Account.objects.filter(is_staff=True, is_active=True)
    return operators.filter(pk=account.pk).exists() and operators.count() == 1


def delete(account: Account) -> None:
    """Delete an account with its recordings, results, images and uploads. Raises InputError for the last operator, and
    UploadError while a chunk of an upload is just arriving."""
    if is_last_operator(account):
        raise InputError("This is the last operator. Make somebody else an operator first.", code="last_operator")
    for video in Video.with_trash.filter(owner=account, artifact=None):
        videos.delete(video)
    for image in account.images.all():
        images.delete(image)
    for upload in Upload.objects.of(account):
        uploads.abort(upload)
    account.delete()
