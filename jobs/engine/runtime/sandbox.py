"""Work on strangers' bytes in a bounded child process: a program of ours that prints one line of JSON.

The line is what was asked for, or {"error": {"code", "message", "detail"}, "kind": one of KINDS}, or
{"broken": "..."} for what nobody had thought of. Whose fault a failure is decides what becomes of an upload: one of the
bytes happens every time, and shows as TooHeavy (processor time, memory, size of what is written) or Crash. All else is
the server's: time on the clock, a kill from outside, a program that could not be started.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import av.error
import av.logging

import jobs
from jobs.engine.runtime import fork_server, network_filter, processors, subprocess_runner
from jobs.engine.runtime.warm_children import WARMTH, WarmChild
from jobs.errors import Busy, Crash, InputError, JobError, ResourceError, TimedOut, ToolError

Answer = dict[str, Any]
ROOT = Path(jobs.__file__).parents[1]
"""What the child imports us from."""
KINDS: dict[str, type[JobError]] = {"input": InputError, "resource": ResourceError, "tool": ToolError}


def ask(
    argv: list[str],
    limits: subprocess_runner.Limits,
    log: subprocess_runner.CommandLog | None = None,
    *,
    given: bytes = b"",
    at_start: Callable[[subprocess_runner.Child], None] = lambda child: None,
) -> Answer:
    """The child's answer; `given` and `at_start` are those of `subprocess_runner.output`.

    Raises what the child raised (InputError, ResourceError, ToolError), TooHeavy, Crash, and Busy for whatever is no
    fault of the bytes and may pass.
    """
    try:
        warm = partial(warm_child, argv, limits, is_given=bool(given))
        line = subprocess_runner.output(
            argv, log=log, limits=limits, env=environment(), given=given, at_start=at_start, otherwise=warm
        )
        answer = json.loads(line)
    except Crash:
        raise
    except (ToolError, TimedOut, OSError) as error:
        raise busy(getattr(error, "detail", "") or str(error)) from error
    except ValueError as error:
        raise crash(f"{argv}: {error}") from error
    if not isinstance(answer, dict) or "broken" in answer:
        raise crash(str(answer))
    if "error" in answer:
        raise KINDS.get(answer.get("kind", ""), InputError)(**answer["error"])
    return answer


def command(module: str, *arguments: str) -> list[str]:
    """The command line of `python -m MODULE`. `-P` keeps the current folder off its import path."""
    return [sys.executable, "-P", "-m", module, *arguments]


def warm_child(argv: list[str], limits: subprocess_runner.Limits, *, is_given: bool) -> WarmChild | None:
    """The same child as a fork; None where it has to be started."""
    *python, _ = command("")
    of_ours, rest = argv[: len(python)], argv[len(python) :]
    if limits.network or of_ours != python or not rest:
        return None
    module, *arguments = rest
    return WARMTH.start(module, arguments, subprocess_runner.bounds(limits), is_given=is_given)


def allow_warm(*modules: str) -> None:
    """Let this process have a server whose forks have these modules. It ends with this process, by itself."""
    argv = command(fork_server.__name__, "%d", *modules)
    WARMTH.allow([*subprocess_runner.no_network(), *argv], environment(), modules)


def warm() -> None:
    """There will be work for a child."""
    WARMTH.warm()


def environment() -> dict[str, str]:
    """All that the child is told: no secrets of the site, and few threads, each of which reserves address space."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": os.fspath(ROOT),
        "LANG": "C.UTF-8",
        "MALLOC_ARENA_MAX": "2",
        "OPENBLAS_NUM_THREADS": "1",
        processors.SHARED_BY: os.environ.get(processors.SHARED_BY, "1"),
    }


def busy(detail: str) -> Busy:
    return Busy("The server is too busy to look at this now. Try again in a few minutes.", detail=detail)


def crash(detail: str) -> Crash:
    return Crash("Looking at the file failed. Export or convert it with another program and use that.", detail=detail)


# In the child --------------------------------------------------------------------------------------------------------


def answer(work: Callable[[], Answer]) -> None:
    """Do the work without network and print what it gives or raises."""
    network_filter.enter()
    # What libavformat has to say goes to standard error, and from there into the log of whoever asked.
    av.logging.set_level(av.logging.ERROR)
    av.logging.restore_default_callback()
    print(json.dumps(answered(work)))  # noqa: T201


def answered(work: Callable[[], Answer]) -> Answer:
    try:
        return work()
    except tuple(KINDS.values()) as error:
        fields = {"code": error.code, "message": error.message, "detail": error.detail}
        return {"error": fields, "kind": next(name for name, kind in KINDS.items() if isinstance(error, kind))}
    except MemoryError:
        raise  # beyond its limit, as `subprocess_runner` reads in what Python prints
    except Exception as error:  # the boundary: whatever these bytes have done, it is told
        traceback.print_exc()
        # libav has system errors of its own making for bytes that make no sense; Python's are the server's.
        if isinstance(error, OSError) and error.errno and not isinstance(error, av.error.FFmpegError):
            raise
        return {"broken": "".join(traceback.format_exception(error))}
