"""Which Redis each use goes to: one for all, or several that each can be lost, moved and sized by itself.

cache  numbers of attempts and calls, figures kept for seconds: may forget, and may throw the oldest away
queue  what wakes workers, and who they are: must throw nothing away, and is best kept on disk
live   messages to open pages: keeps nothing at all
"""

import dataclasses
import hashlib
import tempfile
import urllib.parse
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from videoservice import env


@dataclasses.dataclass(frozen=True)
class RedisServers:
    """An address for each use, as redis-py reads them. `embedded`: some use goes to the one that the site starts."""

    cache: str
    queue: str
    live: str
    embedded: bool

    def by_use(self) -> dict[str, str]:
        return {"cache": self.cache, "queue": self.queue, "live": self.live}


def embedded_socket(folder: Path) -> Path:
    """Of the Redis that the site starts, by the folder of its data; the kernel allows such a path only about 100
    bytes."""
    path = folder / "redis.sock"
    if len(str(path)) < 100:
        return path
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"videoservice-{digest}.sock"


def read(embedded: str) -> RedisServers:
    """What the environment names; what it does not name goes to REDIS_URL, and without that to the embedded one."""
    common = url("REDIS_URL", embedded)
    found = {use: url(f"{use.upper()}_REDIS_URL", common) for use in ("cache", "queue", "live")}
    return RedisServers(**found, embedded=embedded in found.values())


def url(name: str, default: str) -> str:
    """`redis://`, `rediss://` (TLS) or `unix://`. The message names no address: there may be a password in it."""
    value = env.text(name)
    if not value:
        return default
    parts = urllib.parse.urlsplit(value)
    try:
        fits = parts.scheme in ("redis", "rediss") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, or a password whose signs are not written as %40 and the like
        fits = False
    if not fits and not (parts.scheme == "unix" and parts.path.startswith("/")):
        raise ImproperlyConfigured(
            f"{name} cannot be read; write redis://user:password@host:6379/0, rediss:// for TLS, or unix:///socket?db=0."
        )
    return value
