"""Rendering a timeline: pictures and sound beside each other, then one file of both.

The timeline's boundaries are the one clock: pictures are placed by its ticks, sound by the nearest sample to each exact
boundary, so neither can drift from the other over any number of joins.
"""

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jobs.engine.audio import packet_copy
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.decoder import output_rate
from jobs.engine.audio.loudness import Levelling
from jobs.engine.audio.packet_copy import AudioCopy
from jobs.engine.audio.segment_renderer import render_audio, render_levelled_audio
from jobs.engine.container import audio_files, ffmpeg
from jobs.engine.container.muxers import MP4, AudioCoding, Container
from jobs.engine.model.mediainfo import AudioTrack
from jobs.engine.model.report import UndecodedFrames, counted
from jobs.engine.model.timeline import Timeline
from jobs.engine.render import mux
from jobs.engine.render.passthrough import NO_EXTRAS, Extras
from jobs.engine.runtime import libav_errors, subprocess_runner
from jobs.engine.runtime.threads import WorkerThread, worker_thread
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.smartcut import all_intra
from jobs.engine.smartcut.splicer import splice_track
from jobs.engine.smartcut.strategy import ENCODE_ALL, Strategy
from jobs.engine.verify import packet_checksums
from jobs.engine.verify.packet_checksums import Sums
from jobs.engine.video import chunked_encoder
from jobs.engine.video.frame_index import FrameIndex
from jobs.engine.video.frame_schedule import Schedule, schedule
from jobs.engine.video.source import Source
from jobs.errors import InputError

# Of the whole, what is left for putting the file together.
MUX_SHARE = 0.05


@dataclasses.dataclass(frozen=True, eq=False)
class Rendered:
    """What did not decode, checksums of the packets of each track of sound as they were encoded, and what brought each
    to its loudness, None for those without any."""

    lost: UndecodedFrames
    sounds: tuple[Sums, ...]
    levellings: tuple[Levelling | None, ...] = ()


@dataclasses.dataclass(frozen=True)
class RenderRequest:
    """What is to be made of a source: a timeline that has it alone, its boundaries instants of the index's clock.

    The picture is left out when there is no index. Of audio tracks those are copied for which there is one of
    `audio_copies`, the others encoded, at `loudness_lufs`; None leaves their loudness. A `handover` to a later step has
    them without loss, and where it `keeps_lossless` so are those that the source has without.
    """

    source: Source
    timeline: Timeline
    extras: Extras = NO_EXTRAS
    container: Container = MP4
    loudness_lufs: float | None = None
    audio_copies: tuple[AudioCopy | None, ...] = ()
    handover: bool = False
    keeps_lossless: bool = False

    def checked_muxer(self, strategy: Strategy) -> str:
        """Of the file that is proven: QuickTime takes nearly every codec."""
        return "mov" if strategy.intra and self.container is not MP4 else self.container.checked_muxer

    def audio_coding(self, track: AudioTrack, strategy: Strategy) -> AudioCoding:
        """How a track is encoded that is not copied."""
        if self.container.audio_coding != "aac" or self.checked_muxer(strategy) != "mp4":
            return self.container.audio_coding
        if self.handover:
            return "flac24"
        return "flac" if self.keeps(track, strategy) else "aac"

    def keeps(self, track: AudioTrack, strategy: Strategy) -> bool:
        """Whether a track without loss, beside others or a picture, stays without."""
        is_mp4 = self.container.audio_coding == "aac" and self.checked_muxer(strategy) == "mp4"
        is_wanted = self.keeps_lossless and audio_files.is_lossless(track)
        return is_wanted and is_mp4 and self.container.holds_audio("flac")


def render(request: RenderRequest, output: Path, work: Workspace, strategy: Strategy = ENCODE_ALL) -> Rendered:
    """Write `output` of picture and audio, and of the extras: an MP4 or QuickTime file.

    A file of the request's container can be made of that without encoding. Whether the result is right is for `verify`
    to say. `output` appears when it is whole, never before; `work.scratch` is left as it was. Raises InputError,
    ToolError (Unsound when copying fails and encoding may not), ResourceError, and what `work.progress` raises.
    """
    info, index, extras = request.source.info, request.source.index, request.extras
    wanted = _schedule(request.timeline, index)
    with tempfile.TemporaryDirectory(dir=work.scratch, prefix=".cut-") as folder, whole(output) as part:
        pictures, audio, lost = _encode(request, wanted, Path(folder), work, strategy)
        with libav_errors.errors("sound"):
            sums = audio.sums()
        stage = "Putting the file together"
        clock_hz = index.clock_hz if index else output_rate(info.audio[0])
        parts = mux.written([*pictures, *audio.paths], wanted, extras, clock_hz, Path(folder))
        rates = [copy.table.rate for copy in audio.copies if copy]
        parts = dataclasses.replace(
            parts,
            audio_ends=[copy.length if copy else None for copy in audio.copies],
            movie_hz=mux.movie_clock(clock_hz, rates, request.timeline.duration),
        )
        muxer = request.checked_muxer(strategy)
        with subprocess_runner.started(mux.mux_argv(info, extras, parts, part, clock_hz, muxer), log=work.log) as child:
            for position in ffmpeg.positions(child):
                done = min(1.0, max(0.0, float(position / request.timeline.duration)))
                work.progress(1 - MUX_SHARE * (1 - done), stage)
            child.wait()
    work.progress(1.0, stage)
    return Rendered(lost, sums, audio.levellings)


