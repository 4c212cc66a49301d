"""Recordings with a transcript, as the operation would have left them, without anybody listening."""

import hashlib
import tempfile
from fractions import Fraction
from pathlib import Path

from django.utils import timezone

from jobs.engine.captions.transcript import Line, Transcript, Word
from jobs.models import Artifact, Job, Video
from jobs.operations.transcribe import files
from tests import factories


def transcript(*lines: tuple[float, str], pace: float = 0.4, duration: int = 20) -> Transcript:
    """Lines by their start in seconds; each word takes `pace` seconds."""
    step = Fraction(str(pace))
    made = []
    for begin, text in lines:
        start = Fraction(str(begin))
        words = [
            Word(start + place * step, start + (place + 1) * step, one, 0.8) for place, one in enumerate(text.split())
        ]
        made.append(Line(start, words[-1].end, tuple(words)))
    return Transcript("pocketsphinx", "en-us", "en", Fraction(duration), tuple(made))


def keep(video: Video, found: Transcript, media: Path) -> Job:
    """A finished job with the transcript's files under the media folder."""
    job = factories.job(
        video.owner, video=video, operation="transcribe", status=Job.Status.SUCCEEDED, finished_at=timezone.now()
    )
    with tempfile.TemporaryDirectory() as folder:
        for place, draft in enumerate(files(Path(folder), video.title, found)):
            data = draft.path.read_bytes()
            key = f"artifacts/{job.pk}/{place}{draft.path.suffix}"
            (media / key).parent.mkdir(parents=True, exist_ok=True)
            (media / key).write_bytes(data)
            Artifact.objects.create(
                job=job,
                position=place,
                kind=draft.kind,
                name=draft.name,
                key=key,
                size=len(data),
                media_type=draft.media_type,
                sha256=hashlib.sha256(data).hexdigest(),
                metadata=dict(draft.metadata),
            )
    return job
