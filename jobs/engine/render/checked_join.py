"""A join that nobody sees before it has been checked, and a second one, all encoded, when copying has failed."""

import dataclasses
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av.error

from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.container import ffmpeg
from jobs.engine.container.muxers import AudioCoding, Container
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.model.report import Fault, Report, UndecodedFrames, first_of_each
from jobs.engine.model.segment import Segment
from jobs.engine.model.timeline import Timeline
from jobs.engine.render import checked_render, joined_audio, joined_picture, joined_picture_plan, mux, remux
from jobs.engine.render.checked_render import MOVE_SHARE, VERIFY_SHARE, timed
from jobs.engine.render.joined_packets import JoinedTrack
from jobs.engine.render.joined_parts import Joined
from jobs.engine.render.joined_picture_plan import PicturePlan
from jobs.engine.render.passthrough import Extras
from jobs.engine.render.render import MUX_SHARE, whole
from jobs.engine.runtime import libav_errors, subprocess_runner
from jobs.engine.runtime.threads import WorkerThread, run_concurrently, worker_thread
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.smartcut.packet_reader import Unsound
from jobs.engine.verify import av_sync, missing_frames, packet_checksums, verify
from jobs.engine.verify.av_sync import Offsets, Window
from jobs.engine.verify.frame_check import Viewing
from jobs.engine.verify.packet_checksums import Sums

PLAY_SHARE = 0.4
"""Of the time a check takes: decoding pictures against all else."""
FAILED = "copying parts of it failed"


@dataclasses.dataclass(frozen=True)
class JoinRequest:
    """What is to become one file: the parts, how their picture is made (None without one), what else it holds.

    With `copies` audio packets are copied where they are one stream; parts with the numbers `apart` are known not to go
    on from those before them. A `handover` to a later step has audio without
    loss where it is encoded.
    """

    joined: Joined
    picture: PicturePlan | None
    extras: Extras
    container: Container
    copies: bool = True
    handover: bool = False
    apart: frozenset[int] = frozenset()

    @property
    def audio_coding(self) -> AudioCoding:
        return "flac24" if self.handover and self.container.audio_coding == "aac" else self.container.audio_coding


@dataclasses.dataclass(frozen=True)
class ProvenJoin:
    """A published join: how its picture and its audio were made, and what checking it has found."""

    picture: PicturePlan | None
    tracks: tuple[JoinedTrack, ...]
    report: Report


def publish(request: JoinRequest, output: Path, work: Workspace, seconds: dict[str, float]) -> ProvenJoin:
    """Render, check, and only then give the result its name; time on the clock is added to `seconds`.

    Raises InputError (`damaged`), ToolError, ResourceError, and what `work.progress` raises.
    """
    with whole(output) as part:
        try:
            proven = _attempt(request, part, work, seconds)
            _moved(request, proven.tracks, part, work, seconds)
        except Unsound as error:
            was_kept = work.kept is not None and work.kept.found > 0
            if not request.copies and not (request.picture and request.picture.copied) and not was_kept:
                raise
            work.log.line(f"{error.message} {error.detail}")
            if work.kept:
                work.kept.forget()
            picture = request.picture and joined_picture_plan.encoding_all(request.joined, FAILED)
            request = dataclasses.replace(request, picture=picture, copies=False)
            proven = _attempt(request, part, work, seconds)
            _moved(request, proven.tracks, part, work, seconds)
    return proven


def _attempt(request: JoinRequest, part: Path, work: Workspace, seconds: dict[str, float]) -> ProvenJoin:
    with tempfile.TemporaryDirectory(dir=work.scratch, prefix=".join-") as name:
        folder = Path(name)
        with timed(seconds, "render"):
            tracks, lost, sums = _render(request, part, folder, work.share(0, 1 - VERIFY_SHARE))
        with timed(seconds, "verify"):
            report = _verify(request, part, tracks, lost, sums, work.share(1 - VERIFY_SHARE, 1))
    checked_render.require(report)
    return ProvenJoin(request.picture, tuple(tracks), report)


# Writing --------------------------------------------------------------------------------------------------------------


