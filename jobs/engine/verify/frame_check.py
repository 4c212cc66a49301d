"""Whether the pictures of a finished file are those of its schedule.

Their times are compared one by one, copied ones with the source's by checksums, from the packets alone. Around every
join those that were encoded are decoded, and the first ones of every copy; and at some joins all that are played
across the end of a copy.
"""

import functools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.engine.model.progress import Advance
from jobs.engine.model.report import Fault
from jobs.engine.runtime.threads import CancellationToken, run_concurrently
from jobs.engine.smartcut.splicer import Splice
from jobs.engine.verify import copy_check, decode_check, numbering_check
from jobs.engine.verify.decode_check import Stamps, Visit
from jobs.engine.video.frame_schedule import Schedule

# Decoded either side of each join, and from where a copy begins.
FRAMES_AROUND = 3
# At so many joins a decoder comes to what was encoded from the copy before.
ENDS = 4
# What is to be decoded is shared out between as many threads with a decoder each.
PLAYERS = 2


class Viewing:
    """The pictures of a result, an MP4 file, held against its schedule, in ticks of 1 / `clock_hz` seconds.

    First they are read, then some are played. `splice` says which of them were copied, None when all were encoded.
    `frames` counts them, `decoded` those that were decoded, and `faults` are what is wrong with them.
    """

    def __init__(self, output: Path, wanted: Schedule, clock_hz: int, splice: Splice | None) -> None:
        self.frames = 0
        self.decoded = 0
        self.faults: list[Fault] = []
        self._output = output
        self._wanted = wanted
        self._clock_hz = clock_hz
        self._splice = splice
        self._visits: list[Visit] = []
        self._time_base = Fraction(1, clock_hz)

    def read(self, token: CancellationToken) -> None:
        """Compare what the packets tell; nothing is decoded. Raises av.error.FFmpegError."""
        shown = decode_check.stamps(self._output, token)
        self.frames = len(shown.pts)
        self.faults += time_faults(shown, self._wanted, self._clock_hz)
        if self._splice:
            self.faults += copy_check.copy_faults(self._output, shown, self._splice, token)
            self.faults += numbering_check.numbering_faults(self._output, shown, self._splice, token)
        self._visits = decode_check.visits(shown, seams(shown, self._wanted, self._splice))
        self._time_base = shown.time_base

    def play(self, progress: Advance) -> None:
        """Decode at the joins. `progress` gets a fraction; what it raises ends the work.

        Raises av.error.FFmpegError.
        """
        players = [functools.partial(decode_check.played, self._output, part) for part in shared(self._visits)]
        for count, bad in run_concurrently(players, progress):
            self.decoded += count
            self.faults += [_undecodable(pts * self._time_base) for pts in bad[:1]]


def time_faults(shown: Stamps, wanted: Schedule, clock_hz: int) -> list[Fault]:
    """What differs between when pictures are shown and when they should be, to the tick."""
    faults = []
    # Both in units that divide the ticks of either clock.
    shown_at = np.sort(shown.pts) * (shown.time_base.numerator * clock_hz)
    planned = wanted.start_ticks * shown.time_base.denominator
    common = min(len(shown_at), len(planned))
    differing = np.flatnonzero(shown_at[:common] != planned[:common])
    first = int(differing[0]) if len(differing) else common
    at = float(Fraction(int(wanted.start_ticks[min(first, len(planned) - 1)]), clock_hz))
    if len(shown_at) != len(planned):
        message = f"The result has {len(shown_at)} pictures instead of {len(planned)}; they differ from {at:.3f} s on."
        faults.append(Fault("frame_count", message, round(at, 3)))
    elif len(differing):
        seen = float(int(np.sort(shown.pts)[first]) * shown.time_base)
        message = f"The picture planned for {at:.3f} s comes on show at {seen:.3f} s."
        faults.append(Fault("frame_time", message, round(at, 3)))
    falling = np.flatnonzero(np.diff(shown.dts) <= 0)
    if len(falling):
        at = float(int(shown.pts[falling[0] + 1]) * shown.time_base)
        faults.append(Fault("decode_order", f"Decode times do not rise at {at:.3f} s.", round(at, 3)))
    return faults


def seams(shown: Stamps, wanted: Schedule, splice: Splice | None) -> Iterator[int]:
    """The pictures to decode, by their numbers in the order of showing.

    Copied ones are the source's own, from where a copy begins, by their checksums and (in open groups of H.264, where
    these leave them out) their numbers: only its beginning can fail, and the way from its end into what was encoded.
    """
    joins = np.array([*wanted.segment_firsts, len(wanted.start_ticks)])
    around = (joins[:, None] + np.arange(-FRAMES_AROUND, FRAMES_AROUND)).ravel()
    keys = np.searchsorted(np.sort(shown.pts), np.sort(shown.pts[shown.keys]))
    if splice:
        around = around[_encoded(splice)[around.clip(0, len(wanted.start_ticks) - 1)]]
        begins = [run.first for run in splice.runs if run.copied_from is not None]
        begins += ends_of_copies(splice, keys)
    else:
        # Where chunks that were encoded apart meet, there is a keyframe.
        after = np.searchsorted(keys, joins)
        begins = keys[after[after < len(keys)]].tolist()
    yield from around.tolist()
    yield from (begin + step for begin in begins for step in range(FRAMES_AROUND))


def ends_of_copies(splice: Splice, keys: NDArray[np.int64]) -> list[int]:
    """The last pictures of a few copies, by the first of them: of those to which the way from a key is the shortest.

    How a decoder gets from there into what was encoded is the same everywhere, so a few tell.
    """
    ends = np.array([run.end - FRAMES_AROUND for run in splice.runs if run.copied_from is not None])
    before = np.searchsorted(keys, ends, "right") - 1
    ways = (
        np.where(before < 0, len(splice.wanted.start_ticks), ends - keys.take(before, mode="clip"))
        if len(keys)
        else ends
    )
    return ends[np.argsort(ways, kind="stable")[:ENDS]].tolist()


def _encoded(splice: Splice) -> NDArray[np.bool_]:
    """Which pictures of the result were encoded."""
    own = np.ones(len(splice.wanted.start_ticks), bool)
    for run in splice.runs:
        own[run.first : run.end] = run.copied_from is None
    return own


def shared(visits: Sequence[Visit]) -> list[Sequence[Visit]]:
    """Equal parts of the visits, those next to each other together."""
    edges = [len(visits) * part // PLAYERS for part in range(PLAYERS + 1)]
    return [visits[begin:end] for begin, end in pairwise(edges) if begin < end]


def _undecodable(time: Fraction) -> Fault:
    return Fault("undecodable", f"A picture at {float(time):.3f} s does not decode cleanly.", round(float(time), 3))
