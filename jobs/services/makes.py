"""What comes of work before it is done, as far as further work asks: whether it will have a picture, and audio."""

from jobs.engine.model.mediainfo import MediaInfo
from jobs.errors import InputError
from jobs.models import Job
from jobs.operations import registry
from jobs.operations.base import Tracks
from jobs.services.parameters import from_json

ANY = Tracks(picture=True, audio=True)
"""What may come, where nothing is known yet."""


def of_info(info: MediaInfo) -> Tracks:
    return Tracks(info.video is not None, bool(info.audio))


def of_job(job: Job) -> Tracks | None:
    """What the result of a job will have; None where it will have none that work could go on with.

    Raises InputError for work that this install does not know any more.
    """
    tracks = of_job(job.source_job) if job.source_job else of_info(job.subject.info) if job.subject else ANY
    if tracks is None:
        return None
    try:
        return job.kind.makes(tracks, from_json(job.operation, job.params))
    except KeyError as error:
        raise InputError("This kind of work is not offered any more.", code="unknown_operation") from error


def refuse_unfit(slug: str, tracks: Tracks | None, source: str) -> None:
    """Raise InputError where an operation needs what its source, which is named so in the sentence, will not have."""
    operation = registry.get(slug)
    if tracks is None:
        raise InputError(
            f"{source} makes no one video or audio file that “{operation.title}” could go on with. Choose another "
            "source.",
            code="no_result",
        )
    if operation.accepts == "video" and not tracks.picture:
        raise InputError(
            f"“{operation.title}” needs a picture, and what {source} makes is sound only.", code="no_video"
        )
    if operation.accepts == "audio" and not tracks.audio:
        raise InputError(f"“{operation.title}” needs sound, and what {source} makes has none.", code="no_audio")
