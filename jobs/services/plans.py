"""What a cut would keep, without rendering it, and what that is found from."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from weakref import WeakValueDictionary

from jobs import storage
from jobs.engine import cut, grades, levels, voice
from jobs.models import Video
from jobs.operations.silence_cut import SilenceCutParams

OPERATION = "silence-cut"
_locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
_guard = threading.Lock()


def cut_plan(video: Video, params: SilenceCutParams) -> dict[str, Any]:
    """`{keep: [[start, end]...], source_duration, output_duration, saved, threshold_db}`: seconds, and the level in
    dBFS that the plan was made with (None for given ranges).

    The sound is measured once and kept in the cache of these bytes. Raises InputError when nothing would be left.
    """
    with _alone(video):
        plan = cut.plan_only(
            storage.path(video.key),
            video.info,
            params.for_engine(),
            track=params.audio_track,
            cache=storage.cache_dir(video.sha256),
        )
    return cut.plan_json(plan)


def heard(video: Video, detector: Literal["loudness", "voice"], track: int | Literal["all"]) -> bytes:
    """What the detector measures of a recording, as `grades` writes it for a page.

    Takes seconds the first time, milliseconds from then on. Raises InputError, ToolError, FileNotFoundError.
    """
    source, cache_dir = storage.path(video.key), storage.cache_dir(video.sha256)
    if not source.exists():
        raise FileNotFoundError(source)
    with _alone(video):
        if detector == "voice":
            return grades.of_voice(voice.measure(source, video.info, track, cache_dir=cache_dir)).to_bytes()
        return grades.of_levels(levels.measure(source, video.info, track, cache_dir=cache_dir)).to_bytes()


def heard_version(detector: Literal["loudness", "voice"]) -> str:
    """Changes when the same bytes would be heard differently."""
    return f"{detector}-{voice.VERSION if detector == 'voice' else levels.VERSION}.{grades.VERSION}"


@contextmanager
def _alone(video: Video) -> Iterator[None]:
    """A page asks for several things at once: what is measured for the first of them is there for the others."""
    with _guard:
        lock = _locks.setdefault(video.sha256, threading.Lock())
    with lock:
        yield
