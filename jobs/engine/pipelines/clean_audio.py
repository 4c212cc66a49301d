"""Cleaner sound for a recording whose picture is copied: less noise and hum, loud enough, and how much it helped.

The order is that of a mastering chain: what is below speech, hum, noise, then one gain to the loudness asked for.
"""

import contextlib
import dataclasses
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jobs.engine.audio import decoder, dehum, denoise, flac_writer, loudness, track_encoder
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.dehum import Hum
from jobs.engine.audio.filter_graph import filtered
from jobs.engine.audio.loudness import Loudness
from jobs.engine.audio.sample_clock import Samples
from jobs.engine.container.muxers import AudioCoding
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo
from jobs.engine.model.report import counted
from jobs.engine.model.told import Told
from jobs.engine.probe.inspection import inspect
from jobs.engine.render import replace_audio
from jobs.engine.render.replace_audio import Track
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from jobs.errors import InputError

Mains = Literal["auto", "off", "50", "60"]
BLOCK_SAMPLES = 1 << 16
# Two filters of second order, one after the other: 24 dB an octave.
HIGHPASS_POLES = 2


@dataclasses.dataclass(frozen=True)
class CleanOptions:
    """What to do. `strength` 0 leaves noise as it is, 1 lowers it as far as can be; None leaves loudness, or lows, as
    they are. A `handover` to a later step has the track without loss.
    """

    strength: float = 0.5
    hum: Mains = "auto"
    highpass_hz: float | None = None
    loudness_lufs: float | None = None
    handover: bool = False

    @property
    def coding(self) -> AudioCoding:
        return "flac24" if self.handover else "aac"


@dataclasses.dataclass(frozen=True)
class MeasuredLevels:
    """Levels of a track; None for what it does not have. `noise_db` is dBFS (RMS) where noise alone is heard."""

    loudness: Loudness | None
    noise_db: float | None

    @property
    def above_noise(self) -> float | None:
        """By how many dB all of it is louder than its noise."""
        if self.loudness is None or self.noise_db is None:
            return None
        return self.loudness.integrated_lufs - self.noise_db

    def to_json(self) -> dict[str, float | None]:
        return {
            "loudness_lufs": self.loudness.integrated_lufs if self.loudness else None,
            "true_peak_db": self.loudness.true_peak_db if self.loudness else None,
            "noise_db": _rounded(self.noise_db),
        }


@dataclasses.dataclass(frozen=True)
class Cleaned:
    """What was done; `frames_copied` of the video were copied as they are."""

    before: MeasuredLevels
    after: MeasuredLevels
    hum: Hum | None
    frames_copied: int

    @property
    def summary(self) -> str:
        """The result in words, a sentence without its full stop."""
        was, now = self.before.above_noise, self.after.above_noise
        if was is None or now is None:
            return "No steady noise was found" + (", but hum was taken out" if self.hum else "")
        return f"Noise is {now - was:.0f} dB lower beside the sound"

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """The result at length, as pairs of words."""
        was, now = self.before, self.after
        facts = [("Noise in pauses", _change(was.noise_db, now.noise_db, "dBFS"))]
        if was.loudness and now.loudness:
            facts += [
                ("Loudness", _change(was.loudness.integrated_lufs, now.loudness.integrated_lufs, "LUFS")),
                ("True peak", _change(was.loudness.true_peak_db, now.loudness.true_peak_db, "dBTP")),
            ]
        return (*facts, ("Hum taken out", _hum_words(self.hum)))

    def to_json(self) -> dict[str, Any]:
        return {
            **Told(summary=self.summary, facts=self.facts, compare=True).to_json(),
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "hum_hz": list(self.hum.lines_hz) if self.hum else [],
            "frames_copied": self.frames_copied,
        }


def _change(was: float | None, now: float | None, unit: str) -> str:
    if was is None or now is None:
        return "none that is heard alone"
    return f"{was:.1f} {unit} before, {now:.1f} {unit} after".replace("-", "−")


def _hum_words(hum: Hum | None) -> str:
    return f"{counted(len(hum.lines_hz), 'tone')} of {hum.mains_hz:.0f} Hz mains" if hum else "none"


def _rounded(db: float | None) -> float | None:
    return None if db is None else round(db, 1)


