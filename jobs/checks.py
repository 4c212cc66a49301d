"""Start-up checks: what is wrong with an install, in words, before its first use."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connection

from jobs.engine.container import ffmpeg
from jobs.engine.runtime import network_filter, subprocess_runner
from jobs.storage import filesystem as tried
from jobs.storage.address import parsed


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    while not folder.exists():
        folder = folder.parent
    return folder


def local_root() -> Path:
    """Where files are kept, or with a bucket what is local beside it."""
    return Path((settings.STORAGE_URL and settings.SCRATCH_DIR) or settings.MEDIA_ROOT)


def writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


@register
def has_ffmpeg(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    try:
        program = ffmpeg.program()
    except RuntimeError:
        program = ""
    if program and os.access(program, os.X_OK):
        return []
    return [
        Error(
            f"ffmpeg is not there or cannot be run{f': {program}' if program else ''}.",
            hint="Install the requirements again, or name a program in IMAGEIO_FFMPEG_EXE.",
            id="jobs.E001",
        )
    ]


@register
def folders(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    return [
        Error(
            f"The {name} folder {folder} cannot be written by user {os.geteuid()}.",
            hint=f"Give it to this user (chown {os.geteuid()}:{os.getegid()}), or choose another one with DATA_DIR.",
            id="jobs.E002",
        )
        for name, folder in (("data", settings.DATA_DIR), ("media", local_root()))
        if not writable(existing(Path(folder)))
    ]


@register
def one_filesystem(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if settings.STORAGE_URL:
        return []
    root = Path(settings.MEDIA_ROOT)
    device = existing(root).stat().st_dev
    apart = [
        name
        for name in ("videos", "images", "artifacts", "uploads", "scratch", "cache", "trash")
        if existing(root / name).stat().st_dev != device
    ]
    if not apart:
        return []
    return [
        Error(
            f"Of the media folder {root}, these lie on other filesystems: {', '.join(apart)}.",
            hint="Put them on one: finished files are moved into place, which is only safe within a filesystem.",
            id="jobs.E003",
        )
    ]


@register
def network(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if subprocess_runner.no_network() or network_filter.possible():
        return []
    return [
        Warning(
            "The programs that look at uploaded files cannot be kept from the network here: there are neither network "
            "namespaces (unshare) nor filters on system calls (seccomp).",
            hint="Allow one of them in the container, or let no connections out of it.",
            id="jobs.W002",
        )
    ]


@register
def filesystem(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """What `jobs.storage.filesystem` tries, where files are kept in a folder."""
    root = existing(Path(settings.MEDIA_ROOT))
    if settings.STORAGE_URL or not writable(root):  # the second is told by `folders`
        return []
    found: list[CheckMessage] = [
        Error(
            f"The filesystem of {root} cannot {words}.",
            hint="Put the media folder on another one: ext4, XFS, Btrfs or ZFS of this machine, or NFS from version 4.",
            id="jobs.E005",
        )
        for words in tried.lacking(root)
    ]
    if not tried.has_second_names(root):
        found.append(
            Warning(
                f"On the filesystem of {root} a file can have one name only (no hard links), so a kill in "
                "the wrong moment can keep an upload waiting until it is asked for again.",
                hint="Put the media folder on another filesystem, such as ext4, XFS or NFS.",
                id="jobs.W003",
            )
        )
    return found


@register
def bucket(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Whether STORAGE_URL can be read. Whether the bucket answers is told by `/readyz`: it may come later."""
    try:
        parsed(settings.STORAGE_URL) if settings.STORAGE_URL else None
    except ValueError as error:
        return [Error(str(error), hint="docs/settings.md says what it may hold.", id="jobs.E006")]
    return []


@register(Tags.database)
def all_characters(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Tables are made with the character set of their database, in which every name has to have room."""
    if not databases or connection.vendor != "mysql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@character_set_database, DATABASE()")
        characters, name = cursor.fetchone()
    if characters == "utf8mb4":
        return []
    return [
        Error(
            f"The database {name} keeps characters of {characters} only, so most names and titles would be refused.",
            hint=f"Before the first start: ALTER DATABASE `{name}` CHARACTER SET utf8mb4. Each table that is there "
            "already needs ALTER TABLE … CONVERT TO CHARACTER SET utf8mb4.",
            id="jobs.E004",
        )
    ]


@register(Tags.security, deploy=True)
def any_host(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    return [
        Warning(
            "ALLOWED_HOSTS is *, so the site answers to any name, and links in emails can be made to lead elsewhere.",
            hint="Write the names of the site into ALLOWED_HOSTS, with commas.",
            id="jobs.W001",
        )
    ]
