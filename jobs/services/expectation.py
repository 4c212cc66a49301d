"""How long work will take, learnt from work that was done.

Of each kind of work the last runs are kept. What a run takes is modelled as a part that every run takes, a part by the
seconds of media and a part by their pixels; none is negative, and all are fitted to the runs by least squares of their
relative errors. Three kinds are learnt from each run: the operation, the operation with the parameters that its pace
depends on (`Operation.pace_key`), and those with the recording's codec. The narrowest of which anything is known is
asked: one run with the same parameters tells more than many with others.

Machines are more or less busy, which slows all work alike. By how much is read from what was done in the last minutes,
held against what its own kind had expected; runs are learnt as they would have gone without.
"""

import dataclasses
import functools
import math
from collections.abc import Iterable, Sequence
from typing import Any, Self

from django.db import transaction

from jobs import clock
from jobs.engine.model.mediainfo import MediaInfo
from jobs.models import Experience, Job
from jobs.operations import registry
from jobs.operations.base import Params

RUNS_KEPT = 24
FORGETTING = 0.93
"""By how much each later run makes one count less: machines and their load change."""
DOUBT, DOUBT_WEIGHT = math.log(1.8), 0.5
"""How far off, as a logarithm, what a run tells is taken to be before others confirm it, and as how much of a run that
counts."""
WIDER_DOUBT = math.log(1.3)
"""What is added when only a wider kind could be asked."""
FAR_DOUBT = 0.4
"""What is added for each factor e by which a recording is larger or smaller than all that were worked on."""
CERTAINTY = 1.28
"""Standard deviations on each side: four of five are to lie within."""
BUSY = "*"
"""The kind under which the last runs of all work are kept: when each ended, and the logarithm of how much longer than
expected it took."""
BUSY_RUNS = 16
BUSY_HALF_LIFE_SECONDS = 600.0
BUSY_MOST = math.log(4)
"""What a single run may say."""
RIDGE = (3e-2, 1e-3, 1e-3)
"""What tells apart parts that the runs do not: the part of every run is then small, the others alike."""
STEPS = 20
"""Of a profile."""


@dataclasses.dataclass(frozen=True)
class Load:
    """What decides how long a piece of work takes: its kinds, widest first, seconds of media, and megapixels of all of
    their frames together (0 for sound)."""

    kinds: tuple[str, ...]
    seconds: float
    megapixels: float

    @classmethod
    def of(cls, operation: str, key: str, seconds: float, megapixels: float) -> Self:
        """`key` is as `key_of` makes it."""
        by_params, _, codec = key.partition("|")
        kinds = (operation, f"{operation} {by_params}", f"{operation} {by_params} {codec}")
        return cls(tuple(dict.fromkeys(kinds)) if key else (operation,), seconds, megapixels)

    @classmethod
    def of_job(cls, job: Job) -> Self:
        return cls.of(job.operation, job.load_key, job.load_seconds, job.load_megapixels)


def fields(info: MediaInfo, slug: str, params: Params, others: Iterable[MediaInfo] = ()) -> dict[str, Any]:
    """The columns of a job that say how much work it is; `others` are the facts about the other recordings it needs."""
    operation = registry.get(slug)
    every = [info, *(others if operation.works_through_inputs else ())]
    seconds = [operation.worked_seconds(one, params) for one in every]
    key = f"{operation.pace_key(params)}|{info.video.codec if info.video else 'audio'}"
    megapixels = sum(each * _megapixels_a_second(one) for each, one in zip(seconds, every, strict=True))
    return {"load_key": key[:100], "load_seconds": sum(seconds), "load_megapixels": megapixels}


def _megapixels_a_second(info: MediaInfo) -> float:
    video = info.video
    return float(video.width * video.height * video.frame_rate) / 1e6 if video else 0.0


@dataclasses.dataclass(frozen=True)
class Expected:
    """Seconds that work will take: four of five times no less than `low` and no more than `high`."""

    low: float
    likely: float
    high: float

    def less(self, seconds: float) -> "Expected":
        """What is left after some of it: what takes longer than expected is never expected to end at once."""
        rest = [max(whole - seconds, 0.1 * whole) for whole in (self.low, self.likely, self.high)]
        return Expected(*rest)


class Experiences:
    """What is known of kinds of work, each read once."""

    def __init__(self) -> None:
        self._rows: dict[str, Model | None] = {}
        self._busy: float | None = None

    def know(self, loads: Iterable[Load]) -> None:
        """Read what is known of these at once."""
        kinds = {kind for load in loads for kind in load.kinds} - self._rows.keys()
        rows = Experience.objects.in_bulk(kinds | {BUSY}) if kinds else {}
        if kinds and self._busy is None:
            self._busy = busyness(rows[BUSY].runs if BUSY in rows else (), clock.seconds())
        for kind in kinds:
            row = rows.get(kind)
            self._rows[kind] = Model.of(tuple(map(tuple, row.runs)), tuple(row.profile)) if row and row.runs else None

    def expected(self, load: Load) -> Expected | None:
        """None while nothing like it was ever done."""
        found = self._model(load)
        return found[0].expected(load, WIDER_DOUBT * found[1], self.busy) if found else None

    @property
    def busy(self) -> float:
        """The logarithm of how much longer all work takes at present."""
        return self._busy or 0.0

    def surprise(self, load: Load, took: float) -> float | None:
        """The logarithm of how much longer work took than its own kind had expected of a machine that is not busy; None
        where that knows too little."""
        found = self._model(load)
        if found is None or found[1] or len(found[0].runs) < 2:
            return None
        return math.log(took / found[0].expected(load).likely)

    def profile(self, load: Load) -> tuple[float, ...]:
        """Of the narrowest kind that has one; empty for none."""
        self.know([load])
        models = [self._rows[kind] for kind in reversed(load.kinds)]
        return next((model.profile for model in models if model and model.profile), ())

    def _model(self, load: Load) -> tuple["Model", int] | None:
        """The model to ask, and by how many kinds it is wider than the work."""
        self.know([load])
        known = ((model, wider) for wider, kind in enumerate(reversed(load.kinds)) if (model := self._rows[kind]))
        return next(known, None)


