"""Recordings one after the other in one file: copied where they fit each other, else in the first one's shape."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from jobs.engine.container import muxers
from jobs.engine.container.muxers import Container
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.model.report import Report, counted
from jobs.engine.model.share import percent
from jobs.engine.model.told import Told
from jobs.engine.pipelines import camera_gaps
from jobs.engine.pipelines.camera_gaps import CameraGap
from jobs.engine.probe.inspection import inspect
from jobs.engine.render import (
    checked_join,
    checked_render,
    joined_audio,
    joined_extras,
    joined_parts,
    joined_picture_plan,
    sidetracks,
)
from jobs.engine.render.checked_join import JoinRequest, ProvenJoin
from jobs.engine.render.joined_parts import Joined, Part
from jobs.engine.render.joined_picture_plan import PicturePlan
from jobs.engine.runtime.threads import CancellationToken, WorkerThread, run_concurrently
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.smartcut.strategy import Render
from jobs.engine.video import frame_index
from jobs.engine.video.source import Source
from jobs.errors import InputError

MAXIMUM_RECORDINGS = 50
INDEX_SHARE = 0.06
"""Of the time that the whole takes: reading when the frames of all parts are shown, and how they are coded."""


@dataclasses.dataclass(frozen=True)
class JoinOptions:
    """`way` "smart" copies the pictures of parts that fit the first, "encode" encodes them all. `audio` "auto" copies
    packets where no part's samples go on in another's, or their packets do, and "encode" none. With `handover`
    what would be encoded lossily is written as FLAC: a later step encodes it."""

    way: Render = "smart"
    audio: Literal["auto", "encode"] = "auto"
    handover: bool = False


USUAL = JoinOptions()


@dataclasses.dataclass(frozen=True)
class JoinResult:
    """How recordings were joined, and what checking the result before it was published has found. `left_out` names in
    sentences what of the recordings is not in it."""

    joined: Joined
    proven: ProvenJoin
    gaps: tuple[CameraGap, ...]
    seconds: dict[str, float]
    left_out: tuple[str, ...] = ()

    @property
    def report(self) -> Report:
        return self.proven.report

    @property
    def picture(self) -> PicturePlan | None:
        return self.proven.picture

    @property
    def frames_copied(self) -> int:
        return self.picture.copied if self.picture else 0

    @property
    def audio_copied(self) -> tuple[bool, ...]:
        return tuple(track.sums is not None for track in self.proven.tracks)

    @property
    def audio_within_ms(self) -> float:
        """How far the audio of any part is from where its picture would have it."""
        starts = self.joined.starts
        shifts = (
            abs(begin - start)
            for track in self.proven.tracks
            for begin, start in zip(track.begins, starts, strict=True)
            if begin is not None
        )
        return round(1000 * float(max(shifts, default=0)), 3)

    @property
    def render(self) -> Render:
        return "smart" if self.frames_copied or any(self.audio_copied) else "encode"

    @property
    def reason(self) -> str:
        """Why the picture was made as it was, in a sentence; empty where there is none."""
        picture = self.picture
        if picture is None:
            return ""
        whys = [(number, why) for number, why in enumerate(picture.refusals) if why]
        if picture.copied:
            share = percent(picture.copied / len(picture.wanted.start_ticks))
            named = "; ".join(f"recording {number + 1} is encoded, because {why}" for number, why in whys)
            return f"{share} of the picture is untouched{': ' + named if named else ''}."
        return f"The whole picture is encoded, because {whys[0][1]}." if whys else ""

    @property
    def summary(self) -> str:
        parts = f"{counted(len(self.joined.parts), 'recording')} joined"
        told = [parts, *(self._gap_words if self.gaps else ())]
        return ", ".join(told)

    @property
    def _gap_words(self) -> tuple[str, ...]:
        missing = sum(gap.seconds > 0 for gap in self.gaps)
        twice = len(self.gaps) - missing
        words = [(missing, "with a gap between two"), (twice, "with an overlap of two")]
        many = [(missing, f"with {missing} gaps"), (twice, f"with {twice} overlaps")]
        return tuple(one if count == 1 else more for (count, one), (_, more) in zip(words, many, strict=True) if count)

    @property
    def notes(self) -> tuple[str, ...]:
        notes = [gap.sentence for gap in self.gaps]
        silent = joined_audio.silent_parts(self.joined)
        if silent and self.joined.audio:
            names = ", ".join(f"{self.joined.parts[number].name}" for number in silent)
            notes.append(f"Silent where a recording has no sound or fewer tracks of it: {names}.")
        dark = [part.name for part in self.joined.parts if self.joined.lead is not None and not part.source.index]
        if dark:
            notes.append(f"Black where a recording is sound only: {', '.join(dark)}.")
        if any(self.audio_copied):
            lies = f"; it lies within {self.audio_within_ms:.1f} ms of its picture" if self.audio_within_ms else ""
            notes.append(f"The sound is copied as it is{lies}.")
        return (*notes, *self.left_out)

    @property
    def told(self) -> Told:
        return Told(
            summary=self.summary,
            reason=self.reason or None,
            checked=self.report.summary,
            notes=self.notes,
        )

    def to_json(self) -> dict[str, Any]:
        """`parts` has for each recording its name, where it begins and ends in the result, in seconds, whether its
        picture is copied, how much later than planned its audio comes (in ms, of the first track), and whether that
        goes on from the part before to the sample."""
        return {
            **self.told.to_json(),
            "duration": round(float(self.joined.timeline.duration), 6),
            "parts": [self._part(number) for number in range(len(self.joined.parts))],
            "gaps": [gap.to_json() for gap in self.gaps],
            "frames": self.report.frames,
            "frames_copied": self.frames_copied,
            "render": self.render,
            "audio_copied": list(self.audio_copied),
            "audio_within_ms": self.audio_within_ms,
            "report": self.report.to_json(),
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }

    def _part(self, number: int) -> dict[str, Any]:
        start = self.joined.starts[number]
        track = self.proven.tracks[0] if self.proven.tracks else None
        begins = track.begins[number] if track else None
        return {
            "name": self.joined.parts[number].name,
            "start": round(float(start), 6),
            "end": round(float(start + self.joined.timeline.segments[number].output_duration), 6),
            "copied": bool(self.picture and self.picture.surveys[number]),
            "audio_late_ms": None if begins is None else round(1000 * float(begins - start), 3),
            "audio_continuous": bool(track and number in track.continuous),
        }


def join(parts: Sequence[Part], output: Path, work: Workspace, options: JoinOptions = USUAL) -> JoinResult:
    """Write the recordings one after the other to `output`, whose ending says what kind of file (`muxers`).

    The result has a picture where any of them has, in the shape of the first that has; others are black there. Raises
    InputError, ToolError, ResourceError, and what `work.progress` raises.
    """
    container = muxers.for_name(output)
    check(len(parts), [part.info for part in parts], container)
    seconds: dict[str, float] = {}
    with checked_render.timed(seconds, "analysis"):

        def planned(task: WorkerThread[tuple[Joined, PicturePlan | None, list[CameraGap]]]) -> Any:
            joined = joined_parts.joined([_read(part, container, task.token) for part in parts], task.token)
            return joined, _picture(joined, container, options, task.token), camera_gaps.gaps(joined, task.token)

        ((joined, picture, gaps),) = run_concurrently(
            [planned], lambda done: work.progress(INDEX_SHARE * done, "Reading the recordings")
        )
        extras = joined_extras.read(joined, work.log)
    copies = options.audio != "encode"
    apart = frozenset(gap.after + 1 for gap in gaps)
    request = JoinRequest(joined, picture, extras, container, copies, options.handover, apart)
    proven = checked_join.publish(request, output, work.share(INDEX_SHARE, 1), seconds)
    return JoinResult(joined, proven, tuple(gaps), seconds, tuple(_left_out(parts, output)))


def _left_out(parts: Sequence[Part], output: Path) -> list[str]:
    """Sentences about tracks of the recordings that the result does not have; what many lack is said once."""
    there = sidetracks.read(Source(output, inspect(output)))
    told = (sidetracks.note(sidetracks.read(part.source), there) for part in parts)
    return list(dict.fromkeys(sentence for sentence in told if sentence))


def check(count: int, infos: Sequence[MediaInfo], container: Container) -> None:
    """Raise InputError where recordings cannot be joined."""
    if not 2 <= count <= MAXIMUM_RECORDINGS:
        raise InputError(f"Choose between 2 and {MAXIMUM_RECORDINGS} recordings to join.", code="bad_params")
    if container.audio_only and not any(info.audio for info in infos):
        raise InputError("None of these recordings has sound. Choose a kind of file with a picture.", code="no_audio")


def _read(part: Part, container: Container, token: CancellationToken) -> Part:
    """The part with the index of its frames, as far as it is to be in the result. Raises InputError."""
    source, info = part.source, part.info
    if container.audio_file:
        info = dataclasses.replace(info, audio=info.audio[:1])
    try:
        if info.video is None or container.audio_only:
            return dataclasses.replace(part, source=Source(source.path, info).audio_only)
        # The cache belongs to the first recording.
        index = frame_index.index_frames(source.path, info, token=token)
    except InputError as error:
        raise InputError(f"{part.name}: {error.message}", detail=error.detail, code=error.code) from error
    return dataclasses.replace(part, source=Source(source.path, info, index))


def _picture(
    joined: Joined, container: Container, options: JoinOptions, token: CancellationToken
) -> PicturePlan | None:
    if joined.lead is None:
        return None
    if options.way == "encode":
        return joined_picture_plan.encoding_all(joined, "that was asked for")
    return joined_picture_plan.planned(joined, container, token)
