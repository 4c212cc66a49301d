"""The browser of the tests."""

import shutil
from typing import Any

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
# Without a window's own pages a browser takes less than half of the processor.
OPTIONS = (
    "--no-sandbox --disable-gpu --disable-dev-shm-usage --disable-background-networking --disable-component-update "
    "--disable-sync --no-first-run --autoplay-policy=no-user-gesture-required"
)


def launch(playwright: Any) -> Any:
    """The system's Chromium, or else the one that playwright has brought."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    return playwright.chromium.launch(executable_path=found, args=OPTIONS.split())