def _schedule(timeline: Timeline, index: FrameIndex | None) -> Schedule | None:
    if index is None:
        return None
    wanted = schedule(index, timeline.segments)
    if not len(wanted.source_pts):
        raise InputError(
            "No picture lies in what would be kept of this recording. Keep more of it.", code="nothing_to_show"
        )
    return wanted


@contextlib.contextmanager
def whole(output: Path) -> Iterator[Path]:
    """A name beside `output` to write to, which takes its place when the block ends well and is gone otherwise."""
    part = output.with_name(f".{output.name[:200]}.{os.getpid()}.part")
    try:
        yield part
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)


@dataclasses.dataclass(frozen=True)
class _AudioFiles:
    """Files of one track each, and how each was brought to its loudness."""

    paths: list[Path]
    copies: tuple[AudioCopy | None, ...]
    levellings: tuple[Levelling | None, ...] = ()

    def sums(self) -> tuple[Sums, ...]:
        """Checksums of each track's packets: of copied ones as the source has them."""
        return tuple(
            copy.sums if copy else packet_checksums.sums(path)
            for path, copy in zip(self.paths, self.copies, strict=True)
        )


def _encode(
    request: RenderRequest, wanted: Schedule | None, folder: Path, work: Workspace, strategy: Strategy
) -> tuple[list[Path], _AudioFiles, UndecodedFrames]:
    """Audio in a thread, pictures in this one. Returns the files of one track each, of the picture and of audio."""
    source, info, timeline = request.source, request.source.info, request.timeline
    stage = _stage(timeline, strategy)

    def cut_tracks(task: WorkerThread[_AudioFiles]) -> _AudioFiles:
        return _audio_files(request, strategy, folder, task)

    with worker_thread(cut_tracks) as task:

        def advance(fraction: float) -> None:
            task.check()
            work.progress((1 - MUX_SHARE) * fraction, stage)

        pictures, lost = [], UndecodedFrames()
        if wanted is not None:
            pictures = [folder / "picture.mp4"]
            if strategy.intra:
                pictures = [folder / f"picture{all_intra.suffix_for(info)}"]
                all_intra.copy_intra(source, strategy.intra, pictures[0], progress=advance)
            elif strategy.splice:
                splice_track(source, strategy.splice, pictures[0], progress=advance, kept=work.kept)
            else:
                codec = request.container.video_codec
                lost = chunked_encoder.encode_frames(
                    source, wanted, pictures[0], progress=advance, codec=codec, kept=work.kept
                )
        while not task.wait(0.1):
            advance(1.0 if pictures else task.fraction)
        audio = task.result()
    return pictures, audio, lost


def _audio_files(request: RenderRequest, strategy: Strategy, folder: Path, task: WorkerThread[Any]) -> _AudioFiles:
    tracks = request.source.info.audio
    copies = request.audio_copies or (None,) * len(tracks)
    paths = [folder / f"sound-{number}.mp4" for number in range(len(tracks))]
    levellings = [
        _audio_file(request, track, copy, request.audio_coding(track, strategy), path, task)
        for track, copy, path in zip(tracks, copies, paths, strict=True)
    ]
    return _AudioFiles(paths, copies, tuple(levellings))


def _audio_file(
    request: RenderRequest,
    track: AudioTrack,
    copy: AudioCopy | None,
    coding: AudioCoding,
    path: Path,
    task: WorkerThread[Any],
) -> Levelling | None:
    """Write one track, and tell what brought it to its loudness."""
    audio, timeline = AudioSource(*request.source.audio(track)), request.timeline
    loudness_lufs = request.loudness_lufs
    if copy:
        packet_copy.copy(audio, copy, path, task)
        return None
    if loudness_lufs is not None:
        try:
            return render_levelled_audio(audio, timeline, path, loudness_lufs, task=task, coding=coding)
        except InputError as error:
            # A silent track beside others is no reason to lose the work.
            if error.code != "no_loudness" or len(audio.info.audio) == 1:
                raise
    render_audio(audio, timeline, path, task=task, coding=coding)
    return None


def _stage(timeline: Timeline, strategy: Strategy) -> str:
    if strategy.render == "smart":
        if strategy.untouched == "100 %":
            return "Copying the whole picture"
        kept = sum(segment.speed == 1 for segment in timeline.segments)
        return f"Encoding around {counted(kept, 'cut')}, {strategy.untouched} untouched"
    parts = counted(len(timeline.segments), "part")
    return f"Copying failed, encoding {parts}" if strategy.is_second else f"Encoding {parts}"
