"""Texts that are made once and kept by all that went into them, as many as fit."""

import threading
from collections import OrderedDict
from collections.abc import Hashable

LARGEST = 64 * 1024
"""Letters of one text and its key. What is larger holds what somebody sent, and would take the place of all others."""


class Kept:
    """Those used last, up to so many and so many letters (of one to four bytes). Threads may share it."""

    def __init__(self, texts: int, letters: int) -> None:
        self._texts, self._letters = texts, letters
        self._found: OrderedDict[Hashable, tuple[str, int]] = OrderedDict()
        self._held = 0
        self._guard = threading.Lock()

    def __len__(self) -> int:
        return len(self._found)

    @property
    def letters(self) -> int:
        """How many are held."""
        return self._held

    def find(self, key: Hashable) -> str | None:
        with self._guard:
            if key not in self._found:
                return None
            self._found.move_to_end(key)
            return self._found[key][0]

    def keep(self, key: Hashable, text: str, letters_of_key: int = 0) -> None:
        letters = len(text) + letters_of_key
        if letters > LARGEST:
            return
        with self._guard:
            self._held += letters - self._found.pop(key, ("", 0))[1]
            self._found[key] = text, letters
            while len(self._found) > self._texts or self._held > self._letters:
                self._held -= self._found.popitem(last=False)[1][1]

    def clear(self) -> None:
        with self._guard:
            self._found.clear()
            self._held = 0
