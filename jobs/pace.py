"""How long running work will still take: by how fast it went lately, and by what was learnt from work like it.

Stages of work go at different speeds, and a share of the work done is not a share of the time. Where work like it was
done before, its profile says which share of the time had gone by when so much of the work was done, and what it took in
all is an estimate of its own. The two are averaged as logarithms, each with the weight of its certainty: at the
beginning what was learnt decides, towards the end what is measured.
"""

import math
from collections import deque
from collections.abc import Sequence

from jobs.services.expectation import CERTAINTY, STEPS, Expected

WINDOW_SECONDS = 30.0
"""How far back counts: the parts of a piece of work go at different speeds."""
LEAST_SECONDS = 4.0
LEAST_SHARE = 0.02
"""What has to have been seen of the work before it says anything."""
MOST_SLOWDOWN = 5.0
"""How much slower than so far the rest may seem to go because a short stage is slow."""
FADING = 3.0
"""By how much less sure than at the beginning what was learnt is at the end, where what is measured knows best."""
LEAST_DEVIATION = 0.15
"""How sure anything may be, as a standard deviation of the logarithm."""


class Pace:
    """Of one attempt that began at `started`, in seconds of the same clock as all times here; without, when it first
    says something. `expected` is what work like it took in all, `profile` as `Experience` keeps it."""

    def __init__(
        self, started: float | None = None, expected: Expected | None = None, profile: Sequence[float] = ()
    ) -> None:
        self._started = started
        self._expected = expected
        self._knots = (0.0, *profile, 1.0) if profile else ()
        self._marks: deque[tuple[float, float]] = deque()
        self._first: tuple[float, float] | None = None
        self._steps: list[float] = []
        self._skipped = 0.0

    def saw(self, now: float, fraction: float) -> None:
        """Keep when each step of the work was done."""
        if self._started is None:
            self._started = now
        while len(self._steps) < STEPS - 1 and fraction * STEPS >= len(self._steps) + 1:
            self._steps.append(now - self._started)

    def skipped(self, now: float, before: float, fraction: float) -> None:
        """The work from one fraction to another was done by an attempt before: it took this one no time."""
        shares = [share for at in (before, fraction) if (share := self._share(at)) is not None]
        self._skipped += shares[1] - shares[0] if shares else fraction - before
        self._marks.clear()
        self._first = None

    def profile(self, now: float) -> list[float]:
        """Of the work, which ends now; empty for what took too little to tell."""
        whole = now - (now if self._started is None else self._started)
        if whole < 1:
            return []
        steps = self._steps + [whole] * (STEPS - 1 - len(self._steps))
        return [round(step / whole, 4) for step in steps]

    def seconds_left(self, now: float, fraction: float) -> float | None:
        """At a time in seconds, with that share of the work done; None while nothing can be said."""
        self.saw(now, fraction)
        elapsed = now - (now if self._started is None else self._started)
        guesses = [
            guess for guess in (self._measured(now, fraction, elapsed), self._learnt(elapsed, fraction)) if guess
        ]
        if not guesses:
            return None
        weights = [deviation**-2 for _, deviation in guesses]
        sums = [math.log(max(0.1, left)) * weight for (left, _), weight in zip(guesses, weights, strict=True)]
        return round(math.exp(sum(sums) / sum(weights)), 1)

    def _learnt(self, elapsed: float, fraction: float) -> tuple[float, float] | None:
        """Seconds left by what others took, and the deviation of their logarithm. It tells less and less of work that
        takes longer than any of them."""
        if not self._expected:
            return None
        elapsed += self._skipped * self._expected.likely
        left = self._expected.less(elapsed).likely
        deviation = math.log(self._expected.high / self._expected.low) / (2 * CERTAINTY)
        late = max(1.0, elapsed / self._expected.likely)
        return left, max(LEAST_DEVIATION, deviation) * late**2 * (1 + FADING * fraction)

    def _measured(self, now: float, fraction: float, elapsed: float) -> tuple[float, float] | None:
        windowed = self._by_window(now, fraction)
        share = self._share(fraction)
        if share is not None and elapsed >= 1 and share - self._skipped >= LEAST_SHARE:
            return elapsed * (1 - share) / (share - self._skipped), LEAST_DEVIATION + 0.5 * (1 - share)
        return None if windowed is None or self._knots else (windowed, LEAST_DEVIATION + 0.8 * (1 - fraction))

    def _share(self, fraction: float) -> float | None:
        """The share of the time that has gone by, by the profile; None without one."""
        if not self._knots:
            return None
        step = min(int(fraction * STEPS), STEPS - 1)
        before, after = self._knots[step], self._knots[step + 1]
        return before + (after - before) * (fraction * STEPS - step)

    def _by_window(self, now: float, fraction: float) -> float | None:
        if self._marks and fraction <= self._marks[0][1]:
            self._marks.clear()  # it has not begun to move: making ready is no measure of the work
        self._marks.append((now, fraction))
        if len(self._marks) == 1:
            self._first = self._marks[0]
        while len(self._marks) > 2 and self._says_enough(self._marks[1], WINDOW_SECONDS):
            self._marks.popleft()
        if self._first is None or not self._says_enough(self._marks[0], LEAST_SECONDS):
            return None
        return min(self._left_since(self._marks[0]), MOST_SLOWDOWN * self._left_since(self._first))

    def _left_since(self, mark: tuple[float, float]) -> float:
        (since, before), (now, fraction) = mark, self._marks[-1]
        return (1 - fraction) * (now - since) / (fraction - before)

    def _says_enough(self, mark: tuple[float, float], seconds: float) -> bool:
        now, fraction = self._marks[-1]
        return now - mark[0] >= seconds and fraction - mark[1] >= LEAST_SHARE
