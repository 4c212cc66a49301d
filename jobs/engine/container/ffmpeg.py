"""ffmpeg's command lines: what every one of them begins with, how it reads a file, and how far it has got."""

import functools
import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg

from jobs.engine.container import mp3_frames
from jobs.engine.model.progress import Advance
from jobs.engine.runtime import processors, subprocess_runner

# The formats' own protocols only: a playlist or a script must not make ffmpeg open another file or the network.
SAFE_INPUT = ("-protocol_whitelist", "file,pipe")


def program() -> str:
    """Path of the ffmpeg that imageio-ffmpeg carries, or of the one that IMAGEIO_FFMPEG_EXE names."""
    return os.environ.get("IMAGEIO_FFMPEG_EXE") or _carried()


@functools.cache
def _carried() -> str:
    """Looked for here first: imageio-ffmpeg runs it once in every process to see whether it can."""
    found = sorted((Path(imageio_ffmpeg.__file__).parent / "binaries").glob("ffmpeg-*"))
    if len(found) != 1 or not os.access(found[0], os.X_OK):
        return imageio_ffmpeg.get_ffmpeg_exe()
    return os.fspath(found[0])


def threads() -> list[str]:
    """Before an input: as many for its decoder, and for filters, as there are processors for this process. Of itself
    ffmpeg counts those of the machine, however little of their time a container has."""
    count = str(processors.available())
    return ["-filter_threads", count, "-filter_complex_threads", count, "-threads", count]


def reading(path: Path, format: str) -> list[str]:
    """ffmpeg's arguments to read a file as a format of libavformat's, and to open nothing else."""
    skipping = [part for key, value in mp3_frames.skip_options(path, format).items() for part in (f"-{key}", value)]
    return [*SAFE_INPUT, *skipping, "-f", format, "-i", f"file:{path}"]


def writing() -> list[str]:
    """The begin of ffmpeg's command line for a new file: it asks nobody, and says only what goes wrong."""
    return [program(), "-y", "-nostdin", "-hide_banner", "-loglevel", "warning"]


def positions(child: subprocess_runner.Child) -> Iterator[Fraction]:
    """Output positions in seconds that ffmpeg reports, for a child started with `-progress pipe:1`."""
    for raw in child.stdout:
        key, _, value = raw.decode(errors="replace").strip().partition("=")
        if key == "out_time_us" and value.lstrip("-").isdigit():
            yield Fraction(int(value), 1_000_000)


def follow(
    argv: Sequence[str],
    seconds: Fraction,
    progress: Advance,
    *,
    log: subprocess_runner.CommandLog | None = None,
) -> str:
    """Run an ffmpeg that was given `-progress pipe:1` to its end and return the last lines of its standard error.

    `progress` gets the fraction of `seconds` of output that is there, 0 to 1, never less than before; what it raises
    ends the program. Raises ToolError, ResourceError.
    """
    done = 0.0
    with subprocess_runner.started(argv, log=log) as child:
        for position in positions(child):
            # ffmpeg tells where one of its tracks is, and not always the same one.
            done = max(done, min(1.0, float(position / seconds)))
            progress(done)
        child.wait()
        return child.tail
