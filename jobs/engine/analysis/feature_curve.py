"""A value for each step of time, measured once of a recording's audio and kept."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from jobs.engine.audio import decoder
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.decoder import PcmReader
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.model.progress import Advance
from jobs.engine.runtime import array_cache

Measured = TypeVar("Measured")


class Curve(NamedTuple):
    """`values` has one value per step; `duration` is the exact length of the audio, from the recording's start on."""

    values: NDArray[np.float32]
    duration: Fraction


@dataclasses.dataclass(frozen=True)
class Feature(Generic[Measured]):
    """What is measured, and what is made of its curve.

    `values_of` reads a track, which comes at `rate` and in `channels` (None: its own), and gives the values of block
    after block. A track that has ended has the value `silence`. `name`, and `version`, which rises when the same audio
    would be measured in another way, are in the names of files that keep it.
    """

    name: str
    version: int
    made_of: Callable[[NDArray[np.float32], Fraction], Measured]
    values_of: Callable[[PcmReader], Iterator[NDArray[np.float32]]]
    silence: float
    rate: int | None = None
    channels: int | None = None

    def measure(
        self,
        source: Path,
        info: MediaInfo,
        track: int | str = "all",
        *,
        cache_dir: Path | None = None,
        progress: Advance | None = None,
    ) -> Measured:
        """Of one audio track, or the highest value of any track at each step.

        `cache_dir` is a folder that belongs to the bytes of `source`; what is found there is not measured again.
        `progress` gets the fraction of the audio that was decoded, 0 to 1. Raises InputError, ToolError.
        """
        tracks = info.require_audio(track)
        stored = cache_dir and self._stored(cache_dir, track)
        curve = _load(stored)
        if curve is None:
            curve = self._highest([AudioSource(source, info, one) for one in tracks], progress)
            duration = np.array(curve.duration.as_integer_ratio(), np.int64)
            array_cache.save(stored, {"values": curve.values, "duration": duration})
        return self.made_of(*curve)

    def measure_tracks(self, tracks: Sequence[AudioSource], progress: Advance | None = None) -> Measured:
        """The highest value of any of these tracks at each step. Raises InputError, ToolError."""
        return self.made_of(*self._highest(tracks, progress))

    def kept(self, cache_dir: Path, track: int | str) -> Measured | None:
        """What `measure` found before of these bytes, as far as it is still there."""
        curve = _load(self._stored(cache_dir, track))
        return self.made_of(*curve) if curve else None

    def _stored(self, cache_dir: Path, track: int | str) -> Path:
        return cache_dir / f"{self.name}-{track}.v{self.version}.npz"

    def _highest(self, tracks: Sequence[AudioSource], progress: Advance | None) -> Curve:
        curves = []
        for number, one in enumerate(tracks):

            def advance(fraction: float, number: int = number) -> None:
                if progress:
                    progress((number + fraction) / len(tracks))

            curves.append(self._curve(one, advance))
        return highest(curves, self.silence)

    def _curve(self, audio: AudioSource, advance: Advance) -> Curve:
        blocks, total = [], audio.info.duration
        with decoder.decoded(audio, rate=self.rate, channels=self.channels) as pcm:
            for block in self.values_of(pcm):
                blocks.append(block)
                advance(min(1.0, float(Fraction(pcm.position, pcm.rate) / total)) if total else 1.0)
        values = np.concatenate(blocks) if blocks else np.empty(0, np.float32)
        return Curve(values, Fraction(pcm.position, pcm.rate))


def highest(curves: Sequence[Curve], silence: float) -> Curve:
    """The highest of several curves at each step."""
    values = np.full(max(len(curve.values) for curve in curves), silence, np.float32)
    for curve in curves:
        part = values[: len(curve.values)]
        np.maximum(part, curve.values, out=part)
    return Curve(values, max(curve.duration for curve in curves))


def _load(stored: Path | None) -> Curve | None:
    """A stored curve, or None when it is not there or not what `measure` stores."""
    arrays = array_cache.load(stored)
    if not arrays or set(arrays) != {"values", "duration"}:
        return None
    values, duration = arrays["values"], arrays["duration"]
    if values.ndim != 1 or values.dtype != np.float32 or duration.shape != (2,) or duration[1] <= 0:
        return None
    return Curve(values, Fraction(int(duration[0]), int(duration[1])))
