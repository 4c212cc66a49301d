"""How long work will still take, by how fast it went lately."""

from collections import deque

WINDOW_SECONDS = 30.0
"""How far back counts: the parts of a piece of work go at different speeds."""
LEAST_SECONDS = 4.0
LEAST_SHARE = 0.02
"""What has to have been seen of the work before it says anything."""


class Pace:
    def __init__(self) -> None:
        self._marks: deque[tuple[float, float]] = deque()

    def seconds_left(self, now: float, fraction: float) -> float | None:
        """At a time in seconds, with that share of the work done; None while nothing can be said."""
        if self._marks and fraction <= self._marks[0][1]:
            self._marks.clear()  # it has not begun to move: making ready is no measure of the work
        self._marks.append((now, fraction))
        while len(self._marks) > 2 and self._says_enough(self._marks[1], WINDOW_SECONDS):
            self._marks.popleft()
        if not self._says_enough(self._marks[0], LEAST_SECONDS):
            return None
        since, before = self._marks[0]
        return round((1 - fraction) * (now - since) / (fraction - before), 1)

    def _says_enough(self, mark: tuple[float, float], seconds: float) -> bool:
        now, fraction = self._marks[-1]
        return now - mark[0] >= seconds and fraction - mark[1] >= LEAST_SHARE
