"""Typed readers of environment variables. Each names the variable when its value cannot be used."""

import errno
import os
import urllib.parse
from collections.abc import Callable
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    """What the variable says, or else the file that the variable `<name>_FILE` leads to, as containers keep secrets.

    Raises ImproperlyConfigured for a file that cannot be read, and when both are given.
    """
    value, file = os.environ.get(name, "").strip(), os.environ.get(f"{name}_FILE", "").strip()
    if value and file:
        raise ImproperlyConfigured(f"Both {name} and {name}_FILE are set; leave one of them out.")
    if not file:
        return value or default
    try:
        return Path(file).read_text().strip() or default
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or "it is no text"
        raise ImproperlyConfigured(f"{name}_FILE leads to {file}, which cannot be read: {why.lower()}.") from None


def flag(name: str, default: bool = False) -> bool:
    value = text(name).lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    if value:
        raise ImproperlyConfigured(f"{name} is {value!r}; use 1 or 0.")
    return default


def integer(name: str, default: int, minimum: int = 0) -> int:
    value = text(name)
    if not value:
        return default
    if not value.isdigit() or int(value) < minimum:
        raise ImproperlyConfigured(f"{name} is {value!r}; use a whole number of at least {minimum}.")
    return int(value)


def integers(name: str, default: tuple[int, ...]) -> tuple[int, ...]:
    """Whole numbers written with commas."""
    value = words(name)
    if not value:
        return default
    if not all(word.isdigit() for word in value):
        raise ImproperlyConfigured(
            f"{name} is {text(name)!r}; use whole numbers with commas, as {default[0]},{default[1]}."
        )
    return tuple(int(word) for word in value)


def choice(name: str, *known: str) -> str:
    """One of some words; the first is the default."""
    value = text(name, known[0]).lower()
    if value not in known:
        raise ImproperlyConfigured(f"{name} is {value!r}; use {' or '.join(known)}.")
    return value


def words(name: str, default: str = "") -> list[str]:
    """A list written with commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def path(name: str, default: Path) -> Path:
    value = text(name)
    return Path(value).expanduser().resolve() if value else default


def kept_secret(name: str, file: Path, make: Callable[[], str]) -> str:
    """The variable, or what an earlier start left in `file`, or a new value that is kept there, readable by us only.

    Where nothing can be kept the value is good for this process alone; the start-up checks refuse to serve from there.
    """
    if value := text(name):
        return value
    try:
        return file.read_text().strip()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass
    value = make()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(value)
    except FileExistsError:  # another process of this start was quicker
        return file.read_text().strip()
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
            raise
    return value


def site_url(scheme: str, hosts: list[str]) -> str:
    """The address of the site as far as other settings tell it: its first name, and where that is a laptop its port."""
    named = next((host.lstrip(".") for host in hosts if host != "*"), "localhost")
    port = "" if scheme == "https" or flag("BEHIND_PROXY") else f":{integer('PORT', 8000, 1)}"
    return f"{scheme}://{named}{port}"


def smtp(name: str) -> dict[str, object]:
    """Django's EMAIL_ settings from `smtp://user:password@host:port` (`smtps` for TLS, `smtp+tls` for STARTTLS)."""
    parts = urllib.parse.urlsplit(text(name))
    if parts.scheme not in ("smtp", "smtps", "smtp+tls") or not parts.hostname:
        raise ImproperlyConfigured(f"{name} cannot be read; write smtp://user:password@host:port.")
    return {
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or {"smtp": 25, "smtps": 465, "smtp+tls": 587}[parts.scheme],
        "EMAIL_HOST_USER": urllib.parse.unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": urllib.parse.unquote(parts.password or ""),
        "EMAIL_TIMEOUT": 20,
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
    }
