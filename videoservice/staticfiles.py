"""Static files under names that tell their content, so that browsers keep them for good, and made small."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage
from rcssmin import cssmin
from rjsmin import jsmin
from whitenoise.storage import CompressedManifestStaticFilesStorage

IMPORT = r'(?P<matched>(?P<keyword>\b(?:from ?|import ?|import\())"(?P<url>\.[^"]+)")'
INSIDE = re.compile(r"(?<=[\w\])]) :(?=[a-z])")
"""The blank of `.card :is(td, th)`, which rcssmin takes for one that says nothing. `*` behind it says the same."""


def small_css(text: str) -> str:
    return str(cssmin(INSIDE.sub(" *:", text)))


SMALLER: dict[str, Callable[[str], str]] = {".js": jsmin, ".css": small_css}
"""What leaves out the comments and blanks of files with such names."""
OURS = ("scripts/", "operator/", "app.css")
"""Those of packages come as their makers send them: some are written so that leaving anything out breaks them."""


class Minified:
    """A place of static files from which scripts and styles come without comments and blanks."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def open(self, path: str) -> "File[Any]":
        for ending, smaller in SMALLER.items():
            if path.endswith(ending):
                with self._storage.open(path) as file:
                    return ContentFile(smaller(file.read().decode()).encode())
        return self._storage.open(path)


class StaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Our modules too name each other by such names.

    Django's own `support_js_module_import_aggregation` does it to every script of every package, and stumbles over the
    first comment in one that only looks like an import.
    """

    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("scripts/*.js", ((IMPORT, '%(keyword)s"%(url)s"'),)))
    max_post_process_passes = 10
    """A module's name depends on those of all that it imports: a pass for each on the longest way down."""

    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Iterator[Any]:
        smaller = {
            name: (Minified(storage) if name.startswith(OURS) else storage, path)
            for name, (storage, path) in paths.items()
        }
        return super().post_process(smaller, dry_run=dry_run, **options)
