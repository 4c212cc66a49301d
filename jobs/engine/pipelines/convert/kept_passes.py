"""What an encode to a size has found out, kept so that one that was interrupted need not find it out again: what the
first pass has measured, and to which rates tries led that came out too large.
"""

import json
from collections.abc import Callable
from pathlib import Path

from jobs.engine.container import ffmpeg
from jobs.engine.pipelines.convert.conversion import ConversionPlan
from jobs.engine.pipelines.convert.ffmpeg_args import Job
from jobs.engine.runtime.kept_parts import KeptParts

VERSION = 1
"""Rises when the same recording would be measured in another way."""
LOG = "pass"
"""How the names of all files begin that an encoder leaves for its second pass."""
BLOCK_BYTES = 16 << 20
"""x264 notes two bytes for each macroblock of each frame: hundreds of megabytes, of which so many are in memory."""
MOST_BYTES = 1 << 30
"""More than that is measured anew."""


class KeptPasses:
    def __init__(self, kept: KeptParts | None, job: Job, plan: ConversionPlan) -> None:
        self._folder = job.folder
        program = Path(ffmpeg.program()).name  # which has its version in it
        how = ("passes", VERSION, program, job.info, job.options, plan, job.colours, job.bare)
        self._parts = kept.of(*how) if kept else None

    def measured(self, measure: Callable[[], None]) -> None:
        """Have the files of the first pass in the folder: those of an attempt before, or those that `measure` makes."""
        if not self._restored():
            measure()
            self._save()

    def aim_after(self, number: int) -> int | None:
        """The rate in kbit/s that followed from a try; None for one that was not finished."""
        stored = self._parts and self._parts.load(f"try-{number}")
        return int(bytes(stored)) if stored else None

    def missed(self, number: int, kbps: int) -> None:
        """A try came out too large: this is what the next one aims at."""
        if self._parts:
            self._parts.save(f"try-{number}", str(kbps).encode())

    def _save(self) -> None:
        files = sorted(self._folder.glob(f"{LOG}*"))
        if self._parts is None or sum(file.stat().st_size for file in files) > MOST_BYTES:
            return
        lengths = {file.name: file.stat().st_size for file in files}
        for file in files:
            with file.open("rb") as source:
                for number in range(_blocks(lengths[file.name])):
                    self._parts.save(f"{file.name}-{number}", source.read(BLOCK_BYTES))
        self._parts.save("files", json.dumps(lengths).encode())

    def _restored(self) -> bool:
        stored = self._parts and self._parts.load("files")
        if not stored or not self._parts:
            return False
        for name, length in json.loads(bytes(stored)).items():
            with (self._folder / name).open("wb") as file:
                for number in range(_blocks(length)):
                    if (block := self._parts.load(f"{name}-{number}")) is None:
                        return False
                    file.write(block)
        self._parts.accept()
        return True


def _blocks(length: int) -> int:
    return -(-length // BLOCK_BYTES)
