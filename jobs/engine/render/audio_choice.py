"""Which audio tracks of a result are copied, and what became of all of them."""

import dataclasses
from typing import Any

from jobs.engine.audio import packet_copy, packet_table
from jobs.engine.audio.audio_options import AudioOptions
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.loudness import Levelling, Loudness
from jobs.engine.audio.packet_copy import AudioCopy
from jobs.engine.audio.packet_table import PacketSurvey
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
    to a loudness."""

    copies: tuple[AudioCopy | None, ...] = ()
    levellings: tuple[Levelling | None, ...] = ()
    lossless: tuple[bool, ...] = ()

    @property
    def within_ms(self) -> float | None:
        """How far a range may be from where it is planned; None where nothing was copied."""
        return max((1000 * copy.reach_seconds for copy in self.copies if copy), default=None)

    @property
    def notes(self) -> tuple[str, ...]:
        if self.within_ms is None:
            return ("The sound is kept without loss, cut exactly.",) if any(self.lossless) else ()
        near = f"; its cuts lie within {self.within_ms:.1f} ms of where they are planned" if self.within_ms else ""
        return (f"The sound is copied as it is{near}.",)

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        return tuple(
            ("Loudness", f"{_lufs(one.before)} before, {_lufs(one.after)} after") for one in self.levellings if one
        )

    def to_json(self) -> dict[str, Any]:
        """`audio_copied` and `audio_lossless` have a truth value for each track, `loudness` what was done to each."""
        return {
            "audio_copied": [copy is not None for copy in self.copies],
            "audio_lossless": [*self.lossless],
            "audio_within_ms": None if self.within_ms is None else round(self.within_ms, 1),
            "loudness": [one and one.to_json() for one in self.levellings],
        }


NO_AUDIO = AudioResult()


def _lufs(loudness: Loudness) -> str:
    return f"{loudness.integrated_lufs:.1f} LUFS".replace("-", "−")


def chosen_copies(
    source: Source,
    timeline: Timeline,
    container: Container,
    options: AudioOptions,
    token: CancellationToken,
    survey: PacketSurvey = packet_table.survey,
) -> tuple[AudioCopy | None, ...]:
    """What is copied of each track; None for those that have to be encoded, or are to be. Raises InputError."""
    tracks = source.info.audio
    wants = options.way == "copy" or (options.way == "auto" and source.info.video is None)
    if not wants or options.loudness_lufs is not None or not packet_copy.is_joined(timeline):
        return (None,) * len(tracks)
    maximum = MAXIMUM_UNASKED_SECONDS if options.way == "auto" else 1.0
    wanted = _WantedCopy(timeline, container, maximum)
    return tuple(_copy_of(source, track, wanted, token, survey) for track in tracks)


@dataclasses.dataclass(frozen=True)
class _WantedCopy:
    """What is to be made of packets, and how far a range may lie from where it is planned at most."""

    timeline: Timeline
    container: Container
    maximum_seconds: float


def can_copy(track: AudioTrack, container: Container) -> bool:
    """Whether packets of this codec can end up in the container by way of the file that is proven, which is MP4."""
    if container.audio_file and track.codec not in COPIED_TO_AUDIO_FILES:
        return False
    return container.holds_audio(track.codec) and MP4.holds_audio(track.codec)


def _copy_of(
    source: Source, track: AudioTrack, wanted: _WantedCopy, token: CancellationToken, survey: PacketSurvey
) -> AudioCopy | None:
    container = wanted.container
    if track.index in source.stand_ins or not can_copy(track, container):
        return None
    table = survey(AudioSource(source.path, source.info, track), token)
    if table is None:
        return None
    # Matroska leaves out whole packets alone.
    exact_start = not container.needs_remux or container.audio_file is not None
    copy = packet_copy.planned(table, wanted.timeline, exact_start=exact_start)
    if copy is None or copy.reach_seconds > wanted.maximum_seconds:
        return None
    # A file of MP3 tells how much of its beginning to leave out beyond what a decoder needs.
    is_told = container.suffix != ".mp3" or copy.left_out >= DECODER_DELAY_SAMPLES
    return copy if is_told else None
