"""How often a bucket is asked what a folder tells at any time: each of its lists costs, and takes its time."""

import time

from jobs.storage import kept


class Look:
    """When it was last asked, on this process' own clock; `seconds` are the least between two times."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at = -seconds

    def is_due(self) -> bool:
        """A folder may be asked every time."""
        now = time.monotonic()
        if not kept.store().is_folder and now - self._at < self._seconds:
            return False
        self._at = now
        return True
