"""The real site of the tests, for benchmarks: web process, workers, reconciler and Redis, in a folder of its own."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


@contextlib.contextmanager
def real_site(*, only_web: bool = False, webs: int = 0, **env: str) -> Iterator[tuple[Any, Path]]:
    """A `tests.site.Site` that runs for as long as the block does, with these variables, and a folder for what is sent
    to it."""
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()
    from tests.site import Sites

    folder = Path(os.environ["TEST_DATA_DIR"])
    sites = Sites(folder / "sites", contextlib.nullcontext, None)
    try:
        yield sites.make(only_web=only_web, webs=webs, **env), folder
    finally:
        sites.stop()