Run = tuple[float, float, float]
"""Seconds it took, seconds of media, megapixels."""


@dataclasses.dataclass(frozen=True)
class Model:
    """Seconds of work as `parts` of every run, by second of media, and by megapixel; `deviation` is that of the
    logarithm."""

    runs: tuple[Run, ...]
    parts: tuple[float, ...]
    deviation: float
    profile: tuple[float, ...]

    @classmethod
    @functools.lru_cache(maxsize=256)
    def of(cls, runs: tuple[Run, ...], profile: tuple[float, ...] = ()) -> "Model":
        parts = fitted(runs)
        weights = weights_of(runs)
        errors = [math.log(run[0] / predicted(parts, run[1], run[2])) for run in runs]
        squares = sum(weight * error**2 for weight, error in zip(weights, errors, strict=True))
        return cls(runs, parts, math.sqrt((squares + DOUBT_WEIGHT * DOUBT**2) / (sum(weights) + DOUBT_WEIGHT)), profile)

    def expected(self, load: Load, doubt: float = 0.0, busy: float = 0.0) -> Expected:
        likely = predicted(self.parts, load.seconds, load.megapixels) * math.exp(busy)
        spread = math.exp(CERTAINTY * (self.deviation + doubt + FAR_DOUBT * self._distance(load)))
        return Expected(likely / spread, likely, likely * spread)

    def _distance(self, load: Load) -> float:
        """How much larger or smaller than the most alike run it is, as a logarithm; runs within half as much are
        alike."""
        near = min(
            max(abs(math.log((1 + load.seconds) / (1 + run[1]))), abs(math.log((1 + load.megapixels) / (1 + run[2]))))
            for run in self.runs
        )
        return max(0.0, near - math.log(1.5))


def weights_of(runs: Sequence[Run]) -> list[float]:
    return [FORGETTING**age for age in reversed(range(len(runs)))]


def predicted(parts: Sequence[float], seconds: float, megapixels: float) -> float:
    return max(0.05, parts[0] + parts[1] * seconds + parts[2] * megapixels)


def fitted(runs: Sequence[Run]) -> tuple[float, ...]:
    """Non-negative least squares of relative errors with a ridge, by coordinate descent."""
    scale = [1.0, *(max(1e-9, sum(run[column] for run in runs) / len(runs)) for column in (1, 2))]
    weights = weights_of(runs)
    rows = [[1 / run[0], run[1] / scale[1] / run[0], run[2] / scale[2] / run[0]] for run in runs]
    mean = sum(run[0] for run in runs) / len(runs)
    ridge = [sum(weights) * strength / mean**2 for strength in RIDGE]
    parts = [0.0, 0.0, 0.0]
    for _ in range(100):
        for column in range(3):
            against = hold = 0.0
            for weight, row in zip(weights, rows, strict=True):
                rest = 1 - sum(parts[other] * row[other] for other in range(3) if other != column)
                against += weight * row[column] * rest
                hold += weight * row[column] ** 2
            parts[column] = max(0.0, against / (hold + ridge[column])) if hold else 0.0
    return tuple(part / size for part, size in zip(parts, scale, strict=True))


def of(job: Job) -> tuple[Expected | None, tuple[float, ...]]:
    """What work like this took in all, and its profile."""
    known, load = Experiences(), Load.of_job(job)
    return known.expected(load), known.profile(load)


# Learning ------------------------------------------------------------------------------------------------------------


def learn(job: Job, profile: Sequence[float] = ()) -> None:
    """Learn from a job that succeeded; `profile` as `Experience` keeps it."""
    load, took = Load.of_job(job), job.elapsed_seconds
    if not took:
        return
    took, known = max(0.05, took), Experiences()
    if (surprise := known.surprise(load, took)) is not None:
        _notice(surprise)
    run = (round(took / math.exp(known.busy), 3), round(load.seconds, 2), round(load.megapixels, 2))
    for kind in load.kinds:
        with transaction.atomic():
            row, _ = Experience.objects.select_for_update().get_or_create(kind=kind[:160])
            row.runs = [*row.runs, run][-RUNS_KEPT:]
            if profile:
                row.profile = blended(row.profile, profile)
            row.save()


def _notice(surprise: float) -> None:
    with transaction.atomic():
        row, _ = Experience.objects.select_for_update().get_or_create(kind=BUSY)
        said = round(min(BUSY_MOST, max(-BUSY_MOST, surprise)), 3)
        row.runs = [*row.runs, (round(clock.seconds(), 1), said)][-BUSY_RUNS:]
        row.save()


def busyness(runs: Sequence[Sequence[float]], now: float) -> float:
    """The mean of what the last runs say, later ones before earlier ones, and nothing as one more."""
    fresh = [0.5 ** (max(0.0, now - at) / BUSY_HALF_LIFE_SECONDS) for at, _ in runs]
    weights = [share * 0.9**later for share, later in zip(fresh, reversed(range(len(runs))), strict=True)]
    return sum(weight * said for weight, (_, said) in zip(weights, runs, strict=True)) / (sum(weights) + 1)


def blended(before: Sequence[float], now: Sequence[float]) -> list[float]:
    if len(before) != len(now):
        return [round(share, 4) for share in now]
    return [round(0.6 * old + 0.4 * new, 4) for old, new in zip(before, now, strict=True)]