def _render(
    request: JoinRequest, part: Path, folder: Path, work: Workspace
) -> tuple[list[JoinedTrack], UndecodedFrames, list[Sums]]:
    """Picture and audio beside each other, then one file of both."""
    joined, picture = request.joined, request.picture
    stage = _stage(request)

    def write_audio(task: WorkerThread[Any]) -> list[JoinedTrack]:
        return [
            joined_audio.write(
                joined,
                number,
                folder / f"sound-{number}.mp4",
                request.container,
                task,
                coding=request.audio_coding,
                copies=request.copies and not request.handover,
                apart=request.apart,
            )
            for number in range(len(joined.audio))
        ]

    with worker_thread(write_audio) as task:

        def advance(fraction: float) -> None:
            task.check()
            work.progress((1 - MUX_SHARE) * fraction, stage)

        lost, paths = UndecodedFrames(), []
        if picture:
            paths = [folder / "picture.mp4"]
            lost = joined_picture.write(picture, paths[0], folder, progress=advance, kept=work.kept)
        while not task.wait(0.1):
            advance(1.0 if picture else task.fraction)
        tracks = task.result()
    with libav_errors.errors("sound"):
        sums = [packet_checksums.sums(track.path) if track.sums is None else track.sums for track in tracks]
    _mux(request, [*paths, *(track.path for track in tracks)], tracks, part, folder, work)
    return tracks, lost, sums


def _mux(
    request: JoinRequest,
    paths: Sequence[Path],
    tracks: Sequence[JoinedTrack],
    part: Path,
    folder: Path,
    work: Workspace,
) -> None:
    joined, wanted = request.joined, request.picture.wanted if request.picture else None
    clock_hz = joined.clock_hz
    parts = mux.written(paths, wanted, request.extras, clock_hz, folder)
    ends = [round(track.end * joined.audio[number].sample_rate) for number, track in enumerate(tracks)]
    copied = [end if track.sums is not None else None for track, end in zip(tracks, ends, strict=True)]
    rates = [joined.audio[number].sample_rate for number, end in enumerate(copied) if end is not None]
    movie_hz = mux.movie_clock(clock_hz, rates, joined.timeline.duration)
    parts = dataclasses.replace(parts, audio_ends=copied, movie_hz=movie_hz)
    argv = mux.mux_argv(joined.info, request.extras, parts, part, clock_hz, request.container.checked_muxer)
    stage = "Putting the file together"
    with subprocess_runner.started(argv, log=work.log) as child:
        for position in ffmpeg.positions(child):
            done = min(1.0, max(0.0, float(position / joined.timeline.duration)))
            work.progress(1 - MUX_SHARE * (1 - done), stage)
        child.wait()
    work.progress(1.0, stage)


def _stage(request: JoinRequest) -> str:
    picture = request.picture
    if picture is None:
        return "Joining the audio"
    count = len(picture.parts)
    if picture.copied_parts == count:
        return "Copying the whole picture"
    if picture.copied_parts:
        return f"Copying {picture.copied_parts} of {count} recordings, encoding the others"
    return f"Encoding {count} recordings"


def _moved(
    request: JoinRequest, tracks: Sequence[JoinedTrack], part: Path, work: Workspace, seconds: dict[str, float]
) -> None:
    """Make what was proven a file of the container that was asked for, if it is none yet. Raises Unsound."""
    if request.container.needs_remux:
        with timed(seconds, "render"):
            _move(request, tracks, part, work)


def _move(request: JoinRequest, tracks: Sequence[JoinedTrack], part: Path, work: Workspace) -> None:
    joined, container = request.joined, request.container

    def progress(done: float) -> None:
        work.progress(1 - MOVE_SHARE * (1 - done), f"Writing it as {container.name}")

    if container.audio_file is None:
        lead = joined.parts[joined.lead or 0].source
        remux.move(part, container, joined.timeline.duration, lead, progress=progress, log=work.log)
        return

    def listen(out: Path, made: MediaInfo, task: WorkerThread[Any]) -> Offsets:
        return _listen(joined, out, tracks, task, made)

    (track,) = joined.audio
    remux.take_out_track(part, track, joined.timeline.duration, container, listen, progress=progress, log=work.log)


