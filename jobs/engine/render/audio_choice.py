"""Which audio tracks of a result are copied, and what became of all of them."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from jobs.engine.audio import packet_copy, packet_table
from jobs.engine.audio.audio_options import AudioOptions
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.loudness import Levelling, Loudness
from jobs.engine.audio.packet_copy import AudioCopy
from jobs.engine.audio.packet_table import CannotCopy, PacketSurvey
from jobs.engine.container.muxers import MP4, Container
from jobs.engine.model.mediainfo import AudioTrack
from jobs.engine.model.timeline import Timeline
from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.video.source import Source

MAXIMUM_UNASKED_SECONDS = 0.0135
"""How far copied ranges may be from where they are planned when nobody asked for it: half a packet of MP3 at 44.1 kHz,
more than that of AAC."""
COPIED_TO_AUDIO_FILES = packet_table.MP3 | {"opus"}
DECODER_DELAY_SAMPLES = 529


@dataclasses.dataclass(frozen=True)
class AudioResult:
    """How each track was made: copied, kept without loss though cut at the sample, or encoded and then perhaps brought
    to a loudness. `reasons` tell of each why it was encoded though it was to be copied, empty for the others."""

    copies: tuple[AudioCopy | None, ...] = ()
    levellings: tuple[Levelling | None, ...] = ()
    lossless: tuple[bool, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def within_ms(self) -> float | None:
        """How far a range may be from where it is planned; None where nothing was copied."""
        return max((1000 * copy.reach_seconds for copy in self.copies if copy), default=None)

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self._kept, *self._encoded)

    @property
    def _kept(self) -> tuple[str, ...]:
        if self.within_ms is None:
            return ("The sound is kept without loss, cut exactly.",) if any(self.lossless) else ()
        near = f"; its cuts lie within {self.within_ms:.1f} ms of where they are planned" if self.within_ms else ""
        return (f"The sound is copied as it is{near}.",)

    @property
    def _encoded(self) -> Iterator[str]:
        for number, reason in enumerate(self.reasons, 1):
            if reason:
                which = f"The sound of track {number}" if len(self.reasons) > 1 else "The sound"
                yield f"{which} was encoded, as it could not be copied: {reason}."

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        return tuple(
            ("Loudness", f"{_lufs(one.before)} before, {_lufs(one.after)} after") for one in self.levellings if one
        )

    def to_json(self) -> dict[str, Any]:
        """`audio_copied` and `audio_lossless` have a truth value for each track, `loudness` what was done to each, and
        `audio_reasons` why each was encoded that was to be copied, null for the others."""
        return {
            "audio_copied": [copy is not None for copy in self.copies],
            "audio_lossless": [*self.lossless],
            "audio_reasons": [reason or None for reason in self.reasons],
            "audio_within_ms": None if self.within_ms is None else round(self.within_ms, 1),
            "loudness": [one and one.to_json() for one in self.levellings],
        }


NO_AUDIO = AudioResult()


def _lufs(loudness: Loudness) -> str:
    return f"{loudness.integrated_lufs:.1f} LUFS".replace("-", "−")


@dataclasses.dataclass(frozen=True)
class WantedCopy:
    """What is to be made of packets, and how far a range may lie from where it is planned at most; None where they are
    not to be copied."""

    timeline: Timeline
    container: Container
    maximum_seconds: float | None

    @classmethod
    def of(cls, source: Source, timeline: Timeline, container: Container, options: AudioOptions) -> "WantedCopy":
        wants = options.way == "copy" or (options.way == "auto" and source.info.video is None)
        if not wants or options.loudness_lufs is not None:
            return cls(timeline, container, None)
        return cls(timeline, container, MAXIMUM_UNASKED_SECONDS if options.way == "auto" else 1.0)


def chosen_copies(
    source: Source, wanted: WantedCopy, token: CancellationToken, survey: PacketSurvey = packet_table.survey
) -> tuple[AudioCopy | CannotCopy, ...]:
    """What is copied of each track, or why it is not. Raises InputError."""

    def chosen(track: AudioTrack) -> AudioCopy | CannotCopy:
        try:
            return _copy_of(source, track, wanted, token, survey)
        except CannotCopy as why:
            return why

    return tuple(map(chosen, source.info.audio))


def require_copyable(track: AudioTrack, container: Container) -> None:
    """Raise CannotCopy where packets of this codec cannot end up in the container by way of the file that is proven,
    which is MP4."""
    if not can_copy(track, container):
        raise CannotCopy(f"{container.name} takes no packets of {track.codec} here")


def can_copy(track: AudioTrack, container: Container) -> bool:
    """Whether packets of this codec can end up in the container by way of the file that is proven, which is MP4."""
    if container.audio_file and track.codec not in COPIED_TO_AUDIO_FILES:
        return False
    return container.holds_audio(track.codec) and MP4.holds_audio(track.codec)


def _copy_of(
    source: Source, track: AudioTrack, wanted: WantedCopy, token: CancellationToken, survey: PacketSurvey
) -> AudioCopy:
    """Raises CannotCopy."""
    container = wanted.container
    if wanted.maximum_seconds is None:
        raise CannotCopy("it was not to be")
    if not packet_copy.is_joined(wanted.timeline):
        raise CannotCopy("a part of it is muted, or runs at another speed")
    if track.index in source.stand_ins:
        raise CannotCopy("it was cleaned")
    require_copyable(track, container)
    table = survey(AudioSource(source.path, source.info, track), token)
    # Matroska leaves out whole packets alone.
    exact_start = not container.needs_remux or container.audio_file is not None
    copy = packet_copy.planned(table, wanted.timeline, exact_start=exact_start)
    if copy.reach_seconds > wanted.maximum_seconds:
        raise CannotCopy("its packets are so long that its cuts would lie too far from where they are planned")
    # A file of MP3 tells how much of its beginning to leave out beyond what a decoder needs.
    if container.suffix == ".mp3" and copy.left_out < DECODER_DELAY_SAMPLES:
        raise CannotCopy("a file of MP3 cannot tell where in its first frame it begins")
    return copy
