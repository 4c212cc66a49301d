"""Probing: a recording looked at in a bounded child process, because its bytes come from strangers.

`python -m jobs.engine.pipelines.probe PATH [--poster OUT.jpg] [--hash]` prints one line of JSON:
`{"info": {...}, "sha256": "...", "poster": true}`, or what went wrong (see `sandbox`).
"""

import argparse
import dataclasses
import hashlib
import os
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.probe import discontinuities
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime import sandbox, subprocess_runner
from jobs.errors import Crash, InputError, TooHeavy

__all__ = ["Probed", "inspect", "probe"]

MEMORY_BYTES = 4 << 30
"""Address space, not memory in use: room for the reference pictures of an 8K recording."""
POSTER_BYTES = 16 << 20
POSTER_WIDTH = 640
SLOWEST_READ = 25_000_000
"""Bytes a second that even a busy disk gives."""
READS = 4
"""The whole file is read for its hash; a transport stream also for its clock, and twice more for a copy of it."""
SLOWEST_WORK = 50_000_000
"""Bytes a second that even a slow processor hashes and takes apart."""


@dataclasses.dataclass(frozen=True)
class Probed:
    """What probing found. `poster` is where the picture was written, None for sound and when none could be made."""

    info: MediaInfo
    sha256: str
    poster: Path | None = None


def probe(path: Path, *, poster: Path | None = None, log: subprocess_runner.CommandLog | None = None) -> Probed:
    """Inspect and hash a recording in a child process, and write its poster (a JPEG) to `poster` when asked.

    Raises InputError as jobs.engine.probe.inspection does, and with code `unreadable` when the child broke down or went
    beyond its limits of processor time or memory. Raises ResourceError when the machine was too slow or busy, ran out
    of disk, or killed the child for want of memory: that says nothing about the recording.
    """
    subprocess_runner.require_file(path)
    argv = command(path.absolute(), poster.absolute() if poster else None)
    try:
        return parsed(sandbox.ask(argv, limits(path.stat().st_size), log), poster)
    except (Crash, TooHeavy, ValueError, LookupError, TypeError) as error:
        raise unreadable(path, error) from error


def parsed(answer: sandbox.Answer, poster: Path | None) -> Probed:
    info = MediaInfo.from_json(answer["info"])
    return Probed(info, answer["sha256"], poster if answer["poster"] else None)


def command(path: Path, poster: Path | None) -> list[str]:
    wanted = ["--poster", os.fspath(poster)] if poster else []
    return sandbox.command(__name__, "--hash", *wanted, "--", os.fspath(path))


def limits(size: int) -> subprocess_runner.Limits:
    seconds, copied = discontinuities.limits(size)
    return subprocess_runner.Limits(
        seconds=60 + size // SLOWEST_WORK + seconds,
        wall_seconds=120 + READS * size / SLOWEST_READ,
        memory_bytes=MEMORY_BYTES,
        file_bytes=max(POSTER_BYTES, copied),
        network=False,
    )


def unreadable(path: Path, error: Exception) -> InputError:
    return InputError(
        "The recording could not be read: looking at it failed or needed too much. Export or convert it with another "
        "program and upload that.",
        detail=getattr(error, "detail", "") or f"{path}: {error}",
        code="unreadable",
    )


def answer(path: Path, poster: Path | None, hashed: bool) -> dict[str, Any]:
    """What the child says about a file."""
    with discontinuities.continuous(path, path.parent) as (file, info):
        return {
            "info": info.to_json(),
            "sha256": sha256(path) if hashed else "",
            "poster": poster is not None and info.video is not None and has_poster(file, info, poster),
        }


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def has_poster(path: Path, info: MediaInfo, out: Path) -> bool:
    """Write the poster. A recording without one is still a recording, so no failure here is one of probing."""
    # Late: drawing needs numpy, which probing does without.
    from jobs.engine.video import thumbnails

    try:
        thumbnails.poster(path, info, out, width=poster_width(info))
        return out.is_file()
    except Exception:  # noqa: BLE001 whatever these bytes have done to the decoder
        traceback.print_exc()
        out.unlink(missing_ok=True)
        return False


def poster_width(info: MediaInfo) -> int:
    """The width at which the long side has POSTER_WIDTH pixels."""
    width, height = info.require_video().display_size
    return max(2, POSTER_WIDTH * width // max(width, height))


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.engine.pipelines.probe", description="Print what a recording is."
    )
    parser.add_argument("path", type=Path)
    parser.add_argument("--poster", type=Path, metavar="OUT.jpg", help="write a picture of it here")
    parser.add_argument("--hash", action="store_true", help="read all of it for its SHA-256")
    options = parser.parse_args(argv)
    sandbox.answer(lambda: answer(options.path, options.poster, options.hash))


if __name__ == "__main__":
    main()
