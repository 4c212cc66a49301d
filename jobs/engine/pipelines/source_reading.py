"""How a recording is stored, read once for several results that are made of it."""

import dataclasses
import functools
from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeVar

from jobs.engine.audio import packet_table
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.decoder import output_rate
from jobs.engine.audio.packet_table import CannotCopy as CannotCopyAudio
from jobs.engine.audio.packet_table import PacketTable
from jobs.engine.captions import embedded_tracks
from jobs.engine.container.muxers import Container
from jobs.engine.model.mediainfo import AudioTrack
from jobs.engine.pipelines.timeline_render import Readings
from jobs.engine.render import audio_choice
from jobs.engine.runtime.threads import CancellationToken, WorkerThread, run_concurrently
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.smartcut import all_intra
from jobs.engine.smartcut import strategy as strategies
from jobs.engine.smartcut.all_intra import IntraPictures
from jobs.engine.smartcut.codec import CannotCopy
from jobs.engine.smartcut.packet_survey import CodedPictures
from jobs.engine.video import frame_index
from jobs.engine.video.source import Source

Found = TypeVar("Found")
NO_PICTURE = CannotCopy("there is none")


@dataclasses.dataclass(frozen=True, eq=False)
class Reading:
    """How a recording is stored: `source` with its index, `last` when it ends, `coded` how its pictures are coded or
    why they cannot be copied, `intra` the same where each stands for itself, `tables` the packets of each audio track,
    by its stream index, or why they cannot be copied, and `captions` its text tracks."""

    source: Source
    last: Fraction
    coded: CodedPictures | CannotCopy
    intra: IntraPictures | CannotCopy
    tables: dict[int, PacketTable | CannotCopyAudio]
    captions: embedded_tracks.Stored

    @property
    def readings(self) -> Readings:
        return Readings(
            coded=lambda: _required(self.coded),
            intra=lambda source: _required(self.intra),
            packets=lambda audio, token: _required(self.tables[audio.track.index]),
            captions=self.captions,
        )


def _required(found: Found | CannotCopy | CannotCopyAudio) -> Found:
    """Raises the reason where there is nothing else."""
    if isinstance(found, CannotCopy | CannotCopyAudio):
        raise found
    return found


def read(source: Source, container: Container, work: Workspace) -> Reading:
    """Pictures and audio are read beside each other, each once. Raises InputError."""
    info = source.info

    def pictures(task: WorkerThread[Any]) -> tuple[Source, CodedPictures | CannotCopy, IntraPictures | CannotCopy]:
        if info.video is None:
            return source, NO_PICTURE, NO_PICTURE
        index = frame_index.index_frames(source.path, info, cache_dir=work.cache, token=task.token)
        task.fraction = 0.5
        indexed = dataclasses.replace(source, index=index)
        return indexed, _coded(indexed, container, task.token), _intra(indexed, container, task.token)

    def packets(task: WorkerThread[Any], track: AudioTrack) -> PacketTable | CannotCopyAudio:
        try:
            audio_choice.require_copyable(track, container)
            return packet_table.survey(AudioSource(source.path, info, track), task.token)
        except CannotCopyAudio as why:
            return why

    works: list[Callable[[WorkerThread[Any]], Any]] = [
        pictures,
        *(functools.partial(packets, track=track) for track in info.audio),
    ]
    (indexed, coded, intra), *tables = run_concurrently(
        works, lambda done: work.progress(done, "Reading the recording")
    )
    numbers = [track.index for track in info.audio]
    captions = embedded_tracks.all_of(source.path, info, log=work.log)
    return Reading(indexed, _end(indexed), coded, intra, dict(zip(numbers, tables, strict=True)), captions)


def _coded(source: Source, container: Container, token: CancellationToken) -> CodedPictures | CannotCopy:
    try:
        if not container.can_copy(source.info):
            raise CannotCopy(f"{container.name} needs another kind")
        return strategies.survey_seekable(source, token)
    except CannotCopy as why:
        return why


def _intra(source: Source, container: Container, token: CancellationToken) -> IntraPictures | CannotCopy:
    try:
        all_intra.require_intra(source.info, container)
        return all_intra.survey(source, token)
    except CannotCopy as why:
        return why


def _end(source: Source) -> Fraction:
    """When a recording ends, on the clock of its frames, or of its samples."""
    info, index = source.info, source.index
    if index:
        return index.on_clock(max(info.duration, Fraction(index.end_tick, index.clock_hz)))
    rate = output_rate(info.audio[0])
    return Fraction(int(info.duration * rate), rate)
