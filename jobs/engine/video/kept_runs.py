"""Encoded runs of a schedule's frames, kept so that an encode which was interrupted goes on from them."""

import json
from collections.abc import Callable

import av

from jobs.engine.runtime.kept_parts import KeptParts, PartsOf
from jobs.engine.video.encoded_packets import EncodedRun
from jobs.engine.video.frame_schedule import Schedule

VERSION = 1
"""Rises when the same frames would be encoded in another way, or another order of encoding would not go with them."""


class KeptRuns:
    """Those of one schedule, encoded in one way. `how` is all that decides the bytes besides the frames: the source's
    facts, encoder and settings, the track's header, what is painted."""

    def __init__(self, kept: KeptParts | None, wanted: Schedule, *how: object) -> None:
        self._wanted = wanted
        self._parts: PartsOf | None = None
        if kept:
            frames = (wanted.source_pts, wanted.start_ticks, wanted.duration_ticks)
            what = [VERSION, av.library_versions, *(column.tobytes() for column in frames), wanted.segment_firsts]
            self._parts = kept.of(*what, *how)

    def planned(self, runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """The first frame of each run and the one after its last, as an attempt before had them: on a machine with
        other processors they would be others."""
        if self._parts is None:
            return runs
        stored = self._parts.load("plan")
        try:
            plan = [(int(first), int(end)) for first, end in json.loads(bytes(stored or b""))]
        except (ValueError, TypeError):
            plan = []
        edges = [first for first, _ in plan] + [len(self._wanted.source_pts)]
        if (
            plan
            and edges[0] == 0
            and all(end == edge and first < end for (first, end), edge in zip(plan, edges[1:], strict=True))
        ):
            return plan
        self._parts.save("plan", json.dumps(runs).encode())
        return runs

    def made(self, first: int, end: int, make: Callable[[], EncodedRun]) -> tuple[EncodedRun, bool]:
        """The run of these frames, and whether it was there already."""
        if self._parts is None:
            return make(), False
        name = f"{first}-{end}"
        if stored := self._parts.load(name):
            run = EncodedRun.loads(stored, self._wanted.start_ticks[first:end].tolist())
            if run:
                self._parts.accept()
                return run, True
        run = make()
        self._parts.save(name, run.dumps())
        return run, False
