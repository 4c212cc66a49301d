"""Proving a cut result against its plan and its source before anybody gets to see it.

The pictures' times are compared with the plan one by one, from the packets alone. A few pictures around every join
are decoded. Copied ones are compared with the source's by checksums, sound in windows spread over the result.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.stream import Disposition

from jobs.engine import containers, integrity, playback
from jobs.engine.copies import copy_faults
from jobs.engine.cutplan import CutPlan
from jobs.engine.media import MediaInfo
from jobs.engine.offsets import Offsets, offsets
from jobs.engine.parallel import Beside, Halt, beside
from jobs.engine.parts import starts
from jobs.engine.playback import Span, Stamps
from jobs.engine.report import Fault, Lost, Report, first_of_each
from jobs.engine.smartcut import Splice
from jobs.engine.timeline import FrameIndex, Schedule, schedule

# Sound and picture may end this far from the plan; headers are rounded to milliseconds.
END_TOLERANCE = Fraction(10 + 1, 1000)
# Decoded either side of each join.
FRAMES_AROUND = 3
# The joins are shared out between as many threads with a decoder each.
PLAYERS = 2
# Pictures that stand still for longer than a second, or a fiftieth of a long result, are no small damage.
LOST_SECONDS = Fraction(1)
LOST_SHARE = Fraction(1, 50)


def verify(
    source: Path,
    info: MediaInfo,
    output: Path,
    plan: CutPlan,
    index: FrameIndex | None,
    *,
    splice: Splice | None = None,
    lost: Lost | None = None,
    progress: Callable[[float], None] | None = None,
    halt: Halt | None = None,
) -> Report:
    """Compare `output`, an MP4 file, with what `plan` makes of `source`. Faults are told in the report, not raised.

    The plan has to be snapped; `index` is the source's, None when only its sound was cut. `splice` says which pictures
    were copied, None when all were encoded. `lost` are pictures of the source that did not decode while it was
    rendered. `progress` gets a fraction, 0 to 1; what it raises ends the work.
    """
    found = Findings(plan, lost or Lost())
    try:
        found.faults += file_faults(output, info, plan)
        if not {"tracks", "unreadable"} & {fault.code for fault in found.faults}:
            tell = progress or (lambda fraction: None)
            _compare(source, info, output, plan, index, splice, found, tell, halt or Halt())
    except av.error.FFmpegError as error:
        found.faults.append(Fault("unreadable", f"The result cannot be read: {error}."))
    return found.report()


@dataclasses.dataclass
class Findings:
    """What is known so far."""

    plan: CutPlan
    lost: Lost
    faults: list[Fault] = dataclasses.field(default_factory=list)
    frames: int = 0
    frames_decoded: int = 0
    sound: Offsets = dataclasses.field(default_factory=Offsets)

    def report(self) -> Report:
        if damage := damage_fault(self.lost, self.plan):
            self.faults.append(damage)
        return Report(
            frames=self.frames,
            joins=len(self.plan.parts) - 1,
            frames_decoded=self.frames_decoded,
            frames_lost=self.lost.frames,
            heard=self.sound.heard,
            windows_skipped=self.sound.skipped,
            faults=first_of_each([*self.faults, *self.sound.faults]),
        )


def _compare(
    source: Path,
    info: MediaInfo,
    output: Path,
    plan: CutPlan,
    index: FrameIndex | None,
    splice: Splice | None,
    found: Findings,
    progress: Callable[[float], None],
    halt: Halt,
) -> None:
    """Sound and pictures beside each other, the joins shared out between decoders."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(beside(lambda task: offsets(source, info, output, plan, task)))
        playing: list[Beside[tuple[int, list[int]]]] = []
        time_base = Fraction(1)
        if index:
            shown = playback.stamps(output, halt)
            time_base, found.frames = shown.time_base, len(shown.pts)
            found.faults += time_faults(shown, schedule(index, plan.parts), index.clock_hz)
            for spans in shared(playback.spans_around(shown, ends_and_joins(plan), FRAMES_AROUND)):
                playing.append(stack.enter_context(beside(functools.partial(playback.played, output, spans))))
        tasks: list[Beside[Any]] = [listening, *playing]
        if splice:
            comparing = stack.enter_context(beside(lambda task: copy_faults(output, splice, task.halt)))
            tasks.append(comparing)
        while sum(task.wait(0.05) for task in tasks) < len(tasks):
            halt.check()
            progress(sum(task.fraction for task in tasks) / len(tasks))
        found.sound = listening.result()
        for task in playing:
            decoded, bad = task.result()
            found.frames_decoded += decoded
            found.faults += [_undecodable(pts * time_base) for pts in bad[:1]]
        if splice:
            found.faults += comparing.result()
    progress(1.0)