def tracks(info: MediaInfo, track: AudioTrack, cleaned: Path = Path()) -> list[Track]:
    """The tracks of the result: the cleaned one in the place of `track`."""
    return [cleaned if one == track else one for one in info.audio]


def suffix_for(info: MediaInfo, track: AudioTrack) -> str:
    """The ending of the result's name."""
    return replace_audio.suffix_for(info, tracks(info, track))


def clean(audio: AudioSource, options: CleanOptions, output: Path, work: Workspace) -> Cleaned:
    """Write the recording with a track cleaned; its picture and other tracks are copied.

    `output` should end in `suffix_for(...)`; it appears when it is whole. Raises InputError (`no_loudness`), ToolError,
    ResourceError, and what `work.progress` raises.
    """
    with tempfile.TemporaryDirectory(dir=work.scratch, prefix=".clean-") as folder:
        return _TrackCleaner(audio, options, dataclasses.replace(work, scratch=Path(folder))).done(output)


@dataclasses.dataclass(frozen=True)
class CleanedTrack:
    """A track cleaned in a file of its own, which begins with the recording. Levels of its noise are dBFS."""

    file: Source
    hum: Hum | None
    noise_before_db: float | None
    noise_after_db: float | None

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """What was done, as pairs of words."""
        return (
            ("Noise in pauses", _change(self.noise_before_db, self.noise_after_db, "dBFS")),
            ("Hum taken out", _hum_words(self.hum)),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "noise_before_db": _rounded(self.noise_before_db),
            "noise_after_db": _rounded(self.noise_after_db),
            "hum_hz": list(self.hum.lines_hz) if self.hum else [],
        }


def cleaned_track(audio: AudioSource, options: CleanOptions, work: Workspace) -> CleanedTrack:
    """Clean a track without loss, to a file in `work.scratch`, which stays there. Raises as `clean` does."""
    return _TrackCleaner(audio, dataclasses.replace(options, handover=True), work).alone()


