"""Recognisers at work, each in a process of its own."""

import contextlib
import dataclasses
import json
import os
import selectors
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from jobs.engine.captions import asr_worker
from jobs.engine.captions.asr_worker import Samples
from jobs.engine.runtime import sandbox, subprocess_runner
from jobs.engine.runtime.subprocess_runner import Child, CommandLog
from jobs.errors import ToolError

EngineName = Literal["whisper", "pocketsphinx"]
MAXIMUM_PROCESSES = 4
PASSED_VARIABLES = (
    "HOME",
    "HF_HOME",
    "HF_HUB_CACHE",
    "HF_ENDPOINT",
    "HTTPS_PROXY",
    "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
)
"""What a recogniser may know of our environment: where models lie and how to fetch one. No secrets."""


@dataclasses.dataclass(frozen=True)
class RecogniserOptions:
    """Which recogniser listens. `model` is a folder or a name, for Whisper alone; `language` "" finds out by itself."""

    engine: EngineName = "pocketsphinx"
    model: str = ""
    language: str = ""

    @property
    def maximum_seconds(self) -> Fraction:
        """Seconds that it hears at once: Whisper's window; pocketsphinx does not become better beyond a sentence."""
        return Fraction(30) if self.engine == "whisper" else Fraction(15)

    def in_language(self, found: Sequence[tuple[str, int]]) -> "RecogniserOptions":
        """The same; where it was to find out the language, in the one that was found before."""
        return dataclasses.replace(self, language=found[0][0]) if found and not self.language else self

    @property
    def processes(self) -> int:
        """Whisper spreads over the cores by itself."""
        return 1 if self.engine == "whisper" else min(MAXIMUM_PROCESSES, len(os.sched_getaffinity(0)))


class RecogniserPool:
    """Recognisers that wait for work; they end with the block."""

    def __init__(self, options: RecogniserOptions, count: int, log: CommandLog | None) -> None:
        self.children: list[Child] = []
        self.model = self.device = ""
        self._options, self._count, self._log = options, count, log
        self._stack = contextlib.ExitStack()
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> "RecogniserPool":
        with self._stack as stack:
            stack.enter_context(self._selector)
            for _ in range(self._count):
                started = subprocess_runner.started(
                    command(self._options), log=self._log, stdin=-1, env=environment(), limits=limits(self._options)
                )
                child = stack.enter_context(started)
                self.children.append(child)
                self._selector.register(child.stdout, selectors.EVENT_READ, child)
            for child in self.children:
                ready = _line(child)
                self.model, self.device = str(ready["model"]), str(ready["device"])
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *told: object) -> None:
        self._stack.close()

    def ask(self, child: Child, samples: Samples) -> None:
        """Give audio to a recogniser that waits."""
        try:
            child.stdin.write(json.dumps({"samples": len(samples)}).encode() + b"\n" + samples.tobytes())
            child.stdin.flush()
        except BrokenPipeError as error:
            raise _gone(child) from error

    def answers(self) -> Iterator[tuple[Child, dict[str, Any]]]:
        """The answers that are there; none when none comes within half a second."""
        for key, _ in self._selector.select(0.5):
            yield key.data, _line(key.data)


def command(options: RecogniserOptions) -> list[str]:
    return [sys.executable, "-P", "-m", asr_worker.__name__, json.dumps(dataclasses.asdict(options))]


def environment() -> dict[str, str]:
    passed = {name: os.environ[name] for name in PASSED_VARIABLES if name in os.environ}
    # One thread of BLAS is enough: the recognisers have threads of their own.
    return passed | sandbox.environment()


def limits(options: RecogniserOptions) -> subprocess_runner.Limits:
    """Only what is fetched by name needs the network."""
    return subprocess_runner.Limits(network=options.engine == "whisper" and not Path(options.model).is_dir())


def _line(child: Child) -> dict[str, Any]:
    line = child.stdout.readline()
    if not line:
        raise _gone(child)
    message: dict[str, Any] = json.loads(line)
    return message


def _gone(child: Child) -> ToolError:
    """What to raise when a recogniser has ended by itself."""
    child.wait()
    return ToolError("The recogniser stopped before it was done. Tell the operator, who can see why.")
