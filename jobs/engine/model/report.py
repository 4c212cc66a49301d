"""What checking a result has found, as plain data that is kept with it."""

import dataclasses
from fractions import Fraction
from typing import Any


@dataclasses.dataclass(frozen=True)
class UndecodedFrames:
    """Frames of a source that did not decode, so that others stand in for them, and for how long in the result.

    `unplanned` says behind which times of the result the decoder gave more frames than the plan has.
    """

    frames: int = 0
    seconds: Fraction = Fraction(0)
    unplanned: tuple[Fraction, ...] = ()


@dataclasses.dataclass(frozen=True)
class Fault:
    """Something that is not as planned: a stable `code`, a sentence, and when it shows in the result, in seconds.

    Codes: unreadable, cut_off, tracks, orientation, frames_missing, frame_count, frame_time, decode_order, picture_end,
    sound_end, undecodable, copy_differs, sound_moved, sound_differs, sound_damaged, damaged_source. Of each only the
    first in time is told.
    """

    code: str
    message: str
    at: float | None = None


@dataclasses.dataclass(frozen=True)
class ComparedWindow:
    """Audio of one window of a result, found in the source. `late_ms` positive: later than planned.

    `track` is the index among the audio tracks, `at` seconds of the result, `likeness` 1 for the same audio.
    """

    track: int
    at: float
    late_ms: float
    likeness: float


@dataclasses.dataclass(frozen=True)
class Report:
    """`frames` and `joins` are those of the result; of the frames, `frames_decoded` around the joins were decoded.

    `frames_lost` of the source did not decode, and others stand in their place. `windows_skipped` windows of audio
    could not be compared: too quiet there, or audio that repeats.
    """

    frames: int
    joins: int
    frames_decoded: int = 0
    frames_lost: int = 0
    heard: tuple[ComparedWindow, ...] = ()
    windows_skipped: int = 0
    faults: tuple[Fault, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.faults

    @property
    def drift_ms(self) -> float | None:
        """The furthest that any audio was found from where it is planned; None when none could be compared."""
        return max((abs(one.late_ms) for one in self.heard), default=None)

    @property
    def summary(self) -> str:
        """One line: "checked: 10 436 frames, 91 joins, drift 0 ms"."""
        facts = [counted(self.frames, "frame")] if self.frames else []
        facts.append(counted(self.joins, "join"))
        if self.drift_ms is not None:
            facts.append(f"drift {self.drift_ms:.0f} ms")
        if self.frames_lost:
            facts.append(f"{counted(self.frames_lost, 'frame')} of the recording damaged")
        if not self.ok:
            facts.append(counted(len(self.faults), "fault"))
        return f"checked: {', '.join(facts)}"

    def to_json(self) -> dict[str, Any]:
        data = dataclasses.asdict(self)
        return {
            "ok": self.ok,
            "summary": self.summary,
            "drift_ms": self.drift_ms,
            **data,
            "heard": list(data["heard"]),
            "faults": list(data["faults"]),
        }


def counted(count: int, noun: str) -> str:
    """1 join, 2 joins, 10 436 frames."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}".replace(",", " ")


def first_of_each(faults: list[Fault]) -> tuple[Fault, ...]:
    """Of each code the first in time; those that have none come first."""
    ordered = sorted(faults, key=lambda fault: fault.at if fault.at is not None else -1.0)
    return tuple({fault.code: fault for fault in reversed(ordered)}.values())[::-1]
