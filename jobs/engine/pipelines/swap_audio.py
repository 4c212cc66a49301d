"""Another recording's sound put under a picture, at the offset and the pace that `alignment` finds.

Where the other recording has nothing, the video's own sound stays.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np

from jobs.engine.analysis.alignment import MINIMUM_AGREEING_WINDOWS, MINIMUM_CONFIDENCE, Alignment, align
from jobs.engine.analysis.coarse_offset import ClockLine
from jobs.engine.audio import decoder, track_encoder
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.decoder import PcmReader
from jobs.engine.audio.drift_resampler import resampled
from jobs.engine.audio.sample_clock import Positioned, Samples
from jobs.engine.audio.sample_ranges import SampleCursor
from jobs.engine.container.muxers import AudioCoding
from jobs.engine.model.progress import Progress
from jobs.engine.model.told import Told
from jobs.engine.render import replace_audio
from jobs.engine.render.replace_audio import Track
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from jobs.errors import InputError

Mode = Literal["replace", "mix", "add"]
# The two are the same sound at the same time, so a straight fade keeps the level.
FADE_SECONDS = 0.05
BLOCK_SAMPLES = 1 << 16
# Shares of the whole, as measured on an hour.
ALIGNING, RENDERED = 0.35, 0.95
ADDED_TITLE = "Other recording"


@dataclasses.dataclass(frozen=True)
class Swapped:
    """What was made, and how the two recordings lie to each other. `pictures` were copied."""

    alignment: Alignment
    mode: Mode
    pictures: int

    @property
    def summary(self) -> str:
        """The result in words, a sentence without its full stop."""
        alignment = self.alignment
        return (
            f"Offset {signed(alignment.offset_ms, 1)} ms, drift {signed(alignment.drift_ppm, 1)} ppm, "
            f"confidence {round(100 * alignment.confidence)} %"
        )

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """The result at length, as pairs of words."""
        alignment = self.alignment
        begun = "later than the video" if alignment.offset_ms >= 0 else "before the video"
        drift = signed(alignment.drift_ppm, 1)
        clock = f"its clock runs {'fast' if alignment.drift_ppm > 0 else 'slow'}, which is corrected"
        if drift == signed(0, 1):
            clock = "both clocks run alike"
        return (
            ("Offset", f"{signed(alignment.offset_ms, 1)} ms: the other recording was started {begun}"),
            ("Drift", f"{drift} ppm: {clock}"),
            (
                "Confidence",
                f"{round(100 * alignment.confidence)} %: {alignment.agreeing} of {alignment.windows} places fit",
            ),
            ("Covers", f"{alignment.begin:.1f} s to {alignment.end:.1f} s of the video"),
        )

    def to_json(self) -> dict[str, Any]:
        alignment = self.alignment
        return {
            **Told(summary=self.summary, facts=self.facts).to_json(),
            "mode": self.mode,
            "offset_ms": round(alignment.offset_ms, 3),
            "drift_ppm": round(alignment.drift_ppm, 3),
            "confidence": round(alignment.confidence, 4),
            "agreeing": alignment.agreeing,
            "windows": alignment.windows,
            "spread_ms": round(alignment.spread_seconds * 1000, 3),
            "covered": [round(alignment.begin, 3), round(alignment.end, 3)],
            "frames_copied": self.pictures,
        }


def signed(number: float, digits: int) -> str:
    """ "+12 040.3", "−0.5" or "0.0", with a real minus sign."""
    figure = f"{abs(number):,.{digits}f}".replace(",", "\u202f")
    if float(f"{number:.{digits}f}") == 0:
        return figure
    return ("+" if number > 0 else "−") + figure


def tracks(own: AudioSource, sound: Path, mode: Mode) -> list[Track]:
    """The tracks of the result: the new one in the place of `own`, or after all others."""
    if mode == "add":
        return [*own.info.audio, sound]
    return [sound if track == own.track else track for track in own.info.audio]


def suffix_for(own: AudioSource, mode: Mode) -> str:
    """The ending of the result's name."""
    return replace_audio.suffix_for(own.info, tracks(own, Path(), mode))


@dataclasses.dataclass(frozen=True)
class SwapOptions:
    """ "replace" the audio, "mix" both (`balance` is the other one's share, 0 to 1), or "add" it as the last track.

    A `handover` to a later step has the new track without loss."""

    mode: Mode = "replace"
    balance: float = 0.5
    handover: bool = False

    @property
    def share(self) -> float | None:
        """Of the other audio in the new track; None when the own is not in it at all."""
        return {"replace": 1.0, "mix": self.balance, "add": None}[self.mode]

    @property
    def coding(self) -> AudioCoding:
        return "flac24" if self.handover else "aac"


