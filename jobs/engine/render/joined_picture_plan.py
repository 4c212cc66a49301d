"""How the picture of a join is made: which parts are copied and which are encoded, and in which runs.

Parts whose coded pictures fit those of the first are copied, the others encoded to its shape. What is encoded stands
in the same track as what is copied, as in a smart cut (`smartcut`): with parameter sets of its own under ids that are
free. Where nothing can be copied, all of it is encoded as a whole recording would be.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from jobs.engine.container.muxers import Container
from jobs.engine.render.joined_parts import Joined, PartFrames, frames_of, is_resampled, whole
from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.smartcut import copy_plan
from jobs.engine.smartcut import strategy as strategies
from jobs.engine.smartcut.codec import CannotCopy
from jobs.engine.smartcut.copy_plan import Run
from jobs.engine.smartcut.nal_codec import NalCodec
from jobs.engine.smartcut.packet_survey import CodedPictures
from jobs.engine.smartcut.patch_encoder import fitting_coding
from jobs.engine.smartcut.splicer import Splice
from jobs.engine.video.chunked_encoder import CHUNK_SECONDS
from jobs.engine.video.frame_schedule import Schedule


@dataclasses.dataclass(frozen=True, eq=False)
class PicturePlan:
    """How the picture of a join is made: `wanted` are its frames, `runs` the copied and encoded ones in order.

    `splice` has the same for all parts as if they were one recording, None when nothing is copied; `surveys` how the
    pictures of each part are coded and at which number its decode indexes begin in `splice`, None for those that are
    encoded. `refusals` say of these why, "because" of it.
    """

    joined: Joined
    parts: tuple[PartFrames, ...]
    wanted: Schedule
    runs: tuple[Run, ...]
    surveys: tuple[tuple[CodedPictures, int] | None, ...]
    refusals: tuple[str | None, ...]
    splice: Splice | None = None

    @property
    def copied(self) -> int:
        """How many pictures are copied."""
        return self.splice.copied if self.splice else 0

    @property
    def copied_parts(self) -> int:
        return sum(survey is not None for survey in self.surveys)

    def part_at(self, frame_number: int) -> PartFrames:
        firsts = [frames.first for frames in self.parts]
        return self.parts[int(np.searchsorted(firsts, frame_number, "right")) - 1]


# What can be copied ---------------------------------------------------------------------------------------------------


def encoding_all(joined: Joined, reason: str) -> PicturePlan:
    """The plan that copies nothing."""
    parts = _placed(joined, set())
    wanted = whole(joined, parts)
    nothing = (None,) * len(parts)
    return PicturePlan(joined, parts, wanted, tuple(_encoded(joined, parts)), nothing, (reason,) * len(parts))


def planned(joined: Joined, container: Container, token: CancellationToken) -> PicturePlan:
    """Copy the parts that fit the lead, encode the others. Raises InputError."""
    assert joined.lead is not None
    surveys: list[CodedPictures | None] = [None] * len(joined.parts)
    refusals: list[str | None] = ["it has no picture"] * len(joined.parts)
    sets: tuple[bytes, ...] = ()
    lead: CodedPictures | None = None
    for number, part in enumerate(joined.parts):
        if part.source.index is None:
            continue
        try:
            if not container.can_copy(part.info):
                raise CannotCopy(f"{container.name} needs another kind")
            _require_same_look(joined, number)
            coded = strategies.survey_seekable(part.source, token, open_groups=False)
            # The first one with a picture.
            if lead is None:
                lead, sets = coded, coded.parameter_sets
            sets = _together(lead, sets, coded)
            _require_all_copied(joined, number, coded)
            surveys[number], refusals[number] = coded, None
        except CannotCopy as why:
            refusals[number] = str(why)
            if number == joined.lead:
                return encoding_all(joined, str(why))
    assert lead is not None
    try:
        return _spliced(joined, surveys, refusals, dataclasses.replace(lead, parameter_sets=sets))
    except CannotCopy as why:
        return encoding_all(joined, str(why))


def _require_same_look(joined: Joined, number: int) -> None:
    """Raise CannotCopy unless what the container says of a part's picture is what it says of the lead's."""
    lead, own = joined.video, joined.parts[number].info.require_video()
    for name, words in {
        "codec": "it is coded in another way",
        "width": "its size is another",
        "height": "its size is another",
        "rotation": "it is turned another way",
        "mirrored": "it is mirrored",
        "sample_aspect": "its pixels have another shape",
        "pixel_format": "its pixels are stored in another way",
    }.items():
        if getattr(lead, name) != getattr(own, name):
            raise CannotCopy(words)


def _together(lead: CodedPictures, sets: tuple[bytes, ...], coded: CodedPictures) -> tuple[bytes, ...]:
    """The parameter sets of a track that has both. Raises CannotCopy when one header cannot hold them."""
    if set(coded.parameter_sets) <= set(sets):
        return sets
    codec = lead.codec
    if not isinstance(codec, NalCodec):
        raise CannotCopy("its coding is described in another way")
    merged = {codec.parameter_set_key(unit): unit for unit in sets}
    for unit in coded.parameter_sets:
        if merged.setdefault(codec.parameter_set_key(unit), unit) != unit:
            raise CannotCopy("its coding is described in another way")
    try:
        reader = codec.reader(b"")
        reader.length_bytes = 0
        for unit in merged.values():
            reader.add_parameter_set(unit)
    except ValueError as error:
        raise CannotCopy("its coding is described in another way") from error
    return tuple(merged.values())


def _require_all_copied(joined: Joined, number: int, coded: CodedPictures) -> None:
    frames = frames_of(joined, number, 0, resampled=False)
    runs = _copy_runs(joined, frames, coded)
    if any(run.copied_from is None for run in runs):
        raise CannotCopy("it begins or ends within a group of pictures")


def _copy_runs(joined: Joined, frames: PartFrames, coded: CodedPictures) -> list[Run]:
    index = joined.parts[frames.number].source.require_index()
    return copy_plan.plan_runs(coded, index, frames.own)


def _placed(joined: Joined, copied: set[int]) -> tuple[PartFrames, ...]:
    """The frames of all parts, those of copied ones at their own times."""
    parts: list[PartFrames] = []
    first = 0
    for number in range(len(joined.parts)):
        resampled = number not in copied and is_resampled(joined, number)
        parts.append(frames_of(joined, number, first, resampled=resampled))
        first += parts[-1].count
    return tuple(parts)


def _encoded(joined: Joined, parts: Sequence[PartFrames]) -> Iterator[Run]:
    """Runs of no more than CHUNK_SECONDS each, which threads can share."""
    for frames in parts:
        yield from _runs_of(joined, frames)


def _runs_of(joined: Joined, frames: PartFrames) -> Iterator[Run]:
    seconds = Fraction(joined.lengths[frames.number], joined.clock_hz)
    count = max(1, round(seconds / CHUNK_SECONDS))
    for numbers in np.array_split(np.arange(frames.count), min(count, frames.count)):
        yield Run(frames.first + int(numbers[0]), len(numbers))


def _spliced(
    joined: Joined, surveys: Sequence[CodedPictures | None], refusals: Sequence[str | None], lead: CodedPictures
) -> PicturePlan:
    """All parts as if they were one recording. Raises CannotCopy."""
    parts = _placed(joined, {number for number, coded in enumerate(surveys) if coded})
    wanted = whole(joined, parts)
    runs: list[Run] = []
    offsets: list[tuple[CodedPictures, int] | None] = []
    begin = 0
    for frames, coded in zip(parts, surveys, strict=True):
        if coded is None:
            offsets.append(None)
            runs += _runs_of(joined, frames)
            continue
        offsets.append((coded, begin))
        for run in _copy_runs(joined, frames, coded):
            assert run.copied_from is not None
            runs.append(Run(frames.first + run.first, run.count, begin + run.copied_from, run.leading_skipped))
        begin += len(coded.pts)
    together = _concatenated([coded for coded in surveys if coded], lead)
    step = lead.codec.steps(lead.quantizer, joined.video)[-1]
    coding = fitting_coding(together, joined.video, joined.clock_hz, step.at(step.finest))
    splice = Splice(wanted, together, runs, coding)
    return PicturePlan(joined, parts, wanted, tuple(runs), tuple(offsets), tuple(refusals), splice)


ARRAYS = ("pts", "frame_numbers", "random_access", "leading", "reference", "keyframes", "file_offsets", "sizes")


def _concatenated(copied: Sequence[CodedPictures], lead: CodedPictures) -> CodedPictures:
    """The coded pictures of several recordings, one behind the other; time stamps rise from part to part."""
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(coded, name) for coded in copied]) for name in (*ARRAYS, "checksums")
    }
    shifts, begin = [], 0
    for coded in copied:
        shifts.append(coded.pts - int(coded.pts.min()) + begin)
        begin = int(shifts[-1].max()) + 1
    return dataclasses.replace(lead, **{**arrays, "pts": np.concatenate(shifts)})