# Checking -------------------------------------------------------------------------------------------------------------


def _verify(
    request: JoinRequest,
    part: Path,
    tracks: Sequence[JoinedTrack],
    lost: UndecodedFrames,
    sums: Sequence[Sums],
    work: Workspace,
) -> Report:
    """Compare a file with the parts that it is made of. Faults are told, not raised."""
    joined, picture, timeline = request.joined, request.picture, request.joined.timeline
    viewing = picture and Viewing(part, picture.wanted, joined.clock_hz, picture.splice)
    faults: list[Fault] = []
    sound = Offsets()

    def listen(task: WorkerThread[Offsets]) -> Offsets:
        return _listen(joined, part, tracks, task)

    def read(task: WorkerThread[Offsets]) -> Offsets:
        for number, own in enumerate(joined.parts):
            if own.source.index:
                holes = missing_frames.hole_faults(own.source, joined.frames_timeline(number), task.token)
                faults.extend(_later(fault, joined.starts[number]) for fault in holes)
        faults.extend(packet_checksums.sound_faults(part, sums))
        if viewing:
            viewing.read(task.token)
        task.fraction = 1.0
        return Offsets()

    stage = "Checking the result"
    try:
        faults += verify.file_faults(part, joined.info, timeline, [_until(track.end) for track in tracks])
        if not {"tracks", "unreadable"} & {fault.code for fault in faults}:
            share = PLAY_SHARE if viewing else 0
            sound, _ = run_concurrently([listen, read], lambda done: work.progress((1 - share) * done, stage))
            if viewing:
                viewing.play(lambda done: work.progress(1 - share * (1 - done), stage))
    except av.error.FFmpegError as error:
        faults.append(Fault("unreadable", f"The result cannot be read: {error}."))
    return Report(
        frames=viewing.frames if viewing else 0,
        joins=timeline.joins,
        frames_decoded=viewing.decoded if viewing else 0,
        frames_lost=lost.frames,
        heard=sound.heard,
        windows_skipped=sound.skipped,
        faults=first_of_each(
            [*faults, *verify.lost_faults(lost, timeline.duration), *(viewing.faults if viewing else []), *sound.faults]
        ),
    )


def _until(end: Fraction) -> Timeline:
    """A timeline that ends then, whatever is in it."""
    return Timeline((Segment(Fraction(0), end),), (end,))


def _later(fault: Fault, start: Fraction) -> Fault:
    at = None if fault.at is None else round(fault.at + float(start), 3)
    return dataclasses.replace(fault, at=at)


def _listen(
    joined: Joined, output: Path, tracks: Sequence[JoinedTrack], task: WorkerThread[Any], made: MediaInfo | None = None
) -> Offsets:
    """Find the audio of each part in the result, track by track. `made` are the facts about a file that is no MP4."""
    result_info = made or dataclasses.replace(joined.info, format="mov")
    first = made.audio[0].index if made else int(joined.lead is not None)
    each: list[Offsets] = []
    for place, part in enumerate(joined.parts):
        for number, begin in enumerate(one.begins[place] for one in tracks):
            if begin is None:
                continue
            track = part.info.audio[number]
            original = AudioSource(part.source.path, part.info, track)
            result = AudioSource(output, result_info, dataclasses.replace(track, index=first + number))
            wanted = _windows(joined, place, begin)
            each.append(
                av_sync.compared(original, result, wanted, av_sync.TrackNumber(number, len(tracks)), task.token)
            )
        task.fraction = (place + 1) / len(joined.parts)
    return av_sync.together(each)


def _windows(joined: Joined, place: int, begin: Fraction) -> list[Window]:
    """Where to listen to a part whose audio's time zero lies at `begin` of the result."""
    windows = av_sync.windows(joined.alone(place))
    moved = [window._replace(at=window.at + begin) for window in windows]
    last = joined.starts[place] + joined.timeline.segments[place].output_duration
    return [window for window in moved if window.at >= 0 and window.at + window.seconds <= last]
