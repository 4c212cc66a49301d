"""A new install made of a backup."""

from pathlib import Path

from django.conf import settings

from jobs import build, storage
from jobs.errors import InputError
from jobs.models import Account, Install
from jobs.services import backup_rows, backups, custody
from jobs.services.backup_files import Contents, Damaged, Progress
from jobs.services.backups import Backup
from videoservice import env


def restore(backup: Backup, progress: Progress) -> list[str]:
    """Make this new install what was backed up. Returns the keys of files that are damaged or missing there.

    Files come first and rows last, all or none, with the secret key: killed in between, it can be run again. This
    process goes on with the key that it read at its start, so it must not seal or sign anything after that. Raises
    InputError for an install that is in use, and a backup of another version or with damaged rows.
    """
    with backups.kept(backup):
        _refuse_used()
        _refuse_unfit(backup)
        contents, lost = Contents(backup.folder.parent / "contents"), []
        for entry in backup.entries().values():
            try:
                contents.give(entry, progress)
            except (Damaged, FileNotFoundError):
                lost.append(entry.key)
        with backup_rows.replacing():
            _refuse_used()  # somebody may have signed up while files were copied
            backup_rows.read(backup.folder / "rows", backup.facts["rows"])
            take_secret(backup)
    storage.delete(custody.STAMP)
    custody.is_ours(Install.get())
    return lost


def _refuse_used() -> None:
    if Account.objects.exists():
        raise InputError(
            "This install has accounts already, and a restore would replace all that is here. Restore into a new one: "
            "set DATA_DIR, and DATABASE_URL if need be.",
            code="in_use",
        )


def _refuse_unfit(backup: Backup) -> None:
    here, there = backup_rows.migrations(), backup.facts["migrations"]
    if backup.facts["format"] != backups.FORMAT or any(here[app] != there[app] for app in here.keys() & there.keys()):
        raise InputError(
            f"The backup was made by version {backup.facts['version']}, and this is {build.ours()}. Restore it with "
            "that version, then upgrade.",
            code="other_version",
        )
    if own := backups.own_damaged(backup):
        raise InputError(f"The backup is damaged: {', '.join(own)}. Take another one.", code="damaged")


def brings_secret(backup: Backup) -> bool:
    """Whether this install takes its secret key from the backup: the environment gives none, and the backup has it."""
    return not env.text("SECRET_KEY") and (backup.folder / backups.SECRET).is_file()


def take_secret(backup: Backup) -> None:
    """Take the backup's secret key for this install's, if it brings one. A process that runs keeps its own until its
    next start."""
    if not brings_secret(backup):
        return
    target = Path(settings.DATA_DIR) / backups.SECRET
    part = target.with_name(f"{backups.SECRET}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_bytes((backup.folder / backups.SECRET).read_bytes())
    storage.sync(part)
    part.replace(target)
    storage.sync(target.parent)
