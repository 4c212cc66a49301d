"""Where a piece of work does what it does, and whom it tells."""

import dataclasses
from pathlib import Path

from jobs.engine.model.progress import Progress
from jobs.engine.runtime.kept_parts import KeptParts
from jobs.engine.runtime.subprocess_runner import CommandLog


@dataclasses.dataclass(frozen=True)
class Workspace:
    """`scratch` is an existing folder for temporary files, `cache` one that belongs to the bytes of the source.

    `progress` gets a fraction from 0 to 1 and a stage in plain words; what it raises ends the work. `log` keeps the
    commands that were run. `kept` are parts of the result that an attempt before has made, and room for others.
    """

    scratch: Path
    cache: Path | None = None
    progress: Progress = lambda fraction, stage: None
    log: CommandLog = dataclasses.field(default_factory=CommandLog)
    kept: KeptParts | None = None

    def share(self, begin: float, end: float) -> "Workspace":
        """The same for a part of the work, which is the whole for whoever does it."""

        def progress(fraction: float, stage: str) -> None:
            self.progress(begin + (end - begin) * fraction, stage)

        return dataclasses.replace(self, progress=progress)
