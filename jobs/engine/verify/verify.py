"""Proving a cut result against its timeline and its source before anybody gets to see it.

The file's headers are read, the pictures looked at (`frame_check`), the packets of sound compared with those that were
encoded (`packet_checksums`), and the sound is found again in the source, in windows spread over the result (`av_sync`).
"""

import dataclasses
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av.error
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from jobs.engine.audio.packet_copy import AudioCopy
from jobs.engine.container import demuxing
from jobs.engine.model.mediainfo import MediaInfo, VideoTrack
from jobs.engine.model.progress import Advance
from jobs.engine.model.report import Fault, Report, UndecodedFrames, first_of_each
from jobs.engine.model.timeline import Timeline
from jobs.engine.probe import display_matrix, mp4_boxes
from jobs.engine.runtime.threads import WorkerThread, run_concurrently
from jobs.engine.smartcut.all_intra import IntraCopy
from jobs.engine.smartcut.splicer import Splice
from jobs.engine.verify import copy_check, decode_check, missing_frames
from jobs.engine.verify.av_sync import Offsets, offsets
from jobs.engine.verify.frame_check import Viewing
from jobs.engine.verify.packet_checksums import Sums, sound_faults
from jobs.engine.video.frame_schedule import schedule
from jobs.engine.video.source import Source
from jobs.engine.video.video_stream import readable_frames

# Sound and picture may end this far from the plan; headers are rounded to milliseconds.
END_TOLERANCE = Fraction(10 + 1, 1000)
# Pictures that stand still for longer than a second, or a fiftieth of a long result, are no small damage.
LOST_SECONDS = Fraction(1)
LOST_SHARE = Fraction(1, 50)
# Of the time a check takes: decoding pictures against all else.
PLAY_SHARE = 0.4


@dataclasses.dataclass(frozen=True, eq=False)
class Claims:
    """What the renderer says of its result.

    `splice` says which pictures it copied, `intra` that it copied all, one by one; none of both when all were encoded.
    `lost` are frames of the source that did not decode. `sounds` are the checksums of the audio packets that were
    written, track by track, None when they are not known. `audio_copies` says which of those are the source's own, None
    for a track that was encoded, nothing when all were.
    """

    splice: Splice | None = None
    intra: IntraCopy | None = None
    lost: UndecodedFrames = dataclasses.field(default_factory=UndecodedFrames)
    sounds: Sequence[Sums] | None = None
    audio_copies: Sequence[AudioCopy | None] = ()

    def audio_timelines(self, info: MediaInfo, planned: Timeline) -> list[Timeline]:
        """What is heard of each track: ranges of copied ones begin and end where their packets do."""
        copies = self.audio_copies or [None] * len(info.audio)
        return [copy.timeline(planned) if copy else planned for copy in copies]


NOTHING_CLAIMED = Claims()


def verify(
    source: Source,
    output: Path,
    timeline: Timeline,
    claims: Claims = NOTHING_CLAIMED,
    progress: Advance = lambda done: None,
) -> Report:
    """Compare `output`, an MP4 file, with what `timeline` makes of `source`. Faults are told in the report, not raised.

    The timeline has to be snapped; the source has no index when only its audio was rendered. `progress` gets a
    fraction, 0 to 1; what it raises ends the work.
    """
    info, index = source.info, source.index
    findings = Findings(timeline, claims.lost)
    if index:
        findings.pictures = Viewing(output, schedule(index, timeline.segments), index.clock_hz, claims.splice)

    def listen(task: WorkerThread[None]) -> None:
        findings.sound = offsets(source, output, claims.audio_timelines(info, timeline), task)

    def read(task: WorkerThread[None]) -> None:
        if index:
            findings.packets += missing_frames.hole_faults(source, timeline, task.token)
        if claims.sounds is not None:
            findings.packets += sound_faults(output, claims.sounds)
        if claims.intra:
            stamps = decode_check.stamps(output, task.token)
            findings.packets += copy_check.intra_faults(output, stamps, claims.intra, task.token)
        if findings.pictures:
            findings.pictures.read(task.token)
        task.fraction = 1.0

    try:
        findings.headers = file_faults(output, info, timeline, claims.audio_timelines(info, timeline))
        if not {"tracks", "unreadable"} & {fault.code for fault in findings.headers}:
            share = PLAY_SHARE if findings.pictures else 0
            # Not the players too: three threads on two cores, most of them in Python, end no sooner than in turn.
            run_concurrently([listen, read], lambda done: progress((1 - share) * done))
            if findings.pictures:
                findings.pictures.play(lambda done: progress(1 - share * (1 - done)))
    except av.error.FFmpegError as error:
        findings.headers.append(Fault("unreadable", f"The result cannot be read: {error}."))
    return findings.report()