def swap(own: AudioSource, other: AudioSource, options: SwapOptions, output: Path, work: Workspace) -> Swapped:
    """Write the recording of `own` with the audio of `other`; the picture is copied.

    Tracks beside that of `own` are copied. `output` should end in `suffix_for(...)`; it appears when it is whole.
    Raises InputError (`unlike` when the two do not fit together), ToolError, ResourceError, and what `work.progress`
    raises.
    """
    mode, joining = options.mode, work.share(RENDERED, 1)
    aligned = align(own, other, progress=lambda done: work.progress(ALIGNING * done, "Comparing the two recordings"))
    if not aligned.is_sure:
        raise unlike(aligned)
    sound = work.scratch / "other-sound.mp4"
    try:
        _encode(own, other, aligned, sound, options, work.progress)
        made = tracks(own, sound, mode)
        pictures = replace_audio.join(
            Source(own.path, own.info),
            made,
            output,
            titles=[ADDED_TITLE if mode == "add" and track is sound else "" for track in made],
            progress=lambda done: joining.progress(done, "Putting the file together"),
            log=work.log,
        )
    finally:
        sound.unlink(missing_ok=True)
    return Swapped(aligned, mode, pictures)


def unlike(alignment: Alignment) -> InputError:
    return InputError(
        "The two recordings do not seem to be of the same event. Choose another recording, or one in which more of the "
        "same can be heard.",
        detail=f"{MINIMUM_CONFIDENCE:.0%} of the windows and {MINIMUM_AGREEING_WINDOWS} have to agree: {alignment!r}",
        code="unlike",
    )


def _encode(
    own: AudioSource, other: AudioSource, alignment: Alignment, output: Path, options: SwapOptions, progress: Progress
) -> None:
    """One track as long as the recording: a share of the other where it is, the rest the own, or nothing."""
    share, coding = options.share, options.coding
    rate, channels = decoder.output_rate(other.track), decoder.output_channels(other.track)
    if share is not None:
        channels = max(channels, min(2, decoder.output_channels(own.track)))
    total = round(own.info.duration * rate)
    edges = round(max(0.0, alignment.begin) * rate), min(total, round(alignment.end * rate))
    with (
        decoder.decoded(own, rate=rate, channels=channels) as own_sound,
        decoder.decoded(other, rate=rate, channels=channels) as other_sound,
        track_encoder.encoder(output, other.track, rate, channels, coding) as encoder,
    ):
        mine = SampleCursor(own_sound)
        theirs = SampleCursor(PcmReader(on_clock(other_sound, alignment.line), rate, channels))
        for position in range(0, total, BLOCK_SAMPLES):
            count = min(BLOCK_SAMPLES, total - position)
            gain = (1.0 if share is None else share) * coverage(position, count, edges, round(FADE_SECONDS * rate))
            block = theirs.read(position, count) * gain
            if share is not None and gain.min() < 1:
                block += np.nan_to_num(mine.read(position, count)) * (1 - gain)
            encoder.write(block)
            progress(ALIGNING + (RENDERED - ALIGNING) * (position + count) / total, "Moving the sound into place")


def coverage(position: int, count: int, edges: tuple[int, int], fade: int) -> Samples:
    """Gains of `count` samples from `position` on: 1 between the edges, 0 outside, rising and falling inside."""
    begin, end = edges
    fade = max(1, min(fade, (end - begin) // 2))
    corners = [begin, begin + fade, end - fade, end]
    return np.interp(np.arange(position, position + count), corners, [0, 1, 1, 0]).astype(np.float32)[:, None]


def on_clock(sound: PcmReader, line: ClockLine) -> Iterator[Positioned]:
    """The other recording on the own one's clock, at its pace."""
    begins = round(line.inverse().offset * sound.rate)
    if begins < 0:
        sound.skip(round(line.offset * sound.rate))
        begins = 0
    for block in resampled(_blocks(sound), line.pace, sound.channels):
        yield begins, block
        begins += len(block)


def _blocks(sound: PcmReader) -> Iterator[Samples]:
    while len(block := sound.read(BLOCK_SAMPLES)):
        # Decoders can give not-a-number for damaged sound, and resampling would spread it.
        yield np.nan_to_num(block)
