"""Static files under names that tell their content, so that browsers keep them for good."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

IMPORT = r'(?P<matched>(?P<keyword>\b(?:from |import |import\())"(?P<url>\.[^"]+)")'


class StaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Our modules too name each other by such names.

    Django's own `support_js_module_import_aggregation` does it to every script of every package, and stumbles over the
    first comment in one that only looks like an import.
    """

    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("scripts/*.js", ((IMPORT, '%(keyword)s"%(url)s"'),)))
    max_post_process_passes = 10
    """A module's name depends on those of all that it imports: a pass for each on the longest way down."""
