"""Where a recording is split, as who asks says it, and whether its facts allow that."""

import dataclasses
from fractions import Fraction
from typing import Literal

from jobs.engine.edit.cut_params import CutParams
from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.model.report import counted
from jobs.engine.pipelines.split_points import MAXIMUM_PARTS
from jobs.errors import InputError

By = Literal["minutes", "times", "chapters", "silences", "megabytes"]
At = Literal["frame", "keyframe"]


@dataclasses.dataclass(frozen=True)
class Pauses:
    """What counts as one: `detector`, `threshold_db` and `track` are those of a silence cut, and it lasts
    `minimum_ms` or longer. No part is shorter than `minimum_part_seconds`."""

    detector: Literal["loudness", "voice"] = "loudness"
    threshold_db: float | Literal["auto"] = "auto"
    minimum_ms: int = 2000
    minimum_part_seconds: Fraction = Fraction(60)
    track: int | str = "all"

    @property
    def cut_params(self) -> CutParams:
        """How a silence cut finds them. Raises InputError."""
        return CutParams(
            detector=self.detector,
            threshold_db=self.threshold_db,
            min_silence_ms=self.minimum_ms,
            margin_before_ms=0,
            margin_after_ms=0,
            min_saving_ms=0,
        )


@dataclasses.dataclass(frozen=True)
class SplitOptions:
    """Where a recording is split: of the others only what `by` names counts.

    `times` are seconds after its start at which parts begin, `seconds` how long each is, `maximum_bytes` how large a
    part is at most. With `at` "keyframe", and by megabytes always, parts begin at the keyframe that is nearest.
    """

    by: By = "minutes"
    times: tuple[Fraction, ...] = ()
    seconds: Fraction = Fraction(600)
    maximum_bytes: int = 100_000_000
    pauses: Pauses = Pauses()
    at: At = "frame"

    @property
    def on_keyframes(self) -> bool:
        return self.at == "keyframe" or self.by == "megabytes"


def check(info: MediaInfo, options: SplitOptions) -> None:
    """Raise InputError where a recording cannot be split like that, as far as its facts tell."""
    if options.by == "times" and (not options.times or max(options.times) >= info.duration):
        raise InputError(
            f"The recording ends after {float(info.duration):.6g} s. Choose times before that.", code="beyond_end"
        )
    if options.by == "chapters" and not info.chapters:
        raise InputError("This recording has no chapters. Choose another way to split it.", code="no_chapters")
    if options.by == "silences":
        info.require_audio(options.pauses.track)
        options.pauses.cut_params  # noqa: B018 it refuses what makes no sense
    if options.by == "minutes":
        require_few(-int(-info.duration // options.seconds), "Choose longer parts.")
    if options.by == "megabytes":
        require_few(-(-info.size_bytes // options.maximum_bytes), "Choose larger parts.")


def require_few(count: int, remedy: str) -> None:
    """Raise InputError for more parts than are made."""
    if count > MAXIMUM_PARTS:
        raise InputError(
            f"These would be {counted(count, 'part')}, and at most {MAXIMUM_PARTS} are made. {remedy}",
            code="too_many_parts",
        )
