"""Many people at once: each goes on until told to stop, and notes whatever went wrong."""

import hashlib
import random
import threading
import time
from collections.abc import Callable
from typing import Self

from tests.hosts.caller import Caller

READ = ("/api/v1/videos", "/api/v1/jobs", "/api/v1/me", "/healthz", "/api/v1/operations")


class Load:
    """Runs functions again and again, each in a thread of its own, until the block ends. `wrong` is what they said."""

    def __init__(self, *tasks: Callable[[], None], pause: float = 0.05) -> None:
        self.wrong: list[str] = []
        self.done = 0
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._repeat, args=(task, pause), daemon=True) for task in tasks]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(120)

    def _repeat(self, task: Callable[[], None], pause: float) -> None:
        while not self._over.is_set():
            try:
                task()
            except Exception as error:  # noqa: BLE001 whatever it is belongs into the test's message
                self.wrong.append(f"{time.strftime('%X')} {type(error).__name__}: {error}")
            self.done += 1
            time.sleep(pause)


class Person:
    """What one account does, all of it noted: `videos` are the bytes' hashes of recordings that arrived, by their ids,
    `jobs` what was asked for."""

    def __init__(self, caller: Caller, recording: bytes) -> None:
        self.caller, self.recording = caller, recording
        self.videos: dict[str, str] = {}
        self.jobs: list[str] = []

    def looks(self) -> None:
        path = random.choice(READ)
        answer = self.caller.get(path)
        assert answer.status_code == 200, f"GET {path}: {answer.status_code} {answer.text[:200]}"

    def uploads(self, pause: float = 0.1) -> str:
        """A recording like no other, in several chunks."""
        own = self.recording + free_box(random.randbytes(16))
        video = self.caller.upload(own, "talk.mp4", pause=pause, piece=len(own) // 5 + 1)
        self.videos[video] = hashlib.sha256(own).hexdigest()
        return video

    def works(self) -> None:
        """Asks for work on the first of the recordings."""
        self.jobs.append(self.caller.ask(next(iter(self.videos)), "thumbnails", count=2))


def free_box(content: bytes) -> bytes:
    """A box of MP4 that says nothing: it makes a file another one with the same recording in it."""
    return (8 + len(content)).to_bytes(4, "big") + b"free" + content
