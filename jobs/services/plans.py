"""What a cut would keep, without rendering it, and what that is found from.

What is decoded for that, and plans of very many ranges, are the work of a child process (`services.measuring`).
"""

import asyncio
import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from jobs import storage
from jobs.engine.analysis import level_quantizer, peak_levels, vad
from jobs.engine.analysis.peak_levels import Levels
from jobs.engine.analysis.vad import Voice
from jobs.engine.edit.cut_params import CutParams
from jobs.engine.pipelines import silence_cut
from jobs.engine.pipelines.measuring import Request
from jobs.engine.runtime import subprocess_runner
from jobs.engine.video import frame_index
from jobs.models import Video
from jobs.operations.silence_cut import SilenceCutParams
from jobs.services import measuring

OPERATION = "silence-cut"
QUICK_SECONDS = 3600
QUICK_RANGES = 1000
"""A plan of a longer recording, or of more ranges, would hold the web process up for others."""
Detector = Literal["loudness", "voice"]
TrackChoice = int | Literal["all"]
T = TypeVar("T")


async def cut_plan(video: Video, params: SilenceCutParams) -> dict[str, Any]:
    """`{keep: [[start, end]...], source_duration, output_duration, saved, threshold_db}`: seconds, and the level in
    dBFS that the plan was made with (None for given ranges).

    Sound and frames are measured once and kept in the cache of these bytes. Raises InputError when nothing would be
    left, Busy when too much is being measured, ToolError, ResourceError.
    """
    info = video.info
    measured = None if params.keep else await _heard(video, params.detector, params.audio_track)
    index = (
        await _kept(video, "frames", "all", lambda cache: frame_index.cached_index(info, cache)) if info.video else None
    )
    if info.duration <= QUICK_SECONDS and len(params.keep) <= QUICK_RANGES:
        return silence_cut.plan_json(
            await asyncio.to_thread(silence_cut.planned, info, params.for_engine(), measured, index)
        )
    wanted = {field.name: getattr(params, field.name) for field in dataclasses.fields(CutParams)}
    digest = hashlib.sha256(json.dumps(wanted).encode()).hexdigest()
    key = (video.sha256, "plan", params.audio_track, digest)
    return await measuring.answer(video.owner_id, key, lambda: _request(video, "plan", params.audio_track, wanted))


async def heard(video: Video, detector: Detector, track: TrackChoice) -> bytes:
    """What the detector measures of a recording, as `level_quantizer` writes it for a page.

    Takes seconds the first time, milliseconds from then on. Raises as `cut_plan` does, and FileNotFoundError.
    """
    if not await asyncio.to_thread(storage.exists, video.key):
        raise FileNotFoundError(video.key)
    measured = await _heard(video, detector, track)
    return await asyncio.to_thread(_graded, measured)


def _graded(measured: Levels | Voice) -> bytes:
    found = level_quantizer.of_voice(measured) if isinstance(measured, Voice) else level_quantizer.of_levels(measured)
    return found.to_bytes()


def heard_version(detector: Detector) -> str:
    """Changes when the same bytes would be heard differently."""
    return f"{detector}-{vad.VERSION if detector == 'voice' else peak_levels.VERSION}.{level_quantizer.VERSION}"


async def _heard(video: Video, detector: Detector, track: TrackChoice) -> Levels | Voice:
    video.info.require_audio(track)
    kept: Callable[[Path, TrackChoice], Levels | Voice | None] = vad.kept if detector == "voice" else peak_levels.kept
    return await _kept(video, detector, track, lambda cache: kept(cache, track))


async def _kept(video: Video, what: str, track: TrackChoice, load: Callable[[Path], T | None]) -> T:
    """What is in the cache of a recording, after it was measured if it has to be."""
    cache = storage.cache_dir(video.sha256)
    if (found := await asyncio.to_thread(load, cache)) is None and not storage.store().is_folder:
        await asyncio.to_thread(storage.pull, video.sha256)
        found = await asyncio.to_thread(load, cache)
    if found is None:
        await measuring.answer(video.owner_id, (video.sha256, what, track), lambda: _request(video, what, track))
        found = await asyncio.to_thread(load, cache)
    if found is None:
        raise subprocess_runner.disk_full(f"nothing was kept in {cache}")
    return found


@contextlib.contextmanager
def _request(video: Video, what: str, track: TrackChoice, params: Mapping[str, Any] | None = None) -> Iterator[Request]:
    with storage.fetch(video.key, video.sha256) as source, storage.measured(video.sha256) as cache:
        yield Request(what, str(source), str(cache), video.info.to_json(), track, dict(params or {}))
