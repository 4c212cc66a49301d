"""What was said in recordings, line by line, so that it can be found."""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql.compiler import SQLCompiler


class IndexedTranscript(models.Model):
    """A transcript whose lines can be found: the newest of its recording. `version` is the hash of its JSON file when
    its lines were read."""

    artifact = models.OneToOneField("jobs.Artifact", on_delete=models.CASCADE, primary_key=True, related_name="indexed")
    video = models.ForeignKey("jobs.Video", on_delete=models.CASCADE, related_name="indexed_transcripts")
    version = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"Words of {self.video_id}"


class SaidLine(models.Model):
    """A line of a transcript. `place` counts from 0, times are seconds of the recording.

    `terms` are what it is found by (`services.search_terms`): those of the line and of the next, since what is looked
    for may go over the end of a line. The database's own full text index is over them; migrations make it.
    """

    transcript = models.ForeignKey(IndexedTranscript, on_delete=models.CASCADE, related_name="lines")
    place = models.PositiveIntegerField()
    start = models.FloatField()
    end = models.FloatField()
    text = models.TextField()
    terms = models.TextField()

    def __str__(self) -> str:
        return self.text


class FullText(models.Lookup):
    """`terms__fulltext=query`, in the language of the database, for `SaidLine` alone: on SQLite a table of FTS5 stands
    beside its own."""

    lookup_name = "fulltext"

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        column, params = self.process_lhs(compiler, connection)
        value, more = self.process_rhs(compiler, connection)
        return f"MATCH({column}) AGAINST ({value} IN BOOLEAN MODE)", (*params, *more)

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        column, params = self.process_lhs(compiler, connection)
        value, more = self.process_rhs(compiler, connection)
        key = column.replace('"terms"', '"id"')
        found = f"SELECT rowid FROM jobs_saidline_terms WHERE terms MATCH {value}"  # noqa: S608 a placeholder
        return f"{key} IN ({found})", (*params, *more)


models.TextField.register_lookup(FullText)
