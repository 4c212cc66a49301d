"""The site's static files as a deployment has them, collected once for all runs of tests on the same sources."""

import fcntl
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.processes import BASE_DIR, run
from videoservice import preparing


def put(folder: Path) -> None:
    """Make this folder, which is not there yet, with all static files in it."""
    kept = BASE_DIR / ".pytest_cache" / f"static-{preparing.static_digest()}"
    kept.parent.mkdir(exist_ok=True)
    with (kept.parent / "static.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # compressing takes long: of several runs, one does it
        if not kept.exists():
            _collect(kept)
        shutil.copytree(kept, folder)


def _collect(kept: Path) -> None:
    for outdated in kept.parent.glob("static-*"):
        shutil.rmtree(outdated, ignore_errors=True)
    with tempfile.TemporaryDirectory() as data:
        env = os.environ | {"DJANGO_SETTINGS_MODULE": "videoservice.settings", "DATA_DIR": data}
        run([sys.executable, "manage.py", "prepare", "--static"], cwd=BASE_DIR, env=env)
        shutil.move(Path(data) / "static", f"{kept}.part")
    Path(f"{kept}.part").rename(kept)
