"""Keeping what search reads: the lines of the newest transcript of each recording, with the terms they are found by.

Lines are written when a transcript was made or changed, and go with its rows. What was missed, since a process died in
between or the newest transcript was removed, the reconciler makes good (`transcripts.catch_up`).
"""

from collections.abc import Sequence

from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce

from jobs.engine.captions.transcript import Line
from jobs.models import Account, Artifact, IndexedTranscript, Job, SaidLine, Video
from jobs.operations.transcribe import Transcribe
from jobs.services import search_terms

BATCH = 500
"""Rows of one statement."""


def owner_term(owner: Account) -> str:
    """Stands in every row of an owner, so that an index reads no rows of others. Whose a row is, the tables tell."""
    return f"oo{owner.pk}"


def hold(artifact: Artifact, video: Video) -> IndexedTranscript:
    """The row of a transcript, held until the transaction ends: of two who write, the later one has read the later
    file."""
    if not IndexedTranscript.objects.filter(artifact=artifact).update(version=""):
        IndexedTranscript.objects.create(artifact=artifact, video=video, version="")
    return IndexedTranscript.objects.select_related("video__owner").get(artifact=artifact)


def write(transcript: IndexedTranscript, version: str, lines: Sequence[Line]) -> None:
    """Make these lines what is found of the recording, in place of all others. Call it in a transaction."""
    transcript.lines.all().delete()
    SaidLine.objects.bulk_create(rows_of(transcript, lines), batch_size=BATCH)
    IndexedTranscript.objects.filter(pk=transcript.pk).update(version=version)
    IndexedTranscript.objects.filter(video=transcript.video).exclude(pk=transcript.pk).delete()


def rows_of(transcript: IndexedTranscript, lines: Sequence[Line]) -> list[SaidLine]:
    codes = [" ".join(term.code for term in search_terms.terms(line.text)) for line in lines]
    owner = owner_term(transcript.video.owner)
    return [
        SaidLine(
            transcript=transcript,
            place=place,
            start=float(line.start),
            end=float(line.end),
            text=line.text,
            terms=f"{owner} {codes[place]} {following} ",
        )
        for place, (line, following) in enumerate(zip(lines, [*codes, ""][1:], strict=True))
    ]


def missed(most: int) -> list[Artifact]:
    """Transcripts that are not indexed as they are now, the newest of a recording first."""
    done = Artifact.objects.filter(
        Q(job__on_result=False) | Q(job__source__isnull=False, job__source__removal=None),  # else it is of nothing
        kind=Artifact.Kind.DATA,
        job__operation=Transcribe.slug,
        job__status=Job.Status.SUCCEEDED,
    )
    done = done.annotate(subject=Coalesce("job__source", "job__video"), finished=F("job__finished_at"))
    newer = IndexedTranscript.objects.filter(
        artifact__removal=None, video=OuterRef("subject"), artifact__job__finished_at__gt=OuterRef("finished")
    )
    same = IndexedTranscript.objects.filter(artifact=OuterRef("pk"), version=OuterRef("sha256"))
    late = done.exclude(Exists(same)).exclude(Exists(newer)).select_related("job")
    return list(late.order_by("-finished")[:most])
