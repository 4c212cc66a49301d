"""What keys are called: relative paths, the same in a folder and in a bucket."""

from uuid import UUID, uuid4


def artifacts_key(job_id: UUID) -> str:
    """The folder of all that a job's attempts published. Results from before attempts had folders lie in it too."""
    return f"artifacts/{job_id}"


def results_key(job_id: UUID, attempt: int) -> str:
    """The folder of what one attempt publishes, which no other one touches."""
    return f"{artifacts_key(job_id)}/{attempt}"


def recording_key(video_id: UUID) -> str:
    """The folder of a recording's files."""
    return f"videos/{video_id}"


def source_key(video_id: UUID, ending: str) -> str:
    """Where a recording's file is to lie; another place at each call. Of two who make the same recording at the same
    time, as of one that is asked for again, each may so undo what it did and nothing of the other's."""
    return f"{recording_key(video_id)}/{uuid4().hex[:8]}/source.{ending}"


def poster_key(video_id: UUID) -> str:
    """Where the poster lies that was found when a recording came."""
    return f"{recording_key(video_id)}/poster.jpg"


def image_folder(image_id: UUID) -> str:
    """The folder of an image's file."""
    return f"images/{image_id}"


def cache_key(sha256: str) -> str:
    """The folder of what was measured of these bytes."""
    return f"cache/{sha256}"
