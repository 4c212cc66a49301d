"""What a cut would keep, without rendering it."""

from typing import Any

from jobs import storage
from jobs.engine import cut
from jobs.models import Video
from jobs.operations.silence_cut import SilenceCutParams

OPERATION = "silence-cut"


def cut_plan(video: Video, params: SilenceCutParams) -> dict[str, Any]:
    """`{keep: [[start, end]...], source_duration, output_duration, saved, threshold_db}`: seconds, and the level in
    dBFS that the plan was made with (None for given ranges).

    The sound is measured once and kept in the cache of these bytes. Raises InputError when nothing would be left.
    """
    plan = cut.plan_only(
        storage.path(video.key),
        video.info,
        params.for_engine(),
        track=params.audio_track,
        cache=storage.cache_dir(video.sha256),
    )
    return cut.plan_json(plan)