class _TrackCleaner:
    """One track on its way. Every pass over it takes its share of the progress."""

    def __init__(self, audio: AudioSource, options: CleanOptions, work: Workspace) -> None:
        self.audio, self.options, self.work = audio, options, work
        self.rate, self.channels = decoder.output_rate(audio.track), decoder.output_channels(audio.track)
        self._begun, self._share, self._stage = 0.0, 0.0, ""

    def done(self, output: Path) -> Cleaned:
        self._next(0.1, "Listening for hum")
        hum = self._hum()
        filters = [*self._highpass(), *(hum.filters() if hum else [])]
        self._next(0.1, "Listening for noise")
        noise_at = denoise.measure(self._blocks(filters), self.rate).noise()
        self._next(0.12, "Measuring the loudness")
        loud = self._loudness(self.audio)
        self._next(0.04, "Listening for noise")
        before = MeasuredLevels(loud, self._noise_db(noise_at))
        self._next(0.04, "Listening for noise")
        noise = self._noise(filters, noise_at)
        self._next(0.15 if self.options.loudness_lufs is not None else 0.35, "Cleaning the sound")
        cleaned_file = self._written(self._cleaned(filters, noise))
        self._next(0.05, "Putting the file together")
        source = Source(self.audio.path, self.audio.info)
        made_of = tracks(source.info, self.audio.track, cleaned_file)
        frames_copied = replace_audio.join(source, made_of, output, progress=self._part, log=self.work.log)
        self._next(0.15, "Measuring what it became")
        made = only_track(cleaned_file)
        loud = self._loudness(made)
        self._next(0.05, "Measuring what it became")
        after = MeasuredLevels(loud, self._noise_db(noise_at, made))
        self.work.progress(1.0, self._stage)
        return Cleaned(before, after, hum, frames_copied)

    def alone(self) -> CleanedTrack:
        self._next(0.25, "Listening for hum")
        hum = self._hum()
        filters = [*self._highpass(), *(hum.filters() if hum else [])]
        self._next(0.2, "Listening for noise")
        noise_at = denoise.measure(self._blocks(filters), self.rate).noise()
        self._next(0.1, "Listening for noise")
        before = self._noise_db(noise_at)
        self._next(0.1, "Listening for noise")
        noise = self._noise(filters, noise_at)
        self._next(0.3, "Cleaning the sound")
        made = only_track(self._written(self._cleaned(filters, noise)))
        self._next(0.05, "Measuring what it became")
        after = self._noise_db(noise_at, made)
        self.work.progress(1.0, self._stage)
        return CleanedTrack(Source(made.path, made.info), hum, before, after)

    # Progress

    def _next(self, share: float, stage: str) -> None:
        self._begun += self._share
        self._share, self._stage = share, stage
        self._part(0.0)

    def _part(self, done: float) -> None:
        self.work.progress(min(1.0, self._begun + self._share * done), self._stage)

    # Listening

    def _highpass(self) -> list[str]:
        if self.options.highpass_hz is None:
            return []
        return [f"highpass=f={self.options.highpass_hz:.2f}"] * HIGHPASS_POLES

    def _hum(self) -> Hum | None:
        if self.options.hum == "off":
            return None
        mains = None if self.options.hum == "auto" else float(self.options.hum)
        with decoder.decoded(self.audio, rate=dehum.RATE, channels=1) as pcm:
            return dehum.find(self._told(pcm), mains)

    def _blocks(self, filters: list[str]) -> Generator[Samples, None, None]:
        with decoder.decoded(self.audio) as pcm:
            yield from filtered(self._told(pcm), filters, self.rate, self.channels)

    def _told(self, pcm: decoder.PcmReader) -> Iterator[Samples]:
        total = float(self.audio.info.duration) * pcm.rate
        while len(block := pcm.read(BLOCK_SAMPLES)):
            # Decoders can give not-a-number for damaged sound, and filters would never get rid of it.
            yield np.nan_to_num(block)
            self._part(min(1.0, pcm.position / total))

    def _noise_db(self, noise_at: NDArray[np.intp], made: AudioSource | None = None) -> float | None:
        """The level of what sounds at these steps, in the recording or in what was `made` of it."""
        if not len(noise_at):
            return None
        with decoder.decoded(made or self.audio, rate=self.rate, channels=self.channels) as pcm:
            noise = denoise.sample(self._told(pcm), noise_at, self.rate)
        return float(10 * np.log10(np.mean(np.square(noise, dtype=np.float64)) + 1e-12))

    def _noise(self, filters: list[str], noise_at: NDArray[np.intp]) -> Samples | None:
        """The noise alone, as the filters leave it."""
        if not self.options.strength or not len(noise_at):
            return None
        with contextlib.closing(self._blocks(filters)) as blocks:
            return denoise.sample(blocks, noise_at, self.rate)

    def _cleaned(self, filters: list[str], noise: Samples | None) -> Iterator[Samples]:
        blocks = self._blocks(filters)
        return blocks if noise is None else denoise.denoised(blocks, noise, self.options.strength, self.rate)

    def _loudness(self, audio: AudioSource) -> Loudness | None:
        try:
            return loudness.measure(audio, progress=self._part, log=self.work.log)
        except InputError:
            # Too quiet or short to have one.
            return None

    # Writing

    def _written(self, cleaned: Iterator[Samples]) -> Path:
        """The cleaned track in a file of its own."""
        output = self.work.scratch / "sound.mp4"
        if self.options.loudness_lufs is None:
            self._encode(cleaned, output)
            return output
        whole = self.work.scratch / "cleaned.flac"
        flac_writer.write(whole, cleaned, self.rate, self.channels)
        audio = only_track(whole)
        self._next(0.1, "Measuring the loudness")
        target = self.options.loudness_lufs
        levelling = loudness.levelled(audio, target, rate=self.rate, progress=self._part, log=self.work.log)
        self._next(0.1, "Encoding the sound")
        with decoder.decoded(audio) as pcm:
            self._encode(filtered(self._told(pcm), levelling.filters(self.rate), self.rate, self.channels), output)
        whole.unlink()
        return output

    def _encode(self, blocks: Iterator[Samples], output: Path) -> None:
        track, coding = self.audio.track, self.options.coding
        with track_encoder.encoder(output, track, self.rate, self.channels, coding) as encoder:
            for block in blocks:
                encoder.write(block)


def only_track(path: Path) -> AudioSource:
    """The one track of a file that was made on the way."""
    info = inspect(path)
    return AudioSource(path, info, info.audio[0])