def file_faults(output: Path, info: MediaInfo, plan: CutPlan) -> list[Fault]:
    """What the file's headers tell: whether all of it is there, its tracks, and when they end."""
    with output.open("rb") as file:
        size = output.stat().st_size
        if any(box.kind == b"mdat" and box.end > size for box in integrity.boxes(file, 0, size)):
            return [Fault("cut_off", "The end of the result is missing.")]
    with containers.opened(output, "mov") as container:
        covers = Disposition.attached_pic
        video = [track for track in container.streams.video if not track.disposition & covers]
        audio = container.streams.audio
        if [len(video), len(audio)] != [int(info.video is not None), len(info.audio)]:
            return [Fault("tracks", f"The result has {len(video)} tracks of pictures and {len(audio)} of sound.")]
        ends = integrity.track_ends(output)
        return [
            Fault(code, f"The {what} ends at {float(end):.3f} s instead of {float(plan.output_duration):.3f} s.")
            for code, what, tracks in (("picture_end", "picture", video), ("sound_end", "sound", audio))
            for end in (ends.get(track.id, Fraction(0)) for track in tracks)
            if abs(end - plan.output_duration) > END_TOLERANCE
        ]


def time_faults(shown: Stamps, wanted: Schedule, clock_hz: int) -> list[Fault]:
    """What differs between when pictures are shown and when they should be, to the tick."""
    faults = []
    # Both in units that divide the ticks of either clock.
    found = np.sort(shown.pts) * (shown.time_base.numerator * clock_hz)
    planned = wanted.at * shown.time_base.denominator
    common = min(len(found), len(planned))
    differing = np.flatnonzero(found[:common] != planned[:common])
    place = int(differing[0]) if len(differing) else common
    at = float(Fraction(int(wanted.at[min(place, len(planned) - 1)]), clock_hz))
    if len(found) != len(planned):
        message = f"The result has {len(found)} pictures instead of {len(planned)}; they differ from {at:.3f} s on."
        faults.append(Fault("frame_count", message, round(at, 3)))
    elif len(differing):
        seen = float(int(np.sort(shown.pts)[place]) * shown.time_base)
        message = f"The picture planned for {at:.3f} s comes on show at {seen:.3f} s."
        faults.append(Fault("frame_time", message, round(at, 3)))
    falling = np.flatnonzero(np.diff(shown.dts) <= 0)
    if len(falling):
        at = float(int(shown.pts[falling[0] + 1]) * shown.time_base)
        faults.append(Fault("decode_order", f"Decode times do not rise at {at:.3f} s.", round(at, 3)))
    return faults


def ends_and_joins(plan: CutPlan) -> list[Fraction]:
    """Where pictures are decoded: either side of each join, at the start and before the end."""
    return [*starts(plan.parts), plan.output_duration]


def shared(spans: Sequence[Span]) -> list[Sequence[Span]]:
    """Equal parts of the spans, those next to each other together."""
    edges = [len(spans) * part // PLAYERS for part in range(PLAYERS + 1)]
    return [spans[begin:end] for begin, end in pairwise(edges) if begin < end]


def _undecodable(time: Fraction) -> Fault:
    return Fault("undecodable", f"A picture at {float(time):.3f} s does not decode cleanly.", round(float(time), 3))


def damage_fault(lost: Lost, plan: CutPlan) -> Fault | None:
    """Whether so much of the source did not decode that the result is not worth having."""
    if lost.seconds <= max(LOST_SECONDS, plan.output_duration * LOST_SHARE):
        return None
    there, total = integrity.clock(lost.seconds), integrity.clock(plan.output_duration)
    return Fault(
        "damaged_source",
        f"The recording is damaged: {there} of the {total} to keep cannot be decoded, and the picture would stand "
        "still there. Upload it again; if that does not help, export or record it anew.",
    )
