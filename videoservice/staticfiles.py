"""Static files under names that tell their content, so that browsers keep them for good, and made small."""

import re
from collections.abc import Iterator
from typing import Any

from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage
from rjsmin import jsmin
from whitenoise.storage import CompressedManifestStaticFilesStorage

IMPORT = r'(?P<matched>(?P<keyword>\b(?:from ?|import ?|import\())"(?P<url>\.[^"]+)")'
OURS = ("app.css", "scripts/", "operator/")
"""Those of packages come as their makers send them: some are written so that leaving anything out breaks them."""


NOT_SAID = re.compile(r"/\*.*?\*/|^[ \t]+|\n(?=\n)", re.DOTALL | re.MULTILINE)
"""What says nothing in a style sheet of one declaration a line: comments, what a line begins with, empty lines. Other
blanks stay: some of them say something."""


def smaller(css: str) -> str:
    return NOT_SAID.sub("", NOT_SAID.sub("", css))  # what a comment leaves of its line


class Minified:
    """A place of static files from which scripts come without comments and blanks, and styles without comments and
    indents."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def open(self, path: str) -> "File[Any]":
        file = self._storage.open(path)
        if not path.endswith((".js", ".css")):
            return file
        with file:
            text = file.read().decode()
            return ContentFile((jsmin if path.endswith(".js") else smaller)(text).encode())


class StaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Our modules too name each other by such names.

    Django's own `support_js_module_import_aggregation` does it to every script of every package, and stumbles over the
    first comment in one that only looks like an import.
    """

    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("scripts/*.js", ((IMPORT, '%(keyword)s"%(url)s"'),)))
    max_post_process_passes = 10
    """A module's name depends on those of all that it imports: a pass for each on the longest way down."""

    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Iterator[Any]:
        ours = {
            name: (Minified(storage) if name.startswith(OURS) else storage, path)
            for name, (storage, path) in paths.items()
        }
        return super().post_process(ours, dry_run=dry_run, **options)