@dataclasses.dataclass
class Findings:
    """What is known so far."""

    timeline: Timeline
    lost: UndecodedFrames
    headers: list[Fault] = dataclasses.field(default_factory=list)
    packets: list[Fault] = dataclasses.field(default_factory=list)
    pictures: Viewing | None = None
    sound: Offsets = dataclasses.field(default_factory=Offsets)

    def report(self) -> Report:
        seen = self.pictures
        faults = [
            *self.headers,
            *self.packets,
            *lost_faults(self.lost, self.timeline.duration),
            *(seen.faults if seen else []),
        ]
        return Report(
            frames=seen.frames if seen else 0,
            joins=self.timeline.joins,
            frames_decoded=seen.decoded if seen else 0,
            frames_lost=self.lost.frames,
            heard=self.sound.heard,
            windows_skipped=self.sound.skipped,
            faults=first_of_each([*faults, *self.sound.faults]),
        )


def file_faults(
    output: Path, info: MediaInfo, timeline: Timeline, heard: Sequence[Timeline] | None = None
) -> list[Fault]:
    """What the file's headers tell: whether all of it is there, its tracks, and when they end.

    `heard` has what each audio track is planned to have, where that is not the timeline itself.
    """
    with output.open("rb") as file:
        size = output.stat().st_size
        if any(box.kind == b"mdat" and box.end > size for box in mp4_boxes.boxes(file, 0, size)):
            return [Fault("cut_off", "The end of the result is missing.")]
    with demuxing.opened(output, "mov") as container:
        covers = Disposition.attached_pic
        video = [track for track in container.streams.video if not track.disposition & covers]
        audio = container.streams.audio
        if [len(video), len(audio)] != [int(info.video is not None), len(info.audio)]:
            return [Fault("tracks", f"The result has {len(video)} tracks of pictures and {len(audio)} of sound.")]
        ends = mp4_boxes.track_ends(output)
        heard = heard or [timeline] * len(audio)
        told = [_end_fault("picture_end", "picture", ends.get(track.id), timeline) for track in video]
        told += [
            _end_fault("sound_end", "sound", ends.get(track.id), one) for track, one in zip(audio, heard, strict=True)
        ]
        faults = [fault for fault in told if fault]
        if video and info.video:
            faults += look_faults(container, video[0], info.video)
        return faults


def _end_fault(code: str, what: str, end: Fraction | None, planned: Timeline) -> Fault | None:
    """Whether a track ends when it should, by its header."""
    end = end or Fraction(0)
    if abs(end - planned.duration) <= END_TOLERANCE:
        return None
    return Fault(code, f"The {what} ends at {float(end):.3f} s instead of {float(planned.duration):.3f} s.")


def look_faults(container: InputContainer, stream: VideoStream, track: VideoTrack) -> list[Fault]:
    """Whether the result is shown the same way up as the recording, by its first picture."""
    first = next(readable_frames(container, stream), None)
    if first is None or display_matrix.orientation_of(first) == (track.rotation, track.mirrored):
        return []
    return [Fault("orientation", "The result would be shown turned or mirrored another way than the recording.")]


def lost_faults(lost: UndecodedFrames, duration: Fraction) -> list[Fault]:
    """What is wrong by what decoding the source gave for a result of `duration` seconds: too little of it, or pictures
    that nothing was known of."""
    damage = damage_fault(lost, duration)
    return [*([damage] if damage else []), *(missing(at) for at in sorted(lost.unplanned)[:1])]


def missing(at: Fraction) -> Fault:
    message = f"The result lacks pictures at {float(at):.3f} s that the recording has."
    return Fault("frames_missing", message, round(float(at), 3))


def damage_fault(lost: UndecodedFrames, duration: Fraction) -> Fault | None:
    """Whether so much of the source did not decode that the result is not worth having."""
    if lost.seconds <= max(LOST_SECONDS, duration * LOST_SHARE):
        return None
    there, total = mp4_boxes.spoken_duration(lost.seconds), mp4_boxes.spoken_duration(duration)
    return Fault(
        "damaged_source",
        f"The recording is damaged: {there} of the {total} to keep cannot be decoded, and the picture would stand "
        "still there. If it plays well elsewhere, export it anew there and upload that.",
    )
