"""The picture that stands for a recording: the one found when it came, or a thumbnail that its owner chose."""

from PIL import Image

from jobs import publish, storage
from jobs.engine.pipelines.probe import POSTER_WIDTH
from jobs.engine.video import still
from jobs.errors import InputError
from jobs.models import Artifact, Video


def choose(artifact: Artifact) -> None:
    """Make a copy of this picture the poster of its recording. Raises InputError and ResourceError.

    The first poster stays where it is, for `take_back`. The picture itself may be removed afterwards.
    """
    video = artifact.job.subject
    if video is None or not artifact.shows_moment:
        raise InputError("This is no picture of one moment of the recording. Choose a thumbnail.", code="no_moment")
    key = f"{storage.recording_key(video.pk)}/poster-{artifact.pk}.jpg"
    try:
        with storage.drafting(key, ".poster.jpg") as part:
            with storage.open_file(artifact.key) as file, Image.open(file) as picture:
                picture.thumbnail((POSTER_WIDTH, POSTER_WIDTH))
                still.save(picture.convert("RGB"), part, "jpeg")
            part.chmod(0o644)
            storage.publish(part, key)
    except FileNotFoundError as error:
        raise InputError("This picture is gone. Make thumbnails again.", detail=str(error), code="gone") from error
    _set(video, key)


def take_back(video: Video) -> None:
    """Return to the poster that was found when the recording came; to none where there was none."""
    found = storage.poster_key(video.pk)
    _set(video, found if storage.exists(found) else "")


def _set(video: Video, key: str) -> None:
    before, video.poster = video.poster, key
    if not Video.objects.filter(pk=video.pk).update(poster=key):  # deleted meanwhile, and with it its folder
        storage.delete(key)
    if before not in (key, storage.poster_key(video.pk)):
        storage.delete(before)
    publish.tell([video.owner_id])
