"""What an install has: its rows and files."""

import shutil

from jobs import storage
from jobs.models import Account
from jobs.services import backup_files, backup_rows


def put(key, content):
    storage.path(key).parent.mkdir(parents=True, exist_ok=True)
    storage.path(key).write_bytes(content)
    return key


def everything():
    """All rows as they are, by model."""
    return {
        model._meta.label_lower: sorted(map(str, model._base_manager.values_list())) for model in backup_rows.kept()
    }


def files(root):
    return {
        path.relative_to(root): path.read_bytes() for room in backup_files.ROOMS for path in (root / room).rglob("*.*")
    }


def silent(count):
    pass


def emptied(media):
    """As a new install is."""
    Account.objects.all().delete()
    for model in reversed(backup_rows.kept()):
        model._base_manager.all().delete()
    shutil.rmtree(media)
    media.mkdir()
