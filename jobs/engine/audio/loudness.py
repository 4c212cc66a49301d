"""Loudness by EBU R128 (ITU-R BS.1770), and bringing it to a target in two passes: measure, then one constant gain.

A constant gain keeps the dynamics of speech and music as they are. Only where it would lift peaks beyond TRUE_PEAK_DB
a limiter rounds them off; what that takes away is measured and made up for.
"""

import dataclasses
import functools
import re
from collections.abc import Sequence

from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.container import ffmpeg
from jobs.engine.model.progress import Advance
from jobs.engine.runtime import subprocess_runner
from jobs.errors import InputError, ToolError

USUAL_LUFS = -16.0
"""What podcasts and most platforms for speech ask for."""
MINIMUM_LUFS, MAXIMUM_LUFS = -40, -6
"""What may be asked for."""
TRUE_PEAK_DB = -1.5
"""dBTP. R128 allows -1; lossy coding of the result adds a little."""
OVERSAMPLED_HZ = 192_000
"""Where the limiter works: peaks between samples are samples there."""
NEAR_ENOUGH_LU = 0.1
MAXIMUM_TRIES = 4
GATE_LUFS = -70.0
"""R128 leaves quieter blocks out; audio that is nowhere louder has no loudness."""
SUMMARY = re.compile(
    r"\bI:\s+(-?[\d.]+|-?inf|nan) LUFS.*\bLRA:\s+([\d.]+) LU.*\bPeak:\s+(-?[\d.]+|-?inf) dBFS", re.DOTALL
)
"""The last lines of ffmpeg's ebur128."""


@dataclasses.dataclass(frozen=True)
class Loudness:
    """Of a whole track: integrated loudness in LUFS, its range in LU, the true peak in dBTP (-inf for none)."""

    integrated_lufs: float
    range_lu: float
    true_peak_db: float


@dataclasses.dataclass(frozen=True)
class Levelling:
    """The gain that brings a track to its target, whether peaks are limited, and loudness before and after."""

    gain_db: float
    limited: bool
    before: Loudness
    after: Loudness

    def filters(self, rate: int) -> list[str]:
        return filters(self.gain_db, rate, limited=self.limited)

    def to_json(self) -> dict[str, float | bool]:
        return {
            "gain_db": round(self.gain_db, 2),
            "limited": self.limited,
            "lufs_before": self.before.integrated_lufs,
            "lufs_after": self.after.integrated_lufs,
            "true_peak_db": round(self.after.true_peak_db, 1),
        }


def filters(gain_db: float, rate: int, *, limited: bool) -> list[str]:
    """ffmpeg's filters for a gain in dB. `rate` is the sample rate of the track, in Hz."""
    gain = [f"volume={gain_db:.3f}dB:precision=float"]
    if not limited:
        return gain
    ceiling = 10 ** (TRUE_PEAK_DB / 20)
    return [
        *gain,
        f"aresample={OVERSAMPLED_HZ}",
        f"alimiter=limit={ceiling:.5f}:level=0:latency=1",
        f"aresample={rate}",
    ]


def measure(
    audio: AudioSource,
    before: Sequence[str] = (),
    *,
    progress: Advance,
    log: subprocess_runner.CommandLog | None = None,
) -> Loudness:
    """Loudness of a track behind some of ffmpeg's filters. `progress` gets a fraction, 0 to 1.

    Raises ToolError, ResourceError, and InputError (`no_loudness`) for audio too quiet or short to have one.
    """
    chain = ",".join([*before, "ebur128=peak=true:framelog=quiet"])
    argv = [
        *(ffmpeg.program(), "-nostdin", "-hide_banner", "-loglevel", "info", "-nostats"),
        *(*ffmpeg.reading(audio.path, audio.format), "-map", f"0:{audio.track.index}"),
        *("-af", chain, "-progress", "pipe:1", "-f", "null", "-"),
    ]
    return parsed(ffmpeg.follow(argv, audio.info.duration, progress, log=log))


def parsed(text: str) -> Loudness:
    """The summary that ebur128 prints last. Raises ToolError, and InputError (`no_loudness`)."""
    summary = SUMMARY.search(text)
    if not summary:
        raise ToolError(
            "The loudness of the sound could not be measured. Leave it as it is, and tell the operator.", detail=text
        )
    loudness = Loudness(*map(float, summary.groups()))
    if not loudness.integrated_lufs > GATE_LUFS:
        raise InputError(
            "The sound is too quiet or too short to have a loudness, so it cannot be brought to one. "
            "Leave the loudness as it is, or choose another track.",
            code="no_loudness",
        )
    return loudness


def levelled(
    audio: AudioSource,
    target_lufs: float,
    before: Sequence[str] = (),
    *,
    rate: int,
    progress: Advance,
    log: subprocess_runner.CommandLog | None = None,
) -> Levelling:
    """What brings a track, behind the filters `before`, to the target: within 0.1 LU unless all of it is peaks.

    `rate` is what the result is sampled at. `progress` gets a fraction, 0 to 1. Raises as `measure` does.
    """
    measured = measure(audio, before, progress=lambda done: progress(done / 2), log=log)
    gain = target_lufs - measured.integrated_lufs
    peak = measured.true_peak_db + gain
    if peak <= TRUE_PEAK_DB:
        after = Loudness(target_lufs, measured.range_lu, peak)
        return Levelling(gain, limited=False, before=measured, after=after)
    for number in range(1, MAXIMUM_TRIES + 1):
        limiting = [*before, *filters(gain, rate, limited=True)]
        after = measure(audio, limiting, progress=functools.partial(_later, progress, number), log=log)
        missing = target_lufs - after.integrated_lufs
        if abs(missing) <= NEAR_ENOUGH_LU or number == MAXIMUM_TRIES:
            break
        gain += missing
    return Levelling(gain, limited=True, before=measured, after=after)


def _later(progress: Advance, number: int, done: float) -> None:
    # How often the limiter has to be tried is not known: each try takes half of what is left.
    progress(1 - 0.5**number + 0.5 ** (number + 1) * done)
