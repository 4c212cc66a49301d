"""What runs here: our version, and those of the parts that work depends on."""

import functools
import platform
import re
import subprocess
import tomllib
from importlib.metadata import version

from django.conf import settings

from jobs.engine.container import ffmpeg

PATIENCE_SECONDS = 5


@functools.cache
def versions() -> dict[str, str]:
    """By the name of the part; "" for what cannot be found out. Asked once in each process."""
    return {
        "videoservice": ours(),
        "revision": _said("git", "-C", str(settings.BASE_DIR), "rev-parse", "--short=12", "HEAD"),
        "ffmpeg": ffmpeg_version(),
        "django": version("django"),
        "rq": version("rq"),
        "python": platform.python_version(),
    }


def ours() -> str:
    try:
        project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())
    except OSError:
        return ""
    return str(project["project"]["version"])


def ffmpeg_version() -> str:
    """Of the ffmpeg that jobs run: “7.0.2”."""
    found = re.match(r"ffmpeg version n?(\d[\w.]*)", _said(str(ffmpeg.program()), "-version"))
    return found[1] if found else ""


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
